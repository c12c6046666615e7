// Tests of what is said of bad configs: beside each file of tests/bad_configs/ stands the exact message.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>

#include "apps/check.h"
#include "core/error.h"
#include "core/file.h"
#include "tests/folders.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"

namespace tarn::test_bad_configs {
namespace {

namespace fs = std::filesystem;

/// Works in the corpus' folder, so that messages name files as the cases do.
class InCorpus {
 public:
  InCorpus() { fs::current_path(TARN_SOURCE_DIR "/tests/bad_configs"); }
  InCorpus(const InCorpus&) = delete;
  InCorpus& operator=(const InCorpus&) = delete;
  ~InCorpus() { fs::current_path(before_); }

 private:
  fs::path before_ = fs::current_path();
};

/// A config, by its path in the corpus, and the lines that are expected of it.
struct BadConfig {
  std::string path;
  std::vector<std::string> expected;
};

/// All cases, sorted by path. Files in folders called "lib" and "files" are what cases include and read.
const std::vector<BadConfig>& bad_configs() {
  static const std::vector<BadConfig> all = [] {
    const InCorpus here;
    std::vector<BadConfig> found;
    for (const auto& entry : fs::recursive_directory_iterator(".")) {
      const fs::path path = entry.path().lexically_normal();
      const std::string folder = path.parent_path().filename().string();
      if (path.extension() != ".json" || folder == "lib" || folder == "files") continue;
      const std::string message = fs::path(path).replace_extension(".txt").string();
      found.push_back({path.generic_string(), test::lines_of(read_file(message))});
    }
    std::ranges::sort(found, {}, &BadConfig::path);
    return found;
  }();
  return all;
}

/// A "…" at the end of an expected line stands for what depends on the machine.
bool agrees(const std::string& line, const std::string& expected) {
  constexpr std::string_view open = "…";
  if (!expected.ends_with(open)) return line == expected;
  return line.starts_with(expected.substr(0, expected.size() - open.size()));
}

bool agree(const std::vector<std::string>& lines, const std::vector<std::string>& expected) {
  return std::ranges::equal(lines, expected, agrees);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

/// The parts of "FILE:LINE:COLUMN: /pointer: what"; nothing where the line is none of that form.
struct Line {
  std::string file, pointer, what;
};
std::optional<Line> parsed(const std::string& line) {
  size_t at = line.find(".json:");
  if (at == std::string::npos) return {};
  at += 5;
  Line out;
  out.file = line.substr(0, at);
  for (int numbers = 0; numbers < 2; ++numbers) {
    const size_t end = line.find_first_not_of("0123456789", at + 1);
    if (line[at] != ':' || end == std::string::npos || end == at + 1) return {};
    at = end;
  }
  const size_t colon = line.find(": ", at + 2);
  if (line.compare(at, 3, ": /") != 0 || colon == std::string::npos || colon + 2 >= line.size()) return {};
  out.pointer = line.substr(at + 2, colon - at - 2);
  out.what = line.substr(colon + 2);
  return out;
}

/// What is left of a message without places: the name of each setting, and what is said of it. Numbers of lines and
/// names of files inside are blotted out.
std::string without_places(const BadConfig& config) {
  std::string out;
  for (const std::string& line : config.expected) {
    const std::optional<Line> parts = parsed(line);
    if (!parts) continue;
    std::string what = parts->what;
    for (size_t at = what.find(parts->file); at != std::string::npos; at = what.find(parts->file)) {
      const size_t end = what.find_first_not_of("0123456789:", at + parts->file.size());
      what.replace(at, std::min(end, what.size()) - at, "FILE");
    }
    out += parts->pointer.substr(parts->pointer.rfind('/')) + ": " + what + "\n";
  }
  return out;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double most_seconds = 20;
#else
constexpr double most_seconds = 1;
#endif

TEST_CASE("every bad config has exactly the message that stands beside it, in less than a second") {
  const InCorpus here;
  double slowest = 0;
  std::map<std::string, int> kinds;
  for (const BadConfig& config : bad_configs()) {
    const auto start = std::chrono::steady_clock::now();
    const std::string message = test::message_of([&] { check_config(config.path); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    CHECK_MESSAGE(agree(test::lines_of(message), config.expected), config.path << "\nsays\n"
                                                                               << message << "\nexpected\n"
                                                                               << joined(config.expected));
    CHECK_MESSAGE(seconds < most_seconds, config.path << " took " << seconds << " s");
    slowest = std::max(slowest, seconds);
    ++kinds[config.path.substr(0, config.path.find('/'))];
  }
  MESSAGE(bad_configs().size() << " bad configs of " << kinds.size() << " kinds, the slowest in " << slowest << " s");
}

TEST_CASE("there are at least 200 bad configs, and some have several mistakes") {
  CHECK(bad_configs().size() >= 200);
  const auto several = [](const BadConfig& config) { return config.expected.size() > 1; };
  CHECK(std::ranges::count_if(bad_configs(), several) >= 30);
  for (const BadConfig& config : bad_configs()) CHECK_MESSAGE(!config.expected.empty(), config.path);
}

TEST_CASE("every line of a message is FILE:LINE:COLUMN: /pointer: what") {
  for (const BadConfig& config : bad_configs())
    for (const std::string& line : config.expected) {
      CHECK_MESSAGE(parsed(line).has_value(), line);
      CHECK_MESSAGE(line.find(TARN_SOURCE_DIR) == std::string::npos, line);
    }
}

TEST_CASE("no two bad configs have the same message but for its place") {
  std::map<std::string, std::string> first;
  for (const BadConfig& config : bad_configs()) {
    const auto [same, is_new] = first.emplace(without_places(config), config.path);
    CHECK_MESSAGE(is_new, config.path << " and " << same->second << " say\n" << same->first);
  }
}

TEST_CASE("mistakes of one file come in the order of its text") {
  for (const BadConfig& config : bad_configs()) {
    std::pair<long, long> before{0, 0};
    for (const std::string& line : config.expected) {
      if (!line.starts_with(config.path + ":")) continue;
      const char* numbers = line.c_str() + config.path.size() + 1;
      char* end = nullptr;
      const long row = std::strtol(numbers, &end, 10);
      const std::pair<long, long> place{row, std::strtol(end + 1, nullptr, 10)};
      CHECK_MESSAGE(before <= place, line);
      before = place;
    }
  }
}

TEST_CASE("the program says the same of some of them, with exit status 2 and nothing on stdout") {
  const InCorpus here;
  const std::vector<BadConfig>& all = bad_configs();
  for (size_t i = 0; i < all.size(); i += 29) {
    const Ended ended = run_tarn({"check", all[i].path});
    CAPTURE(all[i].path);
    CHECK(ended.status == 2);
    CHECK(ended.out == "");
    std::vector<std::string> expected;
    for (const std::string& line : all[i].expected) expected.push_back("tarn: error: " + line);
    CHECK_MESSAGE(agree(test::lines_of(ended.err), expected), ended.err);
  }
}

}  // namespace
}  // namespace tarn::test_bad_configs
