// What the kernel says about a network interface, asked by index so that a rename does not matter. Works in whatever network
// namespace the thread is in (sysfs would show the one it was mounted in).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace flowspan {

// 0 when there is none of that name.
uint32_t interfaceIndex(const std::string& name);
// Empty when there is none of that index.
std::string interfaceName(uint32_t index);
bool interfaceIsUp(const std::string& name);
// Octets above the link header; 0 when there is none of that name.
uint32_t interfaceMtu(const std::string& name);
// ARPHRD_ value, or −1.
int interfaceHardware(const std::string& name);

struct InterfaceCounters {
  uint64_t receivedPackets = 0;
  uint64_t droppedPackets = 0;  // rx_dropped, rx_missed_errors, rx_fifo_errors: frames the port had and nobody saw
};

std::optional<InterfaceCounters> interfaceCounters(uint32_t index);

}  // namespace flowspan
