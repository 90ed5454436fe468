// Runs the registered cases; arguments select by part of the name. Exit code 1 when a check failed.
#include <cstring>

#include "check.h"

int main(int argc, char** argv) {
  int ran = 0;
  for (const check::Case& c : check::cases()) {
    bool wanted = argc < 2;
    for (int i = 1; i < argc; i++) wanted = wanted || std::strstr(c.name, argv[i]) != nullptr;
    if (!wanted) continue;
    const int before = check::failures();
    c.run();
    ran++;
    if (check::failures() != before) std::printf("FAILED %s\n", c.name);
  }
  std::printf("%d cases, %d failed checks\n", ran, check::failures());
  return check::failures() == 0 && ran > 0 ? 0 : 1;
}
