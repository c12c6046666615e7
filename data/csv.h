// Tables of numbers with a column of labels, read from comma-separated text (RFC 4180 without line breaks in fields).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/skipped.h"

namespace tarn {

/// What the first line of a table is.
enum class CsvHeader {
  automatic,  ///< found out from the first two lines
  names,      ///< names of the columns
  none,       ///< the first row
  counts,     ///< rows, features, then class names: scikit-learn's form
};

/// Numbers and labels of a table.
struct CsvTable {
  int64_t rows = 0;
  int64_t features = 0;
  std::vector<float> values;             ///< [rows, features]
  std::vector<int64_t> labels;           ///< class of each row, 0 … classes - 1
  std::vector<std::string> class_names;  ///< sorted, as numbers where all are integers; or those of the header
  std::vector<std::string> columns;      ///< names of the features; empty where the table has none
};

/// Reads a table. `label` is the label's column: its name, or its number from 0, negative from the back; every other
/// column must hold finite numbers. Throws "NAME:LINE: …" with what was found and expected. With `skipped`, a row that
/// is broken is counted there and left out; what is wrong with the header or the table as a whole is still an error.
CsvTable parse_csv(std::string_view text, const std::string& name, CsvHeader header = CsvHeader::automatic,
                   std::string_view label = "-1", char separator = ',', Skipped* skipped = nullptr);

}  // namespace tarn
