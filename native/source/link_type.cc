// Only the numbers that a link header of ours belongs to; 12 and 14 are DLT_RAW as some systems wrote it.
#include "link_type.h"

#include <pcap/pcap.h>

namespace flowspan {

std::optional<LinkType> linkTypeOf(uint32_t number) {
  switch (number) {
    case 1: return LinkType::ethernet;
    case 0:
    case 108: return LinkType::bsdLoopback;
    case 9: return LinkType::ppp;
    case 50: return LinkType::pppHdlc;
    case 51: return LinkType::pppoe;
    case 12:
    case 14:
    case 101:
    case 228:
    case 229: return LinkType::rawIp;
    case 113: return LinkType::linuxSll;
    case 276: return LinkType::linuxSll2;
    default: return std::nullopt;
  }
}

std::string linkTypeWords(uint32_t number) {
  const char* name = pcap_datalink_val_to_name(static_cast<int>(number));
  return std::to_string(number) + " (" + (name != nullptr ? name : "unknown") + ")";
}

}  // namespace flowspan
