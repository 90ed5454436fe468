// The end of a capture socket's program: how many octets of a frame that was accepted go into the ring. Packets that name hosts
// (core/observer.h) are kept as long as an observation is, since `snapLength` would cut most of them before the name: a TLS hello of
// today has 500 to 1,800 octets, DHCP its options behind 240, a DNS answer its addresses behind names. So are segments to port 443 in
// frames of up to 1,024 octets, which may be the rest of a hello. All others are cut. Pure.
//
// Seen are Ethernet with one tag beside the kernel's, IPv4, IPv6 without extension headers, and no later fragments; what lies deeper
// is cut as ever. A load beyond the frame would end the program and so lose the packet: lengths are asked before.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "../core/meter_core.h"

namespace flowspan {

// Whoever jumps to its first instruction has accepted the frame.
std::vector<sock_filter> nameTail(LinkType link, uint32_t snapLength);

}  // namespace flowspan
