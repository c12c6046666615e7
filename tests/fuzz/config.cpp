// Fuzz target: whole experiments. A line "--- NAME" begins another file, which the first one may extend or include.
#include <algorithm>
#include <map>

#include "apps/check.h"
#include "apps/model_table.h"
#include "core/error.h"
#include "tests/fuzz/target.h"
#include "tests/support/memory_files.h"

namespace tarn::fuzz {

namespace {

using ConfigFiles = test::MemoryFiles::Files;

ConfigFiles files_in(std::string_view bytes) {
  constexpr std::string_view mark = "\n--- ";
  ConfigFiles files;
  std::string name = "main.json";
  for (;;) {
    const size_t end = std::min(bytes.find(mark), bytes.size());
    files.emplace(name, bytes.substr(0, end));
    if (end == bytes.size()) return files;
    bytes.remove_prefix(end + mark.size());
    const size_t line = std::min(bytes.find('\n'), bytes.size());
    name = bytes.substr(0, line);
    bytes.remove_prefix(line);
  }
}

// A few samples of each kind, made once: what is under test is the config, and its data might be large or on a disk.
const Data& small_data(const std::string& type) {
  static std::map<std::string, Data, std::less<>> made;
  constexpr const char* points[] = {"Moons", "Circles", "Blobs", "Xor", "Spirals"};
  constexpr const char* planes[] = {"Shapes", "Keypoints", "SyntheticImages"};
  const auto is_type = [&](const char* name) { return type == name; };
  const bool drawn = std::ranges::any_of(points, is_type) || std::ranges::any_of(planes, is_type);
  const std::string used = drawn ? type : "SyntheticImages";
  if (const auto found = made.find(used); found != made.end()) return found->second;
  const std::string size = std::ranges::any_of(points, is_type) ? "" : R"(, "height": 8, "width": 8)";
  const std::string text = R"({"type": ")" + used + R"(", "n": 12)" + size + "}";
  return made.emplace(used, make_dataset(parse_json(text, "data"), 0, "")).first->second;
}

void run_config(std::string_view bytes) {
  const test::MemoryFiles files(files_in(bytes));
  if (checked_library("main.json")) return;
  const Experiment experiment = read_experiment("main.json");
  const Json written = resolved(experiment);
  require(parse_json(to_text(written, 2), "resolved") == written, "a resolved config reads back");
  const Data& data = small_data(type_of(experiment.data));
  const auto model = check_experiment(experiment, data);
  require(!model_rows(*model).empty(), "a model has a table");
  remark(experiment, *model);
}

const auto& config_target = add_target({.name = "config", .run = run_config});

}  // namespace

}  // namespace tarn::fuzz
