// MNIST's file format: a header of sizes, then unsigned bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/input.h"

namespace tarn {

/// Sizes and contents of a file.
struct IdxFile {
  std::vector<int64_t> sizes;
  std::string bytes;
};

/// Reads a file of unsigned bytes with so many dimensions. Its size is compared with what the header declares before
/// memory is taken for the contents. Throws "NAME: byte …" where it is anything else.
IdxFile read_idx(Input& in, int ranks_from, int ranks_to);

}  // namespace tarn
