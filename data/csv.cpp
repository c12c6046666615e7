// Csv: a table with a column of labels.
#include "data/csv.h"

#include "data/dataset.h"
#include "data/input.h"

namespace tarn {
namespace {

constexpr size_t most_text = size_t{1} << 29;  // also what a small compressed file may grow to

struct Csv {
  struct Config {
    std::string path;
    std::string label = "-1";
    std::string header = "auto";
    std::string separator = ",";
    Sizes shape;
    OnError on_error;
    void fields(auto& f) {
      f("path", path,
        "the file, plain or gzip; builtin:iris.csv is in the program; ${NAME} and ${NAME:-text} are taken from the "
        "environment",
        {.required = true});
      f("label", label, "column of the labels: its name, or its number from 0, negative from the back");
      f("header", header, "what the first line is: names of columns, none, or counts (rows, features, class names)",
        {.choices = {"auto", "names", "none", "counts"}});
      f("separator", separator, "between two columns: one character");
      f("shape", shape, "of one sample, where it is not a plain row: [1, 28, 28]");
      on_error.fields(f, "a broken row is an error (fail), or left out and counted (skip)");
    }
  };

  static Samples load(const Config& c, const DataContext& context) {
    check(c.separator.size() == 1, "Csv: separator is '", c.separator, "', expected one character");
    const std::string path = resolve_path(c.path, context.folder);
    Skipped skipped;
    CsvTable table = parse_csv(Input::file(path).read_all(most_text), path, header(c.header), c.label, c.separator[0],
                               c.on_error.skips(skipped));
    std::vector<int64_t> sizes{table.rows};
    if (c.shape.empty()) {
      sizes.push_back(table.features);
    } else {
      sizes.insert(sizes.end(), c.shape.begin(), c.shape.end());
    }
    const Shape shape{std::span<const int64_t>(sizes)};
    check(shape.product(1, shape.rank()) == table.features, path, ": shape ", std::span<const int64_t>(c.shape),
          " does not hold the ", table.features, " numbers of a row");
    Samples samples;
    samples.all = {Tensor(shape, table.values), Tensor({table.rows}, table.labels)};
    samples.class_names = std::move(table.class_names);
    samples.description = text(path, ": ", table.rows, " rows of ", table.features, " numbers", skipped.words("row"));
    return samples;
  }

  static CsvHeader header(const std::string& word) {
    if (word == "auto") return CsvHeader::automatic;
    if (word == "names") return CsvHeader::names;
    if (word == "none") return CsvHeader::none;
    return CsvHeader::counts;
  }
};

const auto& csv_row =
    add_dataset<Csv>("Csv", "A table of numbers with a column of labels, plain or gzip.", TestBy::seed);

}  // namespace
}  // namespace tarn
