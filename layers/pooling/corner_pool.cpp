// Running maxima: along any dimension, and the four of corner pooling.
#include "core/decisions.h"
#include "core/parallel.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// For each element the position along `axis` of the largest so far: the first of equals, the last NaN.
template <class T>
void scan(const T* x, int64_t* winner, int64_t n, int64_t step, bool reverse) {
  int64_t best = reverse ? n - 1 : 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = reverse ? n - 1 - i : i;
    const T v = x[at * step];
    if (v > x[best * step] || v != v) best = at;
    winner[at * step] = best;
  }
}

Tensor running_winners(const Tensor& x, int axis, bool reverse) {
  Tensor winners(x.shape(), Dtype::i64);
  const int64_t n = x.shape()[axis];
  const int64_t inner = x.shape().product(axis + 1, x.rank());
  const int64_t lines = n > 0 ? x.numel() / n : 0;
  dispatch_floating(x.dtype(), "running_max", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    int64_t* to = winners.fill<int64_t>();
    parallel_range(lines, 2 * n, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line) {
        const int64_t at = line / inner * inner * n + line % inner;
        scan(from + at, to + at, n, inner, reverse);
      }
    });
  });
  return winners;
}

}  // namespace

Tensor running_max(const Tensor& x, int64_t dim, bool reverse) {
  const int axis = x.shape().axis(dim, "running_max");
  Tensor winners = running_winners(x, axis, reverse);
  if (Decisions* watch = Decisions::current()) winners = watch->choose("running_max", winners);
  return gather(x, axis, winners);
}

Tensor corner_pool2d(const Tensor& x, const std::string& direction) {
  check_planes("corner_pool2d", x, 2);
  if (direction == "left") return running_max(x, -1, true);
  if (direction == "right") return running_max(x, -1);
  if (direction == "top") return running_max(x, -2, true);
  check(direction == "bottom", "corner_pool2d: direction is \"", direction,
        "\"; expected \"top\", \"bottom\", \"left\" or \"right\"");
  return running_max(x, -2);
}

namespace {

struct CornerPool {
  std::string direction;
  void fields(Fields& f) {
    f("direction", direction,
      "\"left\" sees what lies at or right of a cell, \"right\" at or left, \"top\" at or below, \"bottom\" at or "
      "above",
      {.required = true, .choices = {"top", "bottom", "left", "right"}});
  }
  Tensor pool(const Tensor& x) const { return corner_pool2d(x, direction); }
};

struct CumulativeMaxPool {
  int64_t dim = -1;
  bool reverse = false;
  void fields(Fields& f) {
    f("dim", dim, "the dimension to run along; negative counts from the end");
    f("reverse", reverse, "from the end to the beginning");
  }
  Tensor pool(const Tensor& x) const {
    const char* name = "cumulative_max_pool";
    check(x.floating(), name, ": the input is int64; needs float32 or float64 values");
    for (int i = 1; i < x.rank(); ++i)
      check(x.shape()[i] > 0, name, ": the input ", batch_text(x.shape()), " is empty; only the batch may be empty");
    x.shape().axis(dim, "cumulative_max_pool: dim");  // or throws
    return running_max(x, dim, reverse);
  }
};

const auto& corner_pool_row =
    add_layer<PlainPool<CornerPool>>("CornerPool2d", "The largest value from each cell to one side of the plane.",
                                     R"({"direction": "left"})", {spatial_sample(2)})
        .formula(
            "left: y[w] = max over w' >= w of x[w']; right: w' <= w; top: y[h] = max over h' >= h; bottom: h' <= h")
        .source("Law, Deng 2018 (arXiv 1808.01244)")
        .pools(PoolGroup::region, "to find the corners of boxes: a top-left corner adds \"top\" and \"left\"")
        .samples_from(Domain::away_from_ties);

const auto& cumulative_max_pool_row =
    add_layer<PlainPool<CumulativeMaxPool>>("CumulativeMaxPool", "The largest value so far along a dimension.",
                                            R"({"dim": 2})", {spatial_sample(1)})
        .formula("y[i] = max over j <= i of x[j]; the first of equal values gets the gradient, NaN wins")
        .source("the scan of corner pooling, Law, Deng 2018 (arXiv 1808.01244)")
        .pools(PoolGroup::region, "for what has been seen so far in a sequence")
        .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
