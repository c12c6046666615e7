// What a trained model is asked about: pictures, arrays and rows of numbers, made into the samples it was trained on.
#pragma once

#include <string>
#include <vector>

#include "apps/experiment.h"

namespace tarn {

/// The samples of one file.
struct Inputs {
  Tensor x;                        ///< float32 [N, …], normalised as the training part was
  std::vector<std::string> names;  ///< of each sample: "digit.png", "batch.npy[3]", "rows.csv:17"
};

/// Reads a file, told apart by its first bytes:
///   PNG, JPEG, PGM, PPM: one sample, in the model's number of channels and resized to its height and width;
///   .npy: one sample of the model's shape or a batch of them, [H, W] standing for [1, H, W]; unsigned bytes become
///         [0, 1] where the model reads pictures, as in torchvision's ToTensor;
///   anything else: a table, a sample a row, plain or gzip. A line of column names is skipped, and so is the column of
///         the labels, if it is there and the run learned from a table.
/// Throws, naming the file, where it is broken or its shape is not what the model wants.
Inputs read_inputs(const std::string& path, const Experiment& experiment, const Data& data);

}  // namespace tarn
