// Sums over the bins of boxes and their transpose, which adds each bin's cotangent back to the cells that it read.
#include "layers/pooling/roi.h"

#include <cmath>

#include "core/parallel.h"
#include "core/record.h"

namespace tarn {

std::vector<Roi> read_boxes(const char* name, const Tensor& x, const Tensor& boxes, double scale) {
  check_planes(name, x, 2);
  check(boxes.rank() == 2 && boxes.size(1) == 5, name, ": the boxes are ", boxes.shape(),
        "; expected [R,5] with rows (image, x1, y1, x2, y2)");
  check(boxes.dtype() == x.dtype() || boxes.dtype() == Dtype::i64, name, ": the boxes are ", boxes.dtype(),
        ", but the features are ", x.dtype(), "; convert one of them");
  const int64_t images = x.rank() == 3 ? 1 : x.shape()[0];
  std::vector<Roi> out;
  for (int64_t r = 0; r < boxes.size(0); ++r) {
    const double image = boxes.at(5 * r);
    check(image >= 0 && image < static_cast<double>(images) && image == std::floor(image), name, ": box ", r,
          " is of image ", image, "; expected a whole number from 0 to ", images - 1);
    std::array<double, 4> at{};
    for (int64_t i = 0; i < 4; ++i) {
      const double v = boxes.at(5 * r + 1 + i);
      const bool single = boxes.dtype() == Dtype::f32;
      const double scaled = single ? static_cast<double>(static_cast<float>(v) * static_cast<float>(scale)) : v * scale;
      check(std::abs(scaled) < 1e9, name, ": coordinate ", i, " of box ", r, " is ", v, " · ", scale,
            "; expected a finite number of cells below 1e9");
      at[static_cast<size_t>(i)] = scaled;
    }
    out.push_back({static_cast<int64_t>(image), at[0], at[1], at[2], at[3]});
  }
  return out;
}

std::array<int64_t, 2> roi_output_size(const char* name, const Tensor& x, const RoiOptions& options,
                                       bool position_sensitive) {
  check(std::isfinite(options.spatial_scale) && options.spatial_scale > 0, name, ": spatial_scale is ",
        options.spatial_scale, "; expected a number above 0");
  const std::vector<int64_t> sizes = expand(options.output_size, 2);
  for (const int64_t s : sizes) check(s > 0, name, ": output_size is ", s, "; expected at least 1");
  const int64_t channels = x.size(-3);
  check(!position_sensitive || channels % (sizes[0] * sizes[1]) == 0, name, ": the ", channels,
        " channels do not give each of the ", sizes[0], " × ", sizes[1],
        " bins channels of its own; expected a multiple");
  return {sizes[0], sizes[1]};
}

void RoiBins::add(const char* name, const Tensor& x, int64_t image, std::vector<RoiBin> rows,
                  std::vector<RoiBin> columns) {
  RoiBox box;
  box.image = image;
  const auto spans = [](std::vector<RoiBin>& bins, std::vector<std::vector<double>>& weights) {
    std::vector<Span> out;
    for (RoiBin& bin : bins) {
      const auto taps = static_cast<int64_t>(bin.weights.size());
      out.push_back({.first = bin.first, .taps = taps, .extent = taps});
      weights.push_back(std::move(bin.weights));
    }
    return out;
  };
  const std::vector<Span> down = spans(rows, box.rows);
  const std::vector<Span> across = spans(columns, box.columns);
  box.bins = listed_windows(name, Shape{1, x.size(-2), x.size(-1)}, {down, across}, Empty::allowed);
  boxes.push_back(std::move(box));
}

namespace {

/// Where the sums of one box and one output channel come from.
struct Reader {
  const RoiBins& bins;
  int64_t channels;

  int64_t cells() const { return bins.size[0] * bins.size[1]; }
  int64_t output_channels() const { return bins.position_sensitive ? channels / cells() : channels; }

