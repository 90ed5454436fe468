// process.exit() leaves without the environment's cleanup hooks, but not without atexit handlers: engines that are still
// open are closed there, so that threads have ended before memory goes and offloads are restored. Any thread.
#pragma once

#include <memory>

namespace flowspan {

class Engine;

void closeAtExit(const std::shared_ptr<Engine>& engine);
void forgetAtExit(const std::shared_ptr<Engine>& engine);

}  // namespace flowspan
