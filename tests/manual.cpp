// Tests of the manual of poolings: the pages of the repository are what the program prints, and what they show is so.
#include "apps/manual/manual.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>

#include "apps/manual/numbers.h"
#include "core/file.h"
#include "core/ops.h"
#include "tests/folders.h"
#include "tests/support/program.h"

namespace tarn::test_manual {
namespace {

namespace fs = std::filesystem;

const std::string docs = TARN_SOURCE_DIR "/docs";

const std::map<std::string, std::string>& manual() {
  static const std::map<std::string, std::string> files = pooling_manual(read_results(docs + "/pooling/results"));
  return files;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// What is wrong with an XML text: a tag that is not closed, an attribute without quotes, a bare & or <. Empty:
/// nothing.
std::string xml_mistake(const std::string& xml) {
  std::vector<std::string> open;
  for (size_t at = 0; at < xml.size(); ++at) {
    if (xml[at] == '&' && !holds(xml.substr(at, 7), ";")) return "a bare & at " + std::to_string(at);
    if (xml[at] == '>') return "a bare > at " + std::to_string(at);
    if (xml[at] != '<') continue;
    size_t end = at + 1;
    for (bool quoted = false; end < xml.size() && (quoted || xml[end] != '>'); ++end) {
      if (xml[end] == '\'') quoted = !quoted;
      if (!quoted && xml[end] == '=' && xml[end + 1] != '\'')
        return "an attribute without quotes at " + std::to_string(end);
      if (xml[end] == '<') return "a < inside a tag at " + std::to_string(end);
    }
    if (end >= xml.size()) return "a tag without an end at " + std::to_string(at);
    const std::string tag = xml.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag[0] == '/') {
      if (open.empty() || "/" + open.back() != tag) return "<" + tag + "> closes nothing";
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    if (open.empty() && end + 1 < xml.size() && xml.substr(end + 1) != "\n") return "something follows the last tag";
    at = end;
  }
  return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

/// The value of an attribute of a tag, as a number; NaN where it has none.
double attribute(const std::string& tag, const std::string& name) {
  const size_t at = tag.find(" " + name + "='");
  return at == std::string::npos ? std::nan("") : std::stod(tag.substr(at + name.size() + 3));
}

TEST_CASE("what moves a cell is what the pooling's enumeration lists") {
  int enumerated = 0;
  for (const PoolFamily& family : pool_families())
    for (const PoolView& view : family.example.views) {
      if (view.window.empty()) continue;
      ++enumerated;
      std::vector<int64_t> seen;
      for (size_t i = 0; i < view.seen.size(); ++i)
        if (view.seen[i]) seen.push_back(static_cast<int64_t>(i));
      CHECK_MESSAGE(seen == view.window, family.name << (view.training ? ", training" : ""));
    }
  CHECK(enumerated >= 20);
  MESSAGE(enumerated << " windows enumerated");
}

TEST_CASE("the reference in the repository is the one that is printed") {
  CHECK(read_file(docs + "/reference.md") == reference_page());
  CHECK(holds(reference_page(), "### Conv1d, Conv2d, Conv3d\n"));
  CHECK(holds(reference_page(), "| `kernel_size` | *required* |"));
}

TEST_CASE("the pages about poolings in docs are what the program prints") {
  CHECK(manual().size() > 300);
  for (const auto& [name, bytes] : manual()) {
    const std::string path = docs + "/" + name;
    const bool same = fs::exists(path) && read_file(path) == bytes;
    CHECK_MESSAGE(same,
                  path << " is not what the program prints now; run 'tarn manual docs' at the top of the sources");
  }
  for (const char* folder : {"/pooling", "/pooling/images"})
    for (const auto& entry : fs::directory_iterator(docs + folder)) {
      const std::string name = fs::relative(entry.path(), docs).generic_string();
      if (entry.is_regular_file())
        CHECK_MESSAGE(manual().contains(name), name << " is no page of the manual; remove it");
    }
}

TEST_CASE("every pooling has a page with formula, source, use, a window, a gradient and its parameters") {
  size_t rows = 0;
  for (const PoolFamily& family : pool_families()) {
    const std::string& page = manual().at("pooling/" + family.name + ".md");
    const LayerInfo& shown = family.shown();
    CAPTURE(family.name);
    for (const LayerInfo* row : family.rows) {
      CHECK(holds(page, "`" + row->name + "`"));
      CHECK_FALSE(row->formula_text.empty());
      CHECK_FALSE(row->source_text.empty());
      CHECK_FALSE(row->use_text.empty());
      ++rows;
    }
    CHECK(holds(page, shown.formula_text));
    CHECK(holds(page, plain_markdown(shown.use_text)));
    for (const FieldInfo& field : shown.config.fields()) CHECK(holds(page, "| `" + field.name + "` |"));
    for (const PoolView& view : family.example.views)
      for (const char* what : {"-window", "-gradient"}) {
        const std::string image = family.name + what + (view.training ? "-training.svg" : ".svg");
        CHECK(holds(page, "(images/" + image + ")"));
        CHECK(manual().contains("pooling/images/" + image));
      }
    CHECK(family.example.views.size() == (shown.random ? 2 : 1));
    CHECK(holds(manual().at("pooling.md"), "(pooling/" + family.name + ".md)"));
  }
  const auto poolings = all_layers();
  CHECK(static_cast<int64_t>(rows) ==
        std::count_if(poolings.begin(), poolings.end(), [](const LayerInfo* row) { return row->is_pooling; }));
  CHECK(rows > 150);
}

TEST_CASE("pictures are well-formed, and no text lies outside") {
  for (const char* broken : {"<a><b></a></b>", "<a>", "<a b=c></a>", "<a>&</a>", "<a></a><b></b>", "<a>1 > 0</a>"})
    CHECK_FALSE(xml_mistake(broken).empty());
  int texts = 0;
  for (const auto& [name, svg] : manual()) {
    if (!name.ends_with(".svg")) continue;
    CAPTURE(name);
    CHECK(xml_mistake(svg) == "");
    const bool plot = name.find("/results-") != std::string::npos;  // has a row for each pooling
    CHECK(svg.size() < (plot ? 60000u : 20000u));
    const double width = attribute(svg, "width");
    const double height = attribute(svg, "height");
    for (size_t at = svg.find("<text"); at != std::string::npos; at = svg.find("<text", at + 1)) {
      const std::string tag = svg.substr(at, svg.find('>', at) - at);
      const bool inside = attribute(tag, "x") > 0 && attribute(tag, "x") < width && attribute(tag, "y") > 0 &&
                          attribute(tag, "y") < height;
      CHECK(inside);
      ++texts;
    }
  }
  CHECK(texts > 2000);
}

/// The flat positions that an example's cell depends on.
std::vector<int64_t> seen_cells(const PoolView& view) {
  std::vector<int64_t> cells;
  for (size_t i = 0; i < view.seen.size(); ++i)
    if (view.seen[i]) cells.push_back(static_cast<int64_t>(i));
  return cells;
}

TEST_CASE("what a cell was found to see is what the geometry says") {
  int families = 0;
  for (const char* name : {"MaxPool2d", "AvgPool2d", "MedianPool2d", "SoftPool2d", "StochasticPool2d", "GatedPool2d",
                           "AdaptiveMaxPool2d", "LSEPool2d"}) {
    CAPTURE(name);
    const PoolExample example = pool_example(*find_layer(name));
    const Shape& x = example.inputs[0].shape();
    const Json* size = example.config.find("output_size");
    const Windows w = size ? adaptive_windows(name, x, 2, {size->as_integer()})
                           : sliding_windows(name, x, 2,
                                             {.kernel_size = {example.config.at("kernel_size").as_integer()},
                                              .stride = {example.config.at("stride").as_integer()},
                                              .padding = {example.config.at("padding").as_integer()}});
    for (const PoolView& view : example.views) CHECK(seen_cells(view) == w.cells(view.cell));
    families += static_cast<int>(example.views.size());
  }
  CHECK(families == 9);
}

TEST_CASE("weights and gradients of an example are those of the definition") {
  const PoolExample maximum = pool_example(*find_layer("MaxPool2d"));
  const PoolView& view = maximum.views[0];
  const std::vector<double> x = maximum.inputs[0].to_vector<double>();
  for (const int64_t i : seen_cells(view)) {
    const bool winner = x[static_cast<size_t>(i)] == view.output.at(view.cell);
    CHECK(view.weights.at(i) == (winner ? 1 : 0));
  }
  double total = 0;
  for (int64_t i = 0; i < view.gradient.numel(); ++i) total += view.gradient.at(i);
  CHECK(total == static_cast<double>(view.output.numel()));

  const PoolExample mean = pool_example(*find_layer("AdaptiveAvgPool2d"));
  const auto cells = seen_cells(mean.views[0]);
  for (const int64_t i : cells)
    CHECK(mean.views[0].weights.at(i) == doctest::Approx(1.0 / static_cast<double>(cells.size())));
}

TEST_CASE("numbers are printed short, and not by their last bits") {
  CHECK(rounded(0.125, 5) == "0.125");
  CHECK(rounded(0.03125, 3) == "0.0313");
  CHECK(rounded(std::nextafter(0.03125, 0), 3) == "0.0313");
  CHECK(rounded(std::nextafter(-0.03125, 0), 3) == "-0.0313");
  CHECK(rounded(-0.0, 5) == "0");
  CHECK(rounded(1.5e-7, 3) == "1.5e-7");
  CHECK(rounded(-2e20, 3) == "-2e20");
  CHECK(rounded(std::nan(""), 3) == "nan");
  CHECK(cleaned(Tensor(Shape{3}, std::vector<double>{1e-17, -3, 1e-4})) == std::vector<double>{0, -3, 1e-4});
  CHECK(index_text(Shape{2, 3, 4}, 23) == "[1, 2, 3]");
  CHECK(index_text(Shape{}, 0) == "[]");
  const Tensor matrix(Shape{2, 1, 2}, std::vector<double>{1, 0.25, -10, 3});
  CHECK(matrix_text(matrix, 5, " ") == "    1  0.25\n  -10     3\n");
}

Trial trial(const std::string& config, int64_t seed, double accuracy) {
  return {.config = config, .key = "k", .seed = seed, .accuracy = accuracy, .epoch_seconds = 2, .tensors_mb = 3};
}

TEST_CASE("results of comparisons stand on the pages of their layers and in the table of all") {
  CHECK(family_of("MaxPool2d") == "MaxPool");
  CHECK(family_of("MaxPool2d-wide") == "MaxPool");
  CHECK(family_of("RMAC") == "RMAC");
  CHECK(family_of("2d") == "2d");
  const TemporaryFolder folder;
  CHECK(read_results(folder / "none").empty());
  fs::create_directories(folder / "results");
  std::string lines;
  for (const Trial& t : {trial("MaxPool2d", 0, 0.9), trial("MaxPool2d", 1, 0.92), trial("SoftPool2d", 0, 0.95)})
    lines += to_text(to_json(t)) + "\n";
  write_file_atomically(folder / "results/letters.jsonl", lines);
  const auto results = read_results(folder / "results");
  const auto files = pooling_manual(results);
  CHECK(holds(files.at("pooling/MaxPool.md"), "On letters, place 2 of 2:"));
  CHECK(holds(files.at("pooling/MaxPool.md"), "| MaxPool2d | 91.00 | 1.41 | 90.00 | 92.00 | 2 | 3 |"));
  CHECK(holds(files.at("pooling/AvgPool.md"), "It is not part of the experiment."));
  CHECK(holds(files.at("pooling/RoIPool.md"), "this one reads more"));
  CHECK(holds(files.at("pooling.md"), "| [SoftPool2d](pooling/SoftPool.md) | 95.00 |"));
  CHECK(xml_mistake(files.at("pooling/images/results-letters.svg")) == "");
  write_file_atomically(folder / "results/words.jsonl", "{\"config\": 1}\n");
  CHECK_THROWS_WITH_AS(read_results(folder / "results"), doctest::Contains("words.jsonl"), Error);
}

TEST_CASE("tarn manual writes what changed, and names what is left over") {
  const TemporaryFolder folder;
  const Ended first = run_tarn({"manual", folder / "docs"});
  CHECK(first.status == 0);
  CHECK(holds(first.out, "files, of which"));
  write_file_atomically(folder / "docs/pooling/OldPool.md", "old");
  const Ended second = run_tarn({"manual", folder / "docs"});
  CHECK(second.status == 0);
  CHECK(holds(second.out, "of which 0 are new or changed"));
  CHECK(holds(second.out, "not part of the manual any more: " + (folder / "docs/pooling/OldPool.md")));
  write_file_atomically(folder / "file", "no folder");
  const Ended refused = run_tarn({"manual", folder / "file"});
  CHECK(refused.status == 2);
  CHECK(holds(refused.err, "manual: cannot make the folder"));
}

}  // namespace
}  // namespace tarn::test_manual
