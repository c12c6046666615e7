// The program `tarn`.
#include <csignal>
#include <string>
#include <vector>

#include "apps/cli.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write, not a death
  return tarn::run_program(std::vector<std::string>(argv + 1, argv + argc));
}
