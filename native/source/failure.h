// An operating error of the native side: a code from the closed list in src/meter/addon.ts and words for a person.
// Thrown by open() and start() on the JavaScript thread only; a running source keeps its trouble as text instead.
#pragma once

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace flowspan {

class Failure : public std::runtime_error {
 public:
  Failure(std::string code, const std::string& words) : std::runtime_error(code + ": " + words), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

// strerror is not safe between threads; this form is.
inline std::string systemWords(int error) {
  char buffer[128];
  return strerror_r(error, buffer, sizeof buffer);
}

}  // namespace flowspan
