// Replays the corpus of the fuzz targets: every file that a parser was ever wrong about, and the seeds.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>

#include "core/file.h"
#include "tests/folders.h"
#include "tests/fuzz/target.h"

namespace tarn::test_fuzz_corpus {
namespace {

namespace fs = std::filesystem;

const fs::path corpus = fs::path(TARN_SOURCE_DIR) / "tests/fuzz/corpus";

std::vector<fs::path> sorted(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

TEST_CASE("every file of the corpus is read or refused, in little time") {
  using Clock = std::chrono::steady_clock;
  for (const auto& [name, target] : fuzz::targets()) {
    int read = 0, refused = 0;
    for (const fs::path& file : sorted(corpus / name)) {
      CAPTURE(file.string());
      const std::string bytes = read_file(file.string());
      const auto start = Clock::now();
      std::string message;
      CHECK_NOTHROW(message = fuzz::run(target, bytes));
      CHECK(std::chrono::duration<double>(Clock::now() - start).count() < 10);  // seconds; sanitizers are slow
      ++(message.empty() ? read : refused);
    }
    CAPTURE(name);
    CHECK(read > 0);  // a corpus that is refused as a whole tests nothing behind the first check
    CHECK(refused > 0);
  }
}

TEST_CASE("every target has a corpus, and every corpus a target") {
  std::set<std::string> names, folders;
  for (const auto& [name, target] : fuzz::targets()) names.insert(name);
  for (const fs::path& folder : sorted(corpus)) folders.insert(folder.filename().string());
  CHECK(names == folders);
  CHECK(names.size() >= 12);
}

}  // namespace
}  // namespace tarn::test_fuzz_corpus
