// Printing numbers and tensors with few digits.
#include "apps/manual/numbers.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tarn {
namespace {

constexpr double rounding_noise = 1e-9;  // share of the largest value below which one is a rounding error
constexpr double nudge = 1e-11;  // moves values halfway between two texts to one side, whatever their last bits are

}  // namespace

std::string rounded(double value, int digits) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.*g", digits, value * (1 + nudge));
  std::string out = buffer;
  const size_t exponent = out.find('e');
  if (exponent != std::string::npos) {  // "1.5e-05" as "1.5e-5"
    size_t zeros = exponent + 2;
    while (zeros + 1 < out.size() && out[zeros] == '0') ++zeros;
    const bool plus = out[exponent + 1] == '+';
    out = out.substr(0, exponent + (plus ? 1 : 2)) + out.substr(zeros);
  }
  return out == "-0" ? "0" : out;
}

std::vector<double> cleaned(const Tensor& x) {
  std::vector<double> values(static_cast<size_t>(x.numel()));
  double most = 1;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = x.at(static_cast<int64_t>(i));
    if (std::isfinite(values[i])) most = std::max(most, std::abs(values[i]));
  }
  for (double& v : values)
    if (std::abs(v) < rounding_noise * most) v = 0;
  return values;
}

std::string index_text(const Shape& shape, int64_t position) {
  std::string out;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    out = std::to_string(position % shape[i]) + (out.empty() ? "" : ", ") + out;
    position /= shape[i];
  }
  return "[" + out + "]";
}

std::string matrix_text(const Tensor& x, int digits, const std::string& indent) {
  const std::vector<double> values = cleaned(x);
  std::vector<std::string> words;
  size_t width = 0;
  for (const double v : values) {
    words.push_back(rounded(v, digits));
    width = std::max(width, words.back().size());
  }
  const int rank = x.rank();
  const size_t columns = rank > 0 ? static_cast<size_t>(std::max<int64_t>(1, x.shape()[rank - 1])) : 1;
  const size_t rows = rank > 1 ? static_cast<size_t>(std::max<int64_t>(1, x.shape()[rank - 2])) : 1;
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0 && i % (columns * rows) == 0 && rows > 1) out += "\n";
    out += i % columns == 0 ? indent : "  ";
    out += std::string(width - words[i].size(), ' ') + words[i];
    if (i % columns == columns - 1) out += "\n";
  }
  return out;
}

}  // namespace tarn
