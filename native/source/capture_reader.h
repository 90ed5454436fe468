// Reads the records of a capture file as packets. One reader per format over a ByteWindow; none trusts a length it read.
#pragma once

#include <memory>
#include <string>

#include "../core/prefetch.h"
#include "byte_window.h"
#include "source.h"

namespace flowspan {

enum class ReadState : uint8_t {
  full,    // the batch is full, or more can be appended at once
  refill,  // the window must move first: meter what the batch holds, then call again with an empty one
  end,     // no more packets; `trouble` says when the capture is damaged
};

class CaptureReader {
 public:
  virtual ~CaptureReader() = default;
  // Appends packets behind `batch.count`.
  virtual ReadState read(PacketBatch& batch) = 0;
  // Back to the first packet; false when this input can be read only once.
  virtual bool rewind() = 0;
  // A link type number (DLT) that packets of this kind have, for compiling filters.
  virtual uint32_t linkNumber(LinkType link) const = 0;
  // What the capture's own statistics say was lost when it was taken (pcapng only).
  virtual uint64_t droppedByNic() const { return 0; }
  virtual uint64_t droppedByKernel() const { return 0; }
  virtual size_t memoryBytes() const { return 0; }

  uint64_t packetsRead() const { return packets_; }
  // Empty, or `CODE: words`.
  const std::string& trouble() const { return trouble_; }

 protected:
  // Ends reading with EBADCAPTURE and where it happened.
  ReadState damaged(uint64_t offset, const std::string& why);

  std::string path_;
  std::string trouble_;
  uint64_t packets_ = 0;
};

// Opens a capture of any known format. Throws Failure: ENOENT, EACCES, EBADCAPTURE, ELINKTYPE.
std::unique_ptr<CaptureReader> openCapture(const std::string& path);

// libpcap refuses longer packets too (MAXIMUM_SNAPLEN); a longer length is a sign of damage.
inline constexpr uint32_t kPacketOctetsMax = 262'144;
// One record's header tells where the next one is, so each would wait for its lines: what comes so far behind is asked for.
inline constexpr size_t kAskedAhead = 1024;
inline void askForRecord(const uint8_t* at) {
  askForReading(at);
  askForReading(at + 64);
}

}  // namespace flowspan
