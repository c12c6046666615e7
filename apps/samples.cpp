// Reading samples, and fitting them to a model's input.
#include "apps/samples.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "data/image.h"
#include "data/input.h"

namespace tarn {

namespace {

constexpr size_t most_sample_bytes = size_t{1} << 30;

/// `shape` with a first dimension of n.
Shape batch_of(int64_t n, const Shape& shape) {
  std::vector<int64_t> sizes{n};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return Shape(std::span<const int64_t>(sizes));
}

Inputs from_picture(const std::string& bytes, const std::string& path, const Shape& wanted) {
  const Tensor picture = decode_image(bytes, path);
  const int rank = wanted.rank();
  check(rank == 2 || rank == 3, path, ": is a picture of ", picture.shape(), ", but the model wants ", wanted,
        "; give rows of numbers (CSV) or an array (.npy)");
  const int64_t channels = rank == 3 ? wanted[0] : 1;
  check(channels == 1 || channels == 3, path, ": is a picture, but the model wants ", channels,
        " channels; give an array (.npy) of ", wanted);
  const Tensor fitted = resize_image(convert_channels(picture, channels), wanted[rank - 2], wanted[rank - 1]);
  return {fitted.viewed(batch_of(1, wanted)), {path}};
}

Inputs from_array(const std::string& bytes, const std::string& path, const Shape& wanted) {
  const NpyArray array = decode_npy(bytes, path);
  const Shape& given = array.values.shape();
  const Shape plane = wanted.rank() == 3 && wanted[0] == 1 ? Shape(wanted.span().subspan(1)) : wanted;
  int64_t samples = 0;
  const bool one = given == wanted || given == plane;
  if (one) samples = 1;
  if (!one && given.rank() > 0 && (given == batch_of(given[0], wanted) || given == batch_of(given[0], plane)))
    samples = given[0];
  check(samples > 0, path, ": has shape ", given, "; the model wants ", wanted, ", or [N,", wanted.text().substr(1),
        " for N samples");
  Tensor x = array.values.to(Dtype::f32).viewed(batch_of(samples, wanted));
  if (array.bytes && wanted.rank() == 3) {
    Tensor scaled(x.shape());
    for (int64_t i = 0; i < x.numel(); ++i) scaled.fill<float>()[i] = x.data<float>()[i] / 255.0f;
    x = scaled;
  }
  Inputs inputs{x, {}};
  for (int64_t i = 0; i < samples; ++i) inputs.names.push_back(one ? path : text(path, "[", i, "]"));
  const int64_t each = wanted.numel();
  for (int64_t i = 0; i < x.numel(); ++i)
    check(std::isfinite(x.data<float>()[i]), path, ": element ", i % each, " of sample ", i / each, " is ",
          x.data<float>()[i], "; expected finite numbers");
  return inputs;
}

std::optional<float> finite_number(std::string_view field) {
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  const bool whole = error == std::errc() && end == field.data() + field.size();
  const auto single = static_cast<float>(value);
  return whole && std::isfinite(single) ? std::optional(single) : std::nullopt;
}

std::vector<std::string_view> fields_of(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  for (bool more = true; more;) {
    const size_t end = line.find(separator);
    std::string_view field = line.substr(0, end);
    const size_t first = std::min(field.find_first_not_of(" \t\r\""), field.size());
    field = field.substr(first, field.find_last_not_of(" \t\r\"") + 1 - first);
    fields.push_back(field);
    more = end != std::string_view::npos;
    if (more) line.remove_prefix(end + 1);
  }
  return fields;
}

/// The table that a run learned from, if it was one: its separator and its column of labels.
struct Table {
  char separator = ',';
  std::string label = {};  // empty: the run's data set is no table

