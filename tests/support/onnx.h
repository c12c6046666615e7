// Reads the little of ONNX's files that node tests need: one node with its attributes, and tensors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace tarn::test {

/// The node of a model that consists of one.
struct OnnxNode {
  std::string op;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, std::vector<int64_t>> integers;  ///< attributes that are one integer or several
  std::map<std::string, std::string> strings;

  int64_t integer(const std::string& name, int64_t otherwise) const;
  std::vector<int64_t> list(const std::string& name, size_t size, int64_t otherwise) const;
};

/// Throws an Error where the file is not what is expected.
OnnxNode read_onnx_node(const std::string& path);
/// float and integer tensors; bytes become float64.
Tensor read_onnx_tensor(const std::string& path);

}  // namespace tarn::test
