// The classic BPF program by which PACKET_FANOUT spreads packets over threads: a symmetric hash over the address pair, so
// that both directions of a flow and all fragments of a datagram meet. Looks through two tags; what is not IP goes by MACs.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace flowspan {

// The kernel takes its result modulo the number of sockets.
std::vector<sock_filter> fanoutProgram();

}  // namespace flowspan
