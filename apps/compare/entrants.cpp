// What is to be compared: configs named one by one, and all that lie in a folder.
#include <algorithm>
#include <filesystem>
#include <map>

#include "apps/compare/compare.h"
#include "core/error.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

/// The .json files in `folder` and below, sorted.
std::vector<std::string> configs_below(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".json" && !at->is_directory()) files.push_back(at->path().string());
  check(!error, folder, ": cannot be read: ", error.message());
  check(!files.empty(), folder, ": no .json file lies in this folder or below; expected configs");
  std::ranges::sort(files);
  return files;
}

/// The name of the folder that a file lies in.
std::string folder_name(const std::string& file) {
  const std::string name = fs::weakly_canonical(file).parent_path().filename().string();
  return name.empty() ? Entrant::named_group : name;
}

}  // namespace

std::vector<Entrant> entrants_of(const std::vector<std::string>& arguments) {
  std::vector<Entrant> entrants;
  for (const std::string& argument : arguments) {
    std::error_code ignored;
    const bool folder = fs::is_directory(argument, ignored);
    for (const std::string& path : folder ? configs_below(argument) : std::vector<std::string>{argument})
      entrants.push_back({path, fs::path(path).stem().string(), folder ? folder_name(path) : Entrant::named_group});
  }
  std::ranges::stable_sort(entrants, {}, &Entrant::group);
  std::map<std::pair<std::string, std::string>, std::string> paths;
  for (const Entrant& e : entrants) {
    const auto [known, added] = paths.try_emplace({e.group, e.name}, e.path);
    check(added, e.path, ": ", known->second, " has the same name, and both would be '", e.name, "' in ", e.group,
          ".jsonl; expected names that differ: rename one, or compare them apart");
  }
  return entrants;
}

}  // namespace tarn
