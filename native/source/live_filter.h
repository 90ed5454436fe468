// A BPF expression compiled for the kernel: what matches is kept up to the snap length, the rest never reaches the ring.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

namespace flowspan {

// An empty expression keeps every packet. Throws Failure EBADFILTER.
std::vector<sock_filter> liveFilter(const std::string& expression, const std::string& interface, uint32_t snapLength, bool rawIp);

}  // namespace flowspan
