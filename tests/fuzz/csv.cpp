// Fuzz target: tables. The first byte chooses how they are read, the rest is the file, plain or gzip.
#include "data/csv.h"

#include <cmath>

#include "core/error.h"
#include "data/input.h"
#include "data/skipped.h"
#include "tests/fuzz/pack.h"

namespace tarn::fuzz {

namespace {

void check_table(const CsvTable& table) {
  require(table.rows > 0 && table.features > 0, "a table has rows and columns");
  require(table.values.size() == static_cast<size_t>(table.rows * table.features), "there is a number for each cell");
  require(table.labels.size() == static_cast<size_t>(table.rows), "there is a label for each row");
  const auto classes = static_cast<int64_t>(table.class_names.size());
  for (const int64_t label : table.labels) require(label >= 0 && label < classes, "a label is a class");
  for (const float value : table.values) require(std::isfinite(value), "numbers are finite");
  const auto columns = static_cast<int64_t>(table.columns.size());
  require(columns == 0 || columns == table.features, "there is a name for each column, or for none");
}

void run_csv(std::string_view bytes) {
  constexpr CsvHeader headers[] = {CsvHeader::automatic, CsvHeader::names, CsvHeader::none, CsvHeader::counts};
  constexpr std::string_view labels[] = {"-1", "0", "kind", ""};
  constexpr std::string_view separators = ",; \t";
  const unsigned how = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]);
  Skipped skipped;
  Input in = Input::memory(bytes.substr(std::min<size_t>(bytes.size(), 1)), "input");
  const std::string table = in.read_all(size_t{1} << 22);
  check_table(parse_csv(table, "input", headers[how % 4], labels[how / 4 % 4], separators[how / 16 % 4],
                        how / 64 % 2 == 0 ? nullptr : &skipped));
}

std::string mutate_csv(std::string_view bytes, uint64_t seed, const Change& change) {
  if (bytes.empty()) return change(bytes, 32);
  return std::string(bytes.substr(0, 1)) + mutate_gzip(bytes.substr(1), seed, change);
}

const auto& csv_target = add_target({.name = "csv", .run = run_csv, .mutate = mutate_csv});

}  // namespace

}  // namespace tarn::fuzz
