// Tests of the rules that the sources themselves keep: which folder may include which, where third-party headers stand,
// how long a file may be, and how it begins.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/folders.h"

namespace tarn::test_structure {
namespace {

namespace fs = std::filesystem;

struct Source {
  std::string path;  // from the top of the repository
  std::string text;
  std::vector<std::string> lines;

  std::string folder() const { return path.substr(0, path.find('/')); }
  bool has_extension(const std::set<std::string>& extensions) const {
    return extensions.count(fs::path(path).extension().string()) > 0;
  }
};

Source read_source(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  Source source{
      fs::relative(file, TARN_SOURCE_DIR).generic_string(), std::string(std::istreambuf_iterator<char>(in), {}), {}};
  std::istringstream stream(source.text);
  for (std::string line; std::getline(stream, line);) source.lines.push_back(line);
  return source;
}

// Every text file of the project but the reference cases, which are data, and the licence.
const std::vector<Source>& sources() {
  static const std::vector<Source> all = [] {
    const std::set<std::string> texts = {".cpp", ".h",     ".js", ".ts",  ".css",  ".html",
                                         ".md",  ".cmake", ".in", ".txt", ".json", ".supp"};
    std::vector<Source> found;
    for (const char* file :
         {"CMakeLists.txt", "CMakePresets.json", "CONTRIBUTING.md", "README.md", "tarn", ".ci/run"}) {
      const fs::path path = fs::path(TARN_SOURCE_DIR) / file;
      if (fs::exists(path)) found.push_back(read_source(path));
    }
    for (const char* folder : {"core", "layers", "optim", "data", "apps", "tests", "docs"}) {
      const fs::path top = fs::path(TARN_SOURCE_DIR) / folder;
      if (!fs::exists(top)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(top)) {
        const bool golden = entry.path().generic_string().find("/tests/golden/") != std::string::npos;
        if (!golden && entry.is_regular_file() && texts.count(entry.path().extension().string())) {
          found.push_back(read_source(entry.path()));
        }
      }
    }
    return found;
  }();
  return all;
}

std::vector<Source> sources_with(const std::set<std::string>& extensions) {
  std::vector<Source> found;
  std::copy_if(sources().begin(), sources().end(), std::back_inserter(found),
               [&](const Source& source) { return source.has_extension(extensions); });
  return found;
}

// The names between the given brackets of a file's #include lines.
std::vector<std::string> includes(const Source& source, char open, char close) {
  std::vector<std::string> names;
  for (const std::string& line : source.lines) {
    if (line.rfind("#include", 0) != 0) continue;
    const auto begin = line.find(open);
    const auto end = line.find(close, begin + 1);
    if (begin != std::string::npos && end != std::string::npos)
      names.push_back(line.substr(begin + 1, end - begin - 1));
  }
  return names;
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const std::string& beginning) { return text.rfind(beginning, 0) == 0; });
}

TEST_CASE("the sources are found") {
  const auto cpp = sources_with({".cpp"});
  CHECK(std::any_of(cpp.begin(), cpp.end(), [](const Source& source) { return source.path == "tests/structure.cpp"; }));
  CHECK(std::any_of(cpp.begin(), cpp.end(), [](const Source& source) { return source.folder() == "core"; }));
}

TEST_CASE("project headers are included from the root, and exist") {
  for (const Source& source : sources_with({".cpp", ".h"})) {
    for (const std::string& name : includes(source, '"', '"')) {
      const bool generated = fs::exists(fs::path(TARN_BINARY_DIR) / "generated" / name);
      CHECK_MESSAGE((generated || fs::exists(fs::path(TARN_SOURCE_DIR) / name)),
                    source.path << " includes \"" << name << "\"; write the path from the top");
    }
  }
}

TEST_CASE("includes point one way: core <- layers <- optim, data <- apps; tests see all") {
  const std::map<std::string, std::vector<std::string>> allowed = {
      {"core", {"core/"}},
      {"layers", {"core/", "layers/"}},
      {"optim", {"core/", "layers/", "optim/"}},
      {"data", {"core/", "layers/", "data/"}},
      {"apps", {"core/", "layers/", "optim/", "data/", "apps/"}},
      {"tests", {"core/", "layers/", "optim/", "data/", "apps/", "tests/"}},
  };
  for (const Source& source : sources_with({".cpp", ".h"})) {
    for (const std::string& name : includes(source, '"', '"')) {
      CHECK_MESSAGE(starts_with_any(name, allowed.at(source.folder())),
                    source.path << " must not include \"" << name << "\"");
    }
  }
}

