// A window over a plain file.
#pragma once

#include "byte_window.h"

namespace flowspan {

class FileWindow final : public ByteWindow {
 public:
  // Takes the descriptor over.
  explicit FileWindow(int fd);
  ~FileWindow() override;

 protected:
  int64_t readSome(uint8_t* to, size_t room) override;
  bool restart() override;

 private:
  int fd_;
};

}  // namespace flowspan
