// The binary form of CIFAR's authors (Krizhevsky 2009): a record is one or two bytes of labels and 3,072 of pixels, the
// red plane, the green and the blue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/input.h"

namespace tarn {

/// What a record looks like.
struct CifarForm {
  size_t label_bytes = 1;
  size_t label = 0;  ///< which of these bytes is the class
  int64_t classes = 10;
};

/// What the records of some files hold.
struct CifarRecords {
  std::string pixels;
  std::vector<int64_t> labels;
};

/// Appends the records of a file; throws "NAME: byte …" where a part of one is left over or a label is beyond the
/// classes.
void read_cifar(Input& in, const CifarForm& form, CifarRecords& records);
/// The names of the classes, one a line; throws unless there are as many as `expected`.
std::vector<std::string> read_cifar_names(Input& in, int64_t expected);

}  // namespace tarn
