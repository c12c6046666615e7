// The affine map of a fully connected layer, and its bilinear relative.
#include <algorithm>

#include "core/kernels/gemm.h"
#include "core/ops.h"
#include "core/ops/product.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

/// x [rows, in] · weightᵀ + bias, off the tape.
Tensor affine(const Tensor& x, const Tensor& weight, const Tensor& bias, const Shape& shape, int64_t rows) {
  const int64_t in = weight.shape()[1];
  const int64_t out = weight.shape()[0];
  Tensor y(shape, x.dtype());
  dispatch_floating(x.dtype(), "linear", [&](auto t) {
    using T = decltype(t);
    T* to = y.fill<T>();
    if (bias.defined()) {
      const T* from = bias.data<T>();
      parallel_range(rows, out, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) std::copy(from, from + out, to + r * out);
      });
    }
    kernels::matrix_product<T>(false, true, rows, out, in, 1, x.data<T>(), in, weight.data<T>(), in,
                               bias.defined() ? T(1) : T(0), to, out);
  });
  return y;
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check(weight.rank() == 2, "linear: weight needs shape [out, in], got ", weight.shape());
  const int64_t in = weight.shape()[1];
  const int64_t out = weight.shape()[0];
  check(x.rank() > 0 && x.size(-1) == in, "linear: the input is ", x.shape(), " and weight ", weight.shape(),
        " expects ", in, " features in its last dimension");
  check(x.dtype() == weight.dtype(), "linear: the input is ", x.dtype(), " and the weight ", weight.dtype());
  check(!bias.defined() || bias.shape() == Shape{out}, "linear: bias needs shape ", Shape{out}, ", got ", bias.shape());
  check(!bias.defined() || bias.dtype() == x.dtype(), "linear: the input is ", x.dtype(), " and the bias ",
        bias.dtype());
  const int64_t rows = x.shape().product(0, x.rank() - 1);
  const Shape result = x.shape().with(x.rank() - 1, out);
  const auto back_to_x = [weight, s = x.shape(), rows](const Tensor& g) {
    return reshape(product("linear", reshape(g, Shape{rows, weight.shape()[0]}), weight, false, false), s);
  };
  const auto back_to_weight = [x, rows](const Tensor& g) {
    return product("linear", reshape(g, Shape{rows, g.size(-1)}), reshape(x, Shape{rows, x.size(-1)}), true, false);
  };
  const Tensor y = affine(x, weight, bias, result, rows);
  if (!bias.defined()) return record("linear", y, Edge{x, back_to_x}, Edge{weight, back_to_weight});
  return record("linear", y, Edge{x, back_to_x}, Edge{weight, back_to_weight},
                Edge{bias, [](const Tensor& g) { return g; }});
}
const auto& linear_row = add_op("linear", "x · weightᵀ + bias",
                                [](const Tensors& t) { return linear(t[0], t[1], t.size() > 2 ? t[2] : Tensor()); })
                             .sample({{3, 4}, {2, 4}, {2}})
                             .sample({{2, 3, 4}, {2, 4}})
                             .sample({{4}, {2, 4}, {2}});

Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias) {
  check(weight.rank() == 3, "bilinear: weight needs shape [out, in1, in2], got ", weight.shape());
  const int64_t out = weight.shape()[0];
  const int64_t in1 = weight.shape()[1];
  const int64_t in2 = weight.shape()[2];
  check(x1.rank() > 0 && x1.size(-1) == in1, "bilinear: the first input is ", x1.shape(), " and weight ",
        weight.shape(), " expects ", in1, " features");
  check(x2.rank() > 0 && x2.size(-1) == in2, "bilinear: the second input is ", x2.shape(), " and weight ",
        weight.shape(), " expects ", in2, " features");
  check(x1.shape().with(x1.rank() - 1, in2) == x2.shape(), "bilinear: inputs ", x1.shape(), " and ", x2.shape(),
        " differ before their last dimension");
  const int64_t rows = x1.shape().product(0, x1.rank() - 1);
  // [rows, in1] · [in1, out · in2], then each row's [out, in2] times its x2.
  const Tensor spread = reshape(permute(weight, {1, 0, 2}), Shape{in1, out * in2});
  const Tensor half = mm(reshape(x1, Shape{rows, in1}), spread);
  const Tensor y = bmm(reshape(half, Shape{rows, out, in2}), reshape(x2, Shape{rows, in2, 1}));
  const Tensor flat = reshape(y, x1.shape().with(x1.rank() - 1, out));
  if (!bias.defined()) return flat;
  check(bias.shape() == Shape{out}, "bilinear: bias needs shape ", Shape{out}, ", got ", bias.shape());
  return flat + bias;
}
const auto& bilinear_row = add_op("bilinear", "x1ᵀ · weight · x2 + bias for each output", [](const Tensors& t) {
                             return bilinear(t[0], t[1], t[2], t[3]);
                           }).sample({{3, 2}, {3, 4}, {2, 2, 4}, {2}});

}  // namespace tarn
