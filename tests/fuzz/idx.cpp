// Fuzz target: MNIST's files, plain or gzip.
#include "data/idx.h"

#include "core/error.h"
#include "tests/fuzz/pack.h"

namespace tarn::fuzz {

namespace {

void run_idx(std::string_view bytes) {
  Input in = Input::memory(bytes, "input");
  const IdxFile file = read_idx(in, 1, 4);
  int64_t product = 1;
  for (const int64_t size : file.sizes) product *= size;
  require(!file.sizes.empty() && file.sizes.size() <= 4, "there are one to four sizes");
  require(static_cast<size_t>(product) == file.bytes.size(), "the sizes are those of the contents");
}

const auto& idx_target = add_target({.name = "idx", .run = run_idx, .mutate = mutate_gzip});

}  // namespace

}  // namespace tarn::fuzz
