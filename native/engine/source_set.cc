#include "source_set.h"

#include "../source/failure.h"
#include "../source/file_source.h"
#include "engine.h"

namespace flowspan {

std::vector<std::unique_ptr<PacketSource>> openSources(const EngineOptions& options) {
  std::vector<std::unique_ptr<PacketSource>> sources;
  if (options.ring) throw Failure("EINVAL", "source.kind ring is not built in yet");
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

}  // namespace flowspan
