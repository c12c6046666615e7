// One item of a model as it runs. For the model's own files only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layers/model.h"

namespace tarn {

/// Slots hold the values of a pass: slot 0 the input, then each step's outputs.
struct Model::Step {
  std::string name;
  std::string path;
  std::string type;
  Json config;  // the layer's own keys, for items that share it
  std::unique_ptr<Module> module;
  std::vector<std::string> output_names;  // after the first
  std::vector<size_t> reads;              // slots
  std::vector<size_t> last_reads;         // slots that no later step needs
  size_t first_slot = 0;
  bool simple = true;  // one input, one output
  bool is_read = false;
};

}  // namespace tarn
