// A test harness in one header: TEST registers a case, CHECK and CHECK_EQ report without stopping, `main` in main.cc runs
// all or those whose name contains an argument. Single thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace check {

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}
inline int& failures() {
  static int count = 0;
  return count;
}
struct Register {
  Register(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

template <typename T>
std::string show(const T& value) {
  std::ostringstream out;
  if constexpr (sizeof(T) == 1) out << static_cast<int>(value);
  else out << value;
  return out.str();
}

template <typename A, typename B>
void equal(const A& a, const B& b, const char* what, const char* file, int line) {
  if (a == b) return;
  failures()++;
  std::printf("%s:%d: %s: %s is not %s\n", file, line, what, show(a).c_str(), show(b).c_str());
}

}  // namespace check

#define CHECK_JOIN2(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN2(a, b)
#define TEST(name)                                                                            \
  static void CHECK_JOIN(test_, __LINE__)();                                                  \
  static const check::Register CHECK_JOIN(registered_, __LINE__)(name, CHECK_JOIN(test_, __LINE__)); \
  static void CHECK_JOIN(test_, __LINE__)()
#define CHECK(condition) check::equal(static_cast<bool>(condition), true, #condition, __FILE__, __LINE__)
#define CHECK_EQ(a, b) check::equal((a), (b), #a " == " #b, __FILE__, __LINE__)
