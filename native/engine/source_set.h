// Opens one source per thread as the options say: the only place that knows every kind of source.
#pragma once

#include <memory>
#include <vector>

#include "../source/source.h"

namespace flowspan {

struct EngineOptions;

// Throws Failure.
std::vector<std::unique_ptr<PacketSource>> openSources(const EngineOptions& options);

}  // namespace flowspan
