// Reading a group of reference cases from its two files.
#include "apps/golden/group.h"

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"

namespace tarn::golden {
namespace {

Json read_manifest(const std::filesystem::path& path) {
  return parse_json(read_file(path.string()), path.string());
}

}  // namespace

Group::Group(const std::filesystem::path& folder, std::string name) : name_(std::move(name)) {
  try {
    manifest_ = read_manifest(folder / (name_ + ".json"));
    tensors_ = load_safetensors((folder / (name_ + ".safetensors")).string());
    for (const Json& item : cases()) {
      item.at("name").as_string();
      item.at("op").as_string();
    }
  } catch (const Error& error) {
    throw BadFile(error.what());
  }
}

Tensor Group::tensor(const Json& tensor_name) const {
  if (tensor_name.is_null()) return {};
  return tensor(tensor_name.as_string());
}

const Tensor& Group::tensor(const std::string& tensor_name) const {
  const auto found = tensors_.find(tensor_name);
  if (found == tensors_.end()) throw BadFile(name_ + ".safetensors: there is no tensor " + quote(tensor_name));
  return found->second;
}

std::vector<std::string> groups_in(const std::filesystem::path& folder) {
  std::error_code problem;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
    if (entry.path().extension() == ".safetensors") names.push_back(entry.path().stem().string());
  }
  if (problem) throw BadFile(folder.string() + ": " + problem.message());
  if (names.empty()) throw BadFile(folder.string() + ": holds no reference cases (NAME.json and NAME.safetensors)");
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace tarn::golden
