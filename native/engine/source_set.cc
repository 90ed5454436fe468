#include "source_set.h"

#include "../source/feed_source.h"
#include "../source/file_source.h"
#include "../source/ring_source.h"
#include "engine.h"

namespace flowspan {

namespace {

using Sources = std::vector<std::unique_ptr<PacketSource>>;

Sources openRings(const EngineOptions& options) {
  std::vector<std::shared_ptr<RingGroup>> groups;
  for (size_t i = 0; i < options.interfaces.size(); i++) groups.push_back(std::make_shared<RingGroup>());
  Sources sources;
  for (uint32_t i = 0; i < options.threads; i++) {
    RingOptions ring;
    ring.ringBytes = options.ringBytes;
    ring.snapLength = options.snapLength;
    ring.promiscuous = options.promiscuous;
    ring.manageOffloads = options.manageOffloads;
    ring.earlyDrop = options.earlyDrop;
    ring.memoryFolder = options.memoryFolder;
    ring.filter = options.filter;
    ring.showsNames = options.core.observations.kinds != 0;
    ring.firstStageInterval = options.core.sampling.kernelInterval;
    ring.part = i;
    ring.parts = options.threads;
    sources.push_back(std::make_unique<RingSource>(options.interfaces, ring, groups, options.testWallOffsetNs));
  }
  return sources;
}

Sources openFiles(const EngineOptions& options) {
  Sources sources;
  for (uint32_t i = 0; i < options.threads; i++) {
    FileSourceOptions file;
    file.path = options.path;
    file.realtime = options.realtime;
    file.loop = options.loop;
    file.filter = options.filter;
    file.snapLength = options.snapLength;
    file.part = i;
    file.parts = options.threads;
    sources.push_back(std::make_unique<FileSource>(std::move(file)));
  }
  return sources;
}

Sources openFeed(const EngineOptions& options, const std::shared_ptr<FeedLane>& lane) {
  FeedOptions feed;
  feed.filter = options.filter;
  feed.snapLength = options.snapLength;
  feed.manageOffloads = options.manageOffloads;
  feed.memoryFolder = options.memoryFolder;
  Sources sources;
  sources.push_back(std::make_unique<FeedSource>(options.interfaces, feed, lane, options.testWallOffsetNs));
  return sources;
}

}  // namespace

Sources openSources(const EngineOptions& options, const std::shared_ptr<FeedLane>& lane) {
  if (options.feed) return openFeed(options, lane);
  return options.ring ? openRings(options) : openFiles(options);
}

}  // namespace flowspan
