// One item of a model as it runs. For the model's own files only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layers/model.h"

namespace tarn {

/// Slots hold the values of a pass: first the model's inputs, then each step's outputs.
struct Model::Step {
  std::string name;
  std::string path;
  std::string type;
  Where where;  // of the item
  Json config;  // its own keys without expressions, for items that share it
  std::unique_ptr<Module> module;
  std::vector<std::string> output_names;  // after the first
  std::string first_name;                 // of the first output, where it has one
  std::vector<size_t> reads;              // slots
  std::vector<size_t> last_reads;         // slots that no later step needs
  size_t first_slot = 0;
  bool simple = true;  // one input, one output
  bool is_read = false;
};

}  // namespace tarn
