// The CSV reader: one pass, numbers parsed in place.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "core/error.h"
#include "data/csv.h"

namespace tarn {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

/// A short form for messages.
std::string quoted(std::string_view s) {
  return text("'", s.substr(0, 40), s.size() > 40 ? "…'" : "'");
}

template <class T>
std::optional<T> number(std::string_view s) {
  T value{};
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error != std::errc() || end != s.data() + s.size() || s.empty()) return std::nullopt;
  return value;
}

/// Lines of a text without their ends, and the fields of the current one.
class Lines {
 public:
  Lines(std::string_view text, const std::string& name, char separator)
      : rest_(text), name_(&name), separator_(separator) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);  // a byte-order mark
  }

  /// Moves to the next line that is not blank; false at the end.
  bool next() {
    while (!rest_.empty()) {
      const size_t end = std::min(rest_.find('\n'), rest_.size());
      line_ = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++number_;
      if (trim(line_).empty()) continue;
      more_ = true;
      return true;
    }
    return false;
  }
  /// The next field of the line, without blanks and quotes around it; false at the line's end.
  bool field(std::string_view& out) {
    if (!more_) return false;
    const size_t begin = line_.find_first_not_of(" \t");
    if (begin != std::string_view::npos && line_[begin] == '"') {
      out = quoted_field(begin);
      return true;
    }
    const size_t end = line_.find(separator_);
    more_ = end != std::string_view::npos;
    out = trim(line_.substr(0, end));
    line_.remove_prefix(more_ ? end + 1 : line_.size());
    return true;
  }
  std::vector<std::string_view> fields() {
    std::vector<std::string_view> all;
    std::string_view one;
    while (field(one)) all.push_back(one);
    return all;
  }
  size_t left() const { return rest_.size(); }
  template <class... Parts>
  [[noreturn]] void error(const Parts&... parts) const {
    fail(*name_, ":", number_, ": ", parts...);
  }

 private:
  std::string_view quoted_field(size_t begin) {
    const size_t close = line_.find('"', begin + 1);
    if (close == std::string_view::npos) error("a quote that is not closed on its line");
    const std::string_view inside = line_.substr(begin + 1, close - begin - 1);
    const size_t end = line_.find_first_not_of(" \t\r", close + 1);
    more_ = end != std::string_view::npos;
    if (more_ && line_[end] != separator_) error("text after the closing quote of ", quoted(inside));
    line_.remove_prefix(more_ ? end + 1 : line_.size());
    return inside;
  }

  std::string_view rest_, line_;
  const std::string* name_;
  char separator_;
  int64_t number_ = 0;
  bool more_ = false;
};

/// Small whole numbers without from_chars: most tables of images are nothing else.
float parse_value(std::string_view s, const Lines& lines, int64_t column) {
  if (!s.empty() && s.size() <= 7) {
    int32_t whole = 0;
    size_t i = 0;
    for (; i < s.size() && s[i] >= '0' && s[i] <= '9'; ++i) whole = 10 * whole + (s[i] - '0');
    if (i == s.size()) return static_cast<float>(whole);
  }
  const auto value = number<double>(s);
  if (!value)
    lines.error("column ", column, ": ", quoted(s), " is not a number", s.empty() ? ": nothing is there" : "");
  if (!(std::abs(*value) <= static_cast<double>(std::numeric_limits<float>::max())))
    lines.error("column ", column, ": ", quoted(s), " is not a finite number");
  return static_cast<float>(*value);
}

CsvHeader kind_of(const std::vector<std::string_view>& first, const std::vector<std::string_view>& second) {
  const auto rows = number<int64_t>(first[0]);
  const auto features = first.size() > 1 ? number<int64_t>(first[1]) : std::nullopt;
  if (rows && features && *features > 0 && static_cast<uint64_t>(*features) + 1 == second.size() && first.size() > 2 &&
      std::none_of(first.begin() + 2, first.end(), [](auto s) { return number<double>(s).has_value(); })) {
    return CsvHeader::counts;
  }
  const auto numbers = std::count_if(first.begin(), first.end(), [](auto s) { return number<double>(s).has_value(); });
  // One column of text may be the labels'.
  const bool text_labels =
      std::any_of(second.begin(), second.end(), [](auto s) { return !number<double>(s).has_value(); });
  return numbers == static_cast<int64_t>(first.size()) - (text_labels ? 1 : 0) && numbers > 0 ? CsvHeader::none
                                                                                              : CsvHeader::names;
}

size_t label_column(std::string_view label, const std::vector<std::string>& columns, size_t count,
                    const std::string& name) {
  const auto found = std::find(columns.begin(), columns.end(), label);
  if (found != columns.end()) return static_cast<size_t>(found - columns.begin());
  const auto position = number<int64_t>(label);
  if (!position) {
    check(!columns.empty(), name, ": label: ", quoted(label),
          " is no number, and this table has no column names; give a number");
    fail(name, ": label: no column is called ", quoted(label), did_you_mean(label, columns));
  }
  const int64_t n = static_cast<int64_t>(count);
  check(*position >= -n && *position < n, name, ": label: there is no column ", *position, " among ", n);
  return static_cast<size_t>(*position < 0 ? *position + n : *position);
}

