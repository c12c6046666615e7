// A group of reference cases as it lies on disk: a manifest and the tensors that it names.
#pragma once

#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/tensor.h"

namespace tarn::golden {

/// A file that is missing or does not follow the format of reference cases; the message names it.
class BadFile : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// GROUP.json and GROUP.safetensors.
class Group {
 public:
  /// Reads both files; throws BadFile where one is missing or broken, and where a case lacks its name or op.
  Group(const std::filesystem::path& folder, std::string name);

  const std::string& name() const { return name_; }
  const Json::Array& cases() const { return manifest_.at("cases").items(); }
  /// The tensor that a case names; undefined for null. Throws BadFile where there is no such tensor.
  Tensor tensor(const Json& tensor_name) const;
  const Tensor& tensor(const std::string& tensor_name) const;

 private:
  std::string name_;
  Json manifest_;
  std::map<std::string, Tensor> tensors_;
};

/// Names of the groups in a folder, sorted; throws BadFile where it is no folder or holds none.
std::vector<std::string> groups_in(const std::filesystem::path& folder);

}  // namespace tarn::golden
