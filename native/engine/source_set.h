// Opens one source per thread as the options say: the only place that knows every kind of source.
#pragma once

#include <memory>
#include <vector>

#include "../source/source.h"

namespace flowspan {

class FeedLane;
struct EngineOptions;

// `lane` carries the frames of a `feed`. Throws Failure.
std::vector<std::unique_ptr<PacketSource>> openSources(const EngineOptions& options, const std::shared_ptr<FeedLane>& lane);

}  // namespace flowspan
