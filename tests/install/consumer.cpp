// A program outside Tarn: both ways of naming a header work, and what registers itself is linked.
#include <tarn/core/build.h>

#include <algorithm>
#include <iostream>

#include "core/registry.h"

int main() {
  const auto ops = tarn::all_ops();
  const bool registered = std::any_of(ops.begin(), ops.end(), [](const tarn::OpInfo* op) { return op->name == "exp"; });
  const bool complete = registered && !tarn::embedded_files().empty();
  std::cout << (complete ? "complete\n" : "something was lost at link time\n");
  return complete ? 0 : 1;
}
