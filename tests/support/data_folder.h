// Data files in a folder of a test's own, and data sets made of them.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "data/dataset.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"

namespace tarn::test {

/// A folder whose files are written one by one and read by a config.
struct DataFolder {
  TemporaryFolder folder;

  std::string path(const std::string& name) const { return folder / name; }
  /// Writes a file, and the folders that it lies in.
  std::string write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::filesystem::remove(path(name));  // a file that is cut to nothing first may wait for the disk
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  /// The data of a config without its braces: `"type": "Csv", "path": "t.csv"`. Nothing is kept for validation.
  Data load(const std::string& config) const {
    return make_dataset(parse_json("{" + config + R"(, "validation": 0})", "test.json"), 0, path(""));
  }
  /// What is wrong with it; empty where nothing is.
  std::string mistake(const std::string& config) const {
    return message_of([&] { load(config); });
  }
};

}  // namespace tarn::test
