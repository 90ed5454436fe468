// Link types of captures (https://www.tcpdump.org/linktypes.html) and what the decoder calls them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "../core/meter_core.h"

namespace flowspan {

inline constexpr size_t kLinkTypeCount = 8;

// Empty for a link type the decoder does not know.
std::optional<LinkType> linkTypeOf(uint32_t number);

// `127 (IEEE802_11_RADIO)`: as error messages name it.
std::string linkTypeWords(uint32_t number);

}  // namespace flowspan
