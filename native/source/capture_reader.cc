// Formats are told apart by their first octets: classic pcap and pcapng are read here, the rest by libpcap.
#include "capture_reader.h"

#include "failure.h"
#include "libpcap_reader.h"
#include "pcap_reader.h"
#include "pcapng_reader.h"

namespace flowspan {

ReadState CaptureReader::damaged(uint64_t offset, const std::string& why) {
  trouble_ = "EBADCAPTURE: " + path_ + " is damaged at offset " + std::to_string(offset) + " (" + why + "), " +
             std::to_string(packets_) + " packets read before it";
  return ReadState::end;
}

std::unique_ptr<CaptureReader> openCapture(const std::string& path) {
  auto window = openWindow(path);
  if (!window->need(4)) {
    throw Failure("EBADCAPTURE", path + (window->trouble().empty() ? " is too short to be a capture" : ": " + window->trouble()));
  }
  if (PcapReader::recognises(window->at)) return std::make_unique<PcapReader>(std::move(window), path);
  if (PcapngReader::recognises(window->at)) return std::make_unique<PcapngReader>(std::move(window), path);
  return std::make_unique<LibpcapReader>(path);
}

}  // namespace flowspan
