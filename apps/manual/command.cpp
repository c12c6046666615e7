// The flags of `tarn manual`, and the files that it writes.
#include <cstdio>
#include <filesystem>

#include "apps/cli.h"
#include "apps/manual/manual.h"
#include "core/file.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

bool is_same(const std::string& path, const std::string& bytes) {
  return fs::is_regular_file(path) && fs::file_size(path) == bytes.size() && read_file(path) == bytes;
}

/// Files below `dir` that look like pages of the manual and are none: of layers that are gone, or renamed.
std::vector<std::string> leftovers(const std::string& dir, const std::map<std::string, std::string>& files) {
  std::vector<std::string> found;
  for (const auto& [folder, ending] : {std::pair{"pooling", ".md"}, {"pooling/images", ".svg"}})
    for (const auto& entry : fs::directory_iterator(dir + "/" + folder)) {
      const std::string name = std::string(folder) + "/" + entry.path().filename().string();
      if (entry.path().extension() == ending && !files.contains(name)) found.push_back(dir + "/" + name);
    }
  return found;
}

int run_manual(std::span<const std::string> arguments) {
  std::vector<std::string> words;
  Cli cli(
      "manual", "DIR",
      "Writes DIR/reference.md, all that a config can name, and the manual of all poolings: DIR/pooling.md, a page "
      "for\n"
      "each in DIR/pooling, pictures in DIR/pooling/images. Formulas, sources and parameters come from the registry of "
      "layers; pictures and examples\n"
      "are computed by running each layer. Lines of 'tarn compare' in DIR/pooling/results/NAME.jsonl become tables.\n"
      "The same program writes the same bytes; a test holds that the pages of the repository are up to date.\n\n"
      "examples:\n"
      "  tarn manual docs\n"
      "  tarn compare a.json b.json --out runs/digits && cp runs/digits/results.jsonl "
      "docs/pooling/results/digits.jsonl");
  cli.words(words, 1, 1, "DIR");
  if (!cli.parse(arguments)) return 0;
  const std::string& dir = words[0];
  auto files = pooling_manual(read_results(dir + "/pooling/results"));
  files["reference.md"] = reference_page();
  std::error_code error;
  fs::create_directories(dir + "/pooling/images", error);
  check(!error, "manual: cannot make the folder '", dir, "/pooling/images': ", error.message());
  size_t written = 0;
  for (const auto& [name, bytes] : files) {
    if (is_same(dir + "/" + name, bytes)) continue;
    write_file_atomically(dir + "/" + name, bytes);
    ++written;
  }
  std::printf("%zu files, of which %zu are new or changed: %s/pooling.md\n", files.size(), written, dir.c_str());
  for (const std::string& path : leftovers(dir, files))
    std::printf("not part of the manual any more: %s\n", path.c_str());
  return 0;
}

const Command& manual_row =
    add_command(107, "manual", "writes the reference, and the pages about poolings", run_manual);

}  // namespace
}  // namespace tarn
