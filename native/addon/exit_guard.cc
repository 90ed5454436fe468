#include "exit_guard.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "../engine/engine.h"

namespace flowspan {

namespace {

struct OpenEngines {
  std::mutex mutex;
  std::vector<std::weak_ptr<Engine>> engines;
};

// Never destroyed: handlers of other libraries may still run after ours.
OpenEngines& openEngines() {
  static auto* const open = [] {
    std::atexit([] {
      std::vector<std::weak_ptr<Engine>> engines;
      {
        std::lock_guard lock(openEngines().mutex);
        engines.swap(openEngines().engines);
      }
      for (const auto& one : engines) {
        if (const auto engine = one.lock()) engine->close();
      }
    });
    return new OpenEngines;
  }();
  return *open;
}

}  // namespace

void closeAtExit(const std::shared_ptr<Engine>& engine) {
  std::lock_guard lock(openEngines().mutex);
  openEngines().engines.push_back(engine);
}

void forgetAtExit(const std::shared_ptr<Engine>& engine) {
  std::lock_guard lock(openEngines().mutex);
  std::erase_if(openEngines().engines, [&](const auto& one) { return one.lock() == engine; });
}

}  // namespace flowspan