TEST_CASE("third-party headers stay behind one file each") {
  struct Rule {
    std::vector<std::string> headers;
    std::vector<std::string> users;
    bool in_headers;
  };
  const std::vector<Rule> rules = {
      {{"tbb/", "oneapi/"}, {"core/parallel.cpp"}, false},
      {{"cblas", "openblas"}, {"core/blas.cpp"}, false},
      {{"nlohmann/"}, {"core/json"}, false},
      {{"zlib.h", "zip.h", "png.h", "jpeglib.h"}, {"data/", "tests/"}, false},
      {{"xxhash.h"}, {"core/checksum.cpp"}, false},
      {{"doctest/"}, {"tests/"}, true},
  };
  for (const Source& source : sources_with({".cpp", ".h"})) {
    for (const std::string& name : includes(source, '<', '>')) {
      for (const Rule& rule : rules) {
        if (!starts_with_any(name, rule.headers)) continue;
        const bool fits =
            starts_with_any(source.path, rule.users) && (rule.in_headers || !source.has_extension({".h"}));
        CHECK_MESSAGE(fits, source.path << " must not include <" << name << ">");
      }
    }
  }
}

TEST_CASE("files are read and written by core/file.h alone, whose calls tests can let fail") {
  for (const Source& source : sources_with({".cpp", ".h"})) {
    if (source.folder() == "tests") continue;
    for (const std::string& name : includes(source, '<', '>'))
      CHECK_MESSAGE(name != "fstream", source.path << " must not include <" << name << ">; see core/file.h");
    for (const std::string call : {"fopen(", " ::open(", " ::rename(", " ::unlink(", " ::fsync("})
      CHECK_MESSAGE((source.path.starts_with("core/file_calls") || source.text.find(call) == std::string::npos),
                    source.path << " must not call " << call << "); see core/file.h");
  }
}

TEST_CASE("headers are light: included once, and without the heavy parts of the standard library") {
  for (const Source& source : sources_with({".h"})) {
    CHECK_MESSAGE(source.text.find("#pragma once") != std::string::npos, source.path << " has no #pragma once");
    for (const std::string& name : includes(source, '<', '>')) {
      CHECK_MESSAGE((name != "iostream" && name != "regex"), source.path << " must not include <" << name << ">");
    }
  }
}

TEST_CASE("a source file has at most 400 lines, and opens with a comment saying what it is") {
  for (const Source& source : sources_with({".cpp", ".h", ".js", ".ts", ".css"})) {
    CHECK_MESSAGE(source.lines.size() <= 400, source.path << " has " << source.lines.size() << " lines");
    const std::string first = source.lines.empty() ? "" : source.lines.front();
    CHECK_MESSAGE(starts_with_any(first, {"// ", "/* "}), source.path << " opens with: " << first);
  }
}

TEST_CASE("nothing is left for later, and nothing depends on one machine") {
  // Written with a gap, so that this file passes its own test.
  for (std::string word : {"TO DO", "FIX ME", "/wo rk/", "/ro ot/"}) {
    word.erase(word.find(' '), 1);
    for (const Source& source : sources()) {
      CHECK_MESSAGE(source.text.find(word) == std::string::npos, source.path << " contains " << word);
    }
  }
}

TEST_CASE("each file of tests has a namespace of its own, so that several can be compiled as one") {
  for (const Source& source : sources_with({".cpp"})) {
    const fs::path path = source.path;
    if (path.parent_path() != "tests" || path.stem() == "main" || path.stem() == "docs_autograd") continue;
    const std::string space = "namespace tarn::test_" + path.stem().string() + " {\n";
    CHECK_MESSAGE(source.text.find("\n" + space) != std::string::npos, source.path << " lacks " << space);
  }
}

// Two of one name in one namespace are one to the linker, which then takes the functions of either.
TEST_CASE("no two headers define types of one name in one namespace") {
  std::map<std::string, std::string> defined;
  for (const Source& source : sources_with({".h"})) {
    std::string space;
    for (const std::string& line : source.lines) {
      std::istringstream words(line);
      std::string kind, name, next;
      words >> kind >> name >> next;
      if (kind == "namespace" && next == "{") space = name;
      if (kind == "enum" && name == "class") name = next;
      const bool definition = (kind == "struct" || kind == "class" || kind == "enum") && line.front() == kind.front() &&
                              line.back() == '{' && line.find("::") > line.find(name);
      if (!definition || name.find("::") != std::string::npos) continue;
      const auto [known, added] = defined.emplace(space + "::" + name, source.path);
      CHECK_MESSAGE(added, source.path << " defines " << space << "::" << name << ", as " << known->second << " does");
    }
  }
  CHECK(defined.size() > 100);
}

}  // namespace
}  // namespace tarn::test_structure
