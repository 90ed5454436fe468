// libFuzzer target: any octets as a capture file, plain or compressed. Must never crash, hang or lend octets that are not
// there; every octet of every packet is touched, so that ASan sees. `scripts/fuzz` builds it with Clang.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "../capture_reader.h"
#include "../failure.h"

using namespace flowspan;

namespace {

volatile uint64_t sink;

void readAll(CaptureReader& reader) {
  PacketBatch batch;
  ReadState state;
  do {
    batch.count = 0;
    state = reader.read(batch);
    for (size_t i = 0; i < batch.count; i++) {
      const PacketView& packet = batch.packets[i];
      if (packet.wire < packet.captured) __builtin_trap();
      uint64_t sum = 0;
      for (uint32_t k = 0; k < packet.captured; k++) sum += packet.data[k];
      sink = sink + sum;
    }
  } while (state != ReadState::end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t octets) {
  const int fd = memfd_create("capture", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, octets) != static_cast<ssize_t>(octets)) __builtin_trap();
  try {
    auto reader = openCapture("/proc/self/fd/" + std::to_string(fd));
    readAll(*reader);
    if (reader->rewind()) readAll(*reader);
  } catch (const Failure&) {
    // Refused with a reason: what most inputs deserve.
  }
  close(fd);
  return 0;
}