  /// f(position in its plane, weight) for each cell of bin q of a box.
  template <class F>
  void each_cell(const RoiBox& box, int64_t q, F f) const {
    const int64_t i = q / bins.size[1];
    const int64_t j = q % bins.size[1];
    const Span h = box.bins.axes[1].span(i);
    const Span w = box.bins.axes[2].span(j);
    const double* down = box.rows[static_cast<size_t>(i)].data();
    const double* across = box.columns[static_cast<size_t>(j)].data();
    for (int64_t row = 0; row < h.taps; ++row) {
      if (down[row] == 0) continue;
      const int64_t from = (h.first + row) * box.bins.axes[2].input + w.first;
      for (int64_t column = 0; column < w.taps; ++column)
        if (across[column] != 0) f(from + column, down[row] * across[column]);
    }
  }
  /// What a box costs for each channel, in the units of `parallel_range`.
  int64_t cost() const {
    size_t taps = 1;
    for (const RoiBox& box : bins.boxes)
      for (const auto& row : box.rows) taps += row.size();
    const size_t rows = bins.boxes.size() * static_cast<size_t>(bins.size[0]);
    return 4 * cells() * static_cast<int64_t>(1 + taps / std::max<size_t>(rows, 1));
  }
};

Tensor roi_spread(const char* name, const Tensor& g, const std::shared_ptr<const RoiBins>& bins, const Shape& shape) {
  const Reader read{*bins, shape[1]};
  const int64_t plane = shape[2] * shape[3];
  const auto boxes = static_cast<int64_t>(bins->boxes.size());
  Tensor x = Tensor::zeros(shape, g.dtype());
  dispatch_floating(g.dtype(), "roi_spread", [&](auto zero) {
    using T = decltype(zero);
    const T* from = g.data<T>();
    T* to = x.fill<T>();
    const int64_t cells = read.cells();
    parallel_range(shape[0] * shape[1], boxes * read.cost(), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const int64_t channel = p % shape[1];
        T* sums = to + p * plane;
        for (int64_t r = 0; r < boxes; ++r) {
          const RoiBox& box = bins->boxes[static_cast<size_t>(r)];
          if (box.image != p / shape[1]) continue;
          const bool own = bins->position_sensitive;
          const int64_t output = r * read.output_channels() + (own ? channel / cells : channel);
          for (int64_t q = own ? channel % cells : 0; q < (own ? channel % cells + 1 : cells); ++q) {
            const T cotangent = from[output * cells + q];
            read.each_cell(box, q, [&](int64_t at, double w) { sums[at] += static_cast<T>(w) * cotangent; });
          }
        }
      }
    });
  });
  return record("roi_spread", x, Edge{g, [name, bins](const Tensor& v) { return roi_sum(name, v, bins); }});
}

}  // namespace

Tensor roi_sum(const char* name, const Tensor& x, std::shared_ptr<const RoiBins> bins) {
  const Shape& s = x.shape();
  const Reader read{*bins, s[1]};
  const int64_t plane = s[2] * s[3];
  for (const RoiBox& box : bins->boxes) box.bins.check_input(name, s);
  const auto boxes = static_cast<int64_t>(bins->boxes.size());
  Tensor y(Shape{boxes, read.output_channels(), bins->size[0], bins->size[1]}, x.dtype());
  dispatch_floating(x.dtype(), "roi_sum", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    const int64_t cells = read.cells();
    parallel_range(boxes * read.output_channels(), read.cost(), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        const RoiBox& box = bins->boxes[static_cast<size_t>(o / read.output_channels())];
        const int64_t channel = o % read.output_channels();
        for (int64_t q = 0; q < cells; ++q) {
          const int64_t source = bins->position_sensitive ? channel * cells + q : channel;
          const T* cell = from + (box.image * s[1] + source) * plane;
          double total = 0;
          read.each_cell(box, q, [&](int64_t at, double w) { total += w * static_cast<double>(cell[at]); });
          to[o * cells + q] = static_cast<T>(total);
        }
      }
    });
  });
  return record("roi_sum", y, Edge{x, [name, bins, s](const Tensor& g) { return roi_spread(name, g, bins, s); }});
}

}  // namespace tarn