  explicit Table(const Json& data) {
    const Json* type = data.is_object() ? data.find("type") : nullptr;
    if (type == nullptr || *type != Json("Csv")) return;
    const Json* given = data.find("label");
    label = given && given->is_string() ? given->as_string() : "-1";
    const Json* mark = data.find("separator");
    if (mark && mark->is_string() && mark->as_string().size() == 1) separator = mark->as_string()[0];
  }
  /// Number of the label's column; `count` where it cannot be told.
  size_t column(const std::vector<std::string>& names, size_t count) const {
    const auto named = std::find(names.begin(), names.end(), label);
    if (named != names.end()) return static_cast<size_t>(named - names.begin());
    const auto position = finite_number(label);
    if (!position) return count;
    const double at = static_cast<double>(*position) + (*position < 0 ? static_cast<double>(count) : 0);
    return at >= 0 && at < static_cast<double>(count) ? static_cast<size_t>(at) : count;
  }
};

/// Rows of numbers, read line by line.
class Rows {
 public:
  Rows(const std::string& path, const Shape& wanted, const Table& table)
      : path_(path), wanted_(wanted), table_(table) {}

  void line(std::string_view text, int64_t at) {
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) return;
    std::vector<std::string_view> fields = fields_of(text, table_.separator);
    const bool first = !started_;
    started_ = true;
    if (first &&
        std::none_of(fields.begin(), fields.end(), [](auto field) { return finite_number(field).has_value(); })) {
      names_.assign(fields.begin(), fields.end());
      return;
    }
    const auto features = static_cast<size_t>(wanted_.numel());
    if (fields.size() == features + 1 && !table_.label.empty()) {
      const size_t label = table_.column(names_, fields.size());
      check(label < fields.size(), path_, ":", at, ": there is no column ", quote(table_.label), " to leave out of ",
            fields.size(), " columns; give the ", features, " numbers alone");
      fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(label));
    }
    check(fields.size() == features, path_, ":", at, ": ", fields.size(), fields.size() == 1 ? " column" : " columns",
          "; the model wants ", features, " numbers a row", features > 1 ? ", separated by '" : "",
          features > 1 ? std::string(1, table_.separator) + "'" : "");
    for (const std::string_view field : fields) {
      const auto value = finite_number(field);
      check(value.has_value(), path_, ":", at, ": ", quote(field), " is not a finite number");
      values_.push_back(*value);
    }
    sample_names_.push_back(tarn::text(path_, ":", at));
  }

  Inputs take() {
    check(!sample_names_.empty(), path_, ": holds no rows of numbers");
    const auto n = static_cast<int64_t>(sample_names_.size());
    return {Tensor(batch_of(n, wanted_), values_), std::move(sample_names_)};
  }

 private:
  const std::string& path_;
  const Shape& wanted_;
  const Table& table_;
  std::vector<std::string> names_;
  std::vector<float> values_;
  std::vector<std::string> sample_names_;
  bool started_ = false;
};

Inputs from_table(std::string_view bytes, const std::string& path, const Shape& wanted, const Json& data) {
  check(!bytes.empty(), path, ": is empty; expected a picture, an array (.npy) or rows of numbers (CSV)");
  const bool binary = bytes.substr(0, 4096).find('\0') != std::string_view::npos;
  check(!binary, path, ": is neither a picture (PNG, JPEG, PGM, PPM), nor an array (.npy), nor text (CSV)");
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);  // a byte-order mark
  const Table table(data);
  Rows rows(path, wanted, table);
  for (int64_t at = 1; !bytes.empty(); ++at) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    rows.line(bytes.substr(0, end), at);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return rows.take();
}

Inputs read(const std::string& bytes, const std::string& path, const Experiment& experiment, const Shape& wanted) {
  switch (file_kind(bytes)) {
    case FileKind::other:
      return from_table(bytes, path, wanted, experiment.data);
    case FileKind::npy:
      return from_array(bytes, path, wanted);
    default:
      return from_picture(bytes, path, wanted);
  }
}

}  // namespace

Inputs read_inputs(const std::string& path, const Experiment& experiment, const Data& data) {
  const std::string bytes = Input::file(path).read_all(most_sample_bytes);
  Inputs inputs = read(bytes, path, experiment, data.input);
  inputs.x = data.normalisation(inputs.x);
  return inputs;
}

}  // namespace tarn