/// Classes of the labels in order: by value where all are integers, else by text.
void number_classes(const std::vector<std::string_view>& labels, CsvTable& table) {
  const bool integers =
      std::all_of(labels.begin(), labels.end(), [](auto s) { return number<int64_t>(s).has_value(); });
  const auto less = [integers](std::string_view a, std::string_view b) {
    return integers ? *number<int64_t>(a) < *number<int64_t>(b) : a < b;
  };
  std::map<std::string_view, int64_t, decltype(less)> classes(less);
  for (const std::string_view label : labels) classes.emplace(label, 0);
  int64_t next = 0;
  for (auto& [label, index] : classes) {
    index = next++;
    table.class_names.emplace_back(label);
  }
  for (const std::string_view label : labels) table.labels.push_back(classes.find(label)->second);
}

/// What every row must be.
struct RowForm {
  size_t columns = 0;
  size_t label = 0;     ///< its column
  int64_t classes = 0;  ///< that the header names, so that labels are numbers below it; 0: any label
};

/// Appends the line that `data` stands at. Throws where it is broken; a part of it may have been appended then.
void read_row(Lines& data, const RowForm& form, std::vector<float>& values, std::vector<std::string_view>& labels) {
  std::string_view field;
  size_t column = 0;
  for (; data.field(field); ++column) {
    if (column == form.label) {
      if (field.empty()) data.error("column ", column, ": the label is missing");
      const auto number_of = form.classes > 0 ? number<int64_t>(field) : 0;
      if (form.classes > 0 && !(number_of && *number_of >= 0 && *number_of < form.classes))
        data.error("column ", column, ": label ", quoted(field), " is not one of 0 … ", form.classes - 1,
                   ", the classes that the first line names");
      labels.push_back(field);
    } else if (column < form.columns) {
      values.push_back(parse_value(field, data, static_cast<int64_t>(column)));
    }
  }
  if (column != form.columns) data.error(column, " columns, expected ", form.columns);
}

/// Reads all rows that follow, and returns their labels.
std::vector<std::string_view> read_rows(Lines data, const RowForm& form, CsvTable& table, Skipped* skipped) {
  std::vector<std::string_view> labels;
  table.values.reserve(data.left() / 2 + 1);  // a number and its separator take two bytes at least
  while (data.next()) {
    const size_t values = table.values.size(), rows = labels.size();
    try {
      read_row(data, form, table.values, labels);
    } catch (const Error& error) {
      if (skipped == nullptr) throw;
      table.values.resize(values);
      labels.resize(rows);
      skipped->add(error.what());
    }
  }
  return labels;
}

/// A first line of rows, features and class names, in a table of so many columns.
void check_counts(const std::vector<std::string_view>& first, size_t columns, const std::string& name) {
  check(first.size() >= 3 && number<int64_t>(first[0]) && number<int64_t>(first[1]), name,
        ":1: expected the number of rows, the number of features and the names of the classes");
  check(*number<int64_t>(first[1]) == static_cast<int64_t>(columns) - 1, name, ":1: ", quoted(first[1]),
        " features are announced, the next line has ", columns - 1);
}

}  // namespace

CsvTable parse_csv(std::string_view text, const std::string& name, CsvHeader header, std::string_view label,
                   char separator, Skipped* skipped) {
  Lines lines(text, name, separator);
  check(lines.next(), name, ": the table is empty");
  const std::vector<std::string_view> first = lines.fields();
  Lines data = lines;  // where the rows start, should there be a header
  const bool more = lines.next();
  const std::vector<std::string_view> second = more ? lines.fields() : first;
  if (header == CsvHeader::automatic) header = more ? kind_of(first, second) : CsvHeader::none;
  if (header == CsvHeader::none) data = Lines(text, name, separator);

  const size_t count = header == CsvHeader::counts ? second.size() : first.size();
  CsvTable table;
  if (header == CsvHeader::names) table.columns.assign(first.begin(), first.end());
  const size_t at = label_column(label, table.columns, count, name);
  check(count >= 2, name, ": separator: each line has ", count, count == 1 ? " column" : " columns",
        "; a table needs a column of labels and at least one of numbers");
  if (header == CsvHeader::names) table.columns.erase(table.columns.begin() + static_cast<int64_t>(at));

  table.features = static_cast<int64_t>(count) - 1;
  const bool counts = header == CsvHeader::counts;
  if (counts) check_counts(first, count, name);
  const RowForm form{.columns = count, .label = at, .classes = counts ? static_cast<int64_t>(first.size()) - 2 : 0};
  const std::vector<std::string_view> labels = read_rows(data, form, table, skipped);
  check(!labels.empty(), name, ": the table has no rows", skipped != nullptr ? skipped->words("row") : "");
  table.rows = static_cast<int64_t>(labels.size());
  if (!counts) {
    number_classes(labels, table);
    return table;
  }
  const int64_t follow = table.rows + (skipped != nullptr ? skipped->count : 0);
  check(*number<int64_t>(first[0]) == follow, name, ":1: ", quoted(first[0]), " rows are announced, ", follow,
        " follow");
  for (const std::string_view row : labels) table.labels.push_back(*number<int64_t>(row));
  table.class_names.assign(first.begin() + 2, first.end());
  return table;
}

}  // namespace tarn
