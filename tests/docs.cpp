// Tests of the documentation: every whole config in it is read and built, every program in it is compiled, and no link
// leads nowhere.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "apps/experiment.h"
#include "core/file.h"
#include "tests/folders.h"

namespace tarn::test_docs {
namespace {

namespace fs = std::filesystem;

/// A fenced block of a page.
struct CodeBlock {
  std::string page;
  int line = 0;  // of its fence
  std::string language;
  std::string text;
};

fs::path top() {
  return TARN_SOURCE_DIR;
}

std::vector<fs::path> pages() {
  std::vector<fs::path> found{top() / "README.md", top() / "CONTRIBUTING.md"};
  for (const auto& entry : fs::recursive_directory_iterator(top() / "docs"))
    if (entry.path().extension() == ".md") found.push_back(entry.path());
  return found;
}

std::vector<CodeBlock> blocks(const std::string& language) {
  std::vector<CodeBlock> found;
  for (const fs::path& page : pages()) {
    std::istringstream in(read_file(page.string(), 1 << 20));
    bool inside = false;
    CodeBlock block;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      if (line.rfind("```", 0) != 0) {
        if (inside) block.text += line + "\n";
      } else if (inside) {
        if (block.language == language) found.push_back(block);
        inside = false;
      } else {
        block = {page.filename().string(), number, line.substr(3), ""};
        inside = true;
      }
    }
    CHECK_MESSAGE(!inside, page << " has a block that does not end");
  }
  return found;
}

TEST_CASE("every whole config in the documentation is read and built") {
  const auto configs = blocks("json");
  CHECK(configs.size() >= 5);
  for (const CodeBlock& config : configs) {
    CAPTURE(config.page);
    CAPTURE(config.line);
    const fs::path file = fs::temp_directory_path() / "tarn-docs-test.json";
    write_file_atomically(file.string(), config.text);
    const Experiment experiment = read_experiment(file.string());
    const Data data = load_data(experiment);
    const auto model = build_model(experiment, data, true);
    if (data.task == Task::classification) CHECK(model->output_shape() == Shape{1, data.classes});
    CHECK_NOTHROW(build_loss(experiment, data, *model));
    CHECK_NOTHROW(resolved(experiment));
    fs::remove(file);
  }
}

TEST_CASE("every program in the documentation is part of a file that is compiled") {
  const auto programs = blocks("cpp");
  CHECK(programs.size() >= 3);
  std::vector<std::string> sources;
  for (const char* folder : {"core", "tests"})
    for (const auto& entry : fs::recursive_directory_iterator(top() / folder))
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h")
        sources.push_back(read_file(entry.path().string(), 1 << 20));
  for (const CodeBlock& program : programs) {
    bool found = false;
    for (const std::string& source : sources) found = found || source.find(program.text) != std::string::npos;
    CHECK_MESSAGE(found, program.page << ":" << program.line << " shows code that no file has");
  }
}

/// A page without what stands between backquotes, where brackets are code.
std::string prose(const std::string& text) {
  std::string out;
  bool code = false;
  for (const char c : text) {
    if (c == '`') code = !code;
    if (!code) out += c;
  }
  return out;
}

TEST_CASE("links between pages lead somewhere") {
  int links = 0;
  for (const fs::path& page : pages()) {
    const std::string text = prose(read_file(page.string(), 1 << 20));
    for (size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1)) {
      const std::string target = text.substr(at + 2, text.find_first_of(")#", at) - at - 2);
      if (target.empty() || target.find(':') != std::string::npos) continue;
      ++links;
      CHECK_MESSAGE(fs::exists(page.parent_path() / target), page.filename().string() << " links to " << target);
    }
  }
  CHECK(links > 5);
}

}  // namespace
}  // namespace tarn::test_docs
