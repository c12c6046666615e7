// Making grids of the tensors of an example.
#include "apps/manual/pictures.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "apps/manual/drawing.h"
#include "apps/manual/numbers.h"

namespace tarn {
namespace {

constexpr int64_t most_planes = 6;   // drawn of one tensor
constexpr int64_t most_cells = 60;   // of tensors of which all planes are drawn
constexpr int64_t most_columns = 6;  // of what is one row
constexpr size_t most_letters = 6;   // of a number in a cell

/// The number with up to so many digits, fewer where they are many letters.
std::string short_text(double value, int most) {
  std::string out = rounded(value, most);
  for (int digits = most - 1; digits > 0 && out.size() > most_letters; --digits) out = rounded(value, digits);
  return out;
}

/// A matrix within a tensor: which elements, and where it starts.
struct Matrix {
  std::string title;
  int64_t first = 0, rows = 1, columns = 1;
  int64_t size() const { return rows * columns; }
};

/// A tensor's matrices over its last two dimensions; single values of many channels are put in one row.
std::vector<Matrix> matrices(const std::string& name, const Shape& shape) {
  std::vector<int64_t> sizes(shape.begin(), shape.end());
  while (sizes.size() > 2 && sizes.back() == 1 && sizes[sizes.size() - 2] == 1) sizes.pop_back();
  const int64_t columns = sizes.empty() ? 1 : sizes.back();
  const int64_t rows = sizes.size() > 1 ? sizes[sizes.size() - 2] : 1;
  if (columns * rows == 0) return {};
  const int64_t count = shape.numel() / (rows * columns);
  std::vector<Matrix> all;
  for (int64_t i = 0; i < count; ++i) {
    Matrix m{name, i * rows * columns, rows, columns};
    if (count > 1) {
      const Shape leading(std::span<const int64_t>(sizes).first(sizes.size() - 2));
      m.title += index_text(leading, i);
    }
    if (rows == 1 && columns > most_columns) {  // as several rows of nearly one length
      const int64_t lines = (columns + most_columns - 1) / most_columns;
      m.columns = (columns + lines - 1) / lines;
      m.rows = lines;
    }
    all.push_back(m);
  }
  return all;
}

/// The matrices that `wanted` finds something in, or all of them where they are few.
std::vector<Matrix> chosen_matrices(std::vector<Matrix> all, int64_t elements,
                                    const std::function<bool(size_t)>& wanted) {
  if (static_cast<int64_t>(all.size()) <= most_planes && elements <= most_cells) return all;
  const auto dull = [&](const Matrix& m) {
    for (int64_t i = m.first; i < std::min(m.first + m.size(), elements); ++i)
      if (wanted(static_cast<size_t>(i))) return false;
    return true;
  };
  std::erase_if(all, dull);
  if (static_cast<int64_t>(all.size()) > most_planes) all.resize(most_planes);
  return all;
}

std::vector<DrawnGrid> grids(const std::vector<Matrix>& all, int64_t elements,
                             const std::function<DrawnCell(size_t)>& cell) {
  std::vector<DrawnGrid> out;
  for (const Matrix& m : all) {
    DrawnGrid grid{m.title, m.columns, {}};
    for (int64_t i = m.first; i < std::min(m.first + m.size(), elements); ++i)
      grid.cells.push_back(cell(static_cast<size_t>(i)));
    out.push_back(std::move(grid));
  }
  return out;
}

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double v : values) most = std::max(most, std::abs(v));
  return most;
}

std::vector<DrawnGrid> input_grids(const PoolExample& example, const PoolView& view) {
  const std::vector<double> x = cleaned(example.inputs[0]);
  const std::vector<double> weights = cleaned(view.weights);
  const double most = largest(weights);
  const auto all = chosen_matrices(matrices("x", example.inputs[0].shape()), example.inputs[0].numel(),
                                   [&](size_t i) { return view.seen[i]; });
  return grids(all, example.inputs[0].numel(), [&](size_t i) {
    const bool seen = view.seen[i];
    return DrawnCell{short_text(x[i], 4), seen ? short_text(weights[i], 3) : "", most > 0 ? weights[i] / most : 0, seen,
                     !seen};
  });
}

std::string mode(const PoolExample& example, const PoolView& view) {
  return example.views.size() < 2 ? "" : view.training ? ", training" : ", not training";
}

}  // namespace

std::string window_picture(const LayerInfo& row, const PoolExample& example, const PoolView& view) {
  std::vector<DrawnGrid> all = input_grids(example, view);
  if (!all.empty()) all[0].title += ", below it dy/dx" + mode(example, view);
  const std::vector<double> y = cleaned(view.output);
  const auto here = [&](size_t i) { return static_cast<int64_t>(i) == view.cell; };
  const auto outputs = chosen_matrices(matrices("y", view.output.shape()), view.output.numel(), here);
  std::vector<DrawnGrid> results = grids(outputs, view.output.numel(), [&](size_t i) {
    return DrawnCell{short_text(y[i], 4), "", 0, here(i), !here(i)};
  });
  if (!results.empty()) results[0].arrow = true;
  all.insert(all.end(), results.begin(), results.end());
  return drawing("One window of " + row.name + mode(example, view), all);
}

std::string gradient_picture(const LayerInfo& row, const PoolExample& example, const PoolView& view) {
  const std::vector<double> g = cleaned(view.gradient);
  const double most = largest(g);
  const int64_t n = view.gradient.numel();
  const auto all = chosen_matrices(matrices("dL/dx", view.gradient.shape()), n, [&](size_t i) { return g[i] != 0; });
  std::vector<DrawnGrid> drawn = grids(all, n, [&](size_t i) {
    return DrawnCell{short_text(g[i], 3), "", most > 0 ? g[i] / most : 0, false, g[i] == 0};
  });
  if (!drawn.empty()) drawn[0].title += mode(example, view);
  return drawing("Where the gradient of " + row.name + " goes" + mode(example, view), drawn);
}

std::string small_picture(const LayerInfo& row, const PoolExample& example) {
  return thumbnail("One window of " + row.name, input_grids(example, example.views[0]));
}

}  // namespace tarn
