// Softmax-weighted pooling: sums of exponentials over windows and their transpose, a closed pair, and what is made of
// it.
#include "core/kernels/pool_exp.h"

#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::Scratch;

/// The work of one plane, in the units of `over_planes`.
int64_t exp_cost(const Windows& w) {
  return w.input_cells() + 8 * w.output_cells() * w.taps();
}

Tensor exp_sum(const Tensor* v, const Tensor& scores, const Tensor& top, const Windows& w) {
  Tensor y(w.output_shape(scores.shape()), scores.dtype());
  dispatch_floating(scores.dtype(), "window_exp_sum", [&](auto zero) {
    using T = decltype(zero);
    const T* from = v ? v->data<T>() : nullptr;
    const T* s = scores.data<T>();
    const T* tops = top.data<T>();
    T* to = y.fill<T>();
    const int64_t in = w.input_cells();
    const int64_t out = w.output_cells();
    kernels::over_planes(w.planes(scores.shape()), exp_cost(w), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        if (from)
          kernels::exp_sums<true>(w, from + p * in, s + p * in, tops + p * out, to + p * out);
        else
          kernels::exp_sums<false, T>(w, nullptr, s + p * in, tops + p * out, to + p * out);
      }
    });
  });
  return y;
}

Tensor window_exp_sum(const Tensor& v, const Tensor& scores, const Tensor& top, const Windows& w);

/// Σ_o g_o e^(s_i - top_o) over the windows o that see cell i: the transpose of `window_exp_sum`.
Tensor window_exp_spread(const Tensor& g, const Tensor& scores, const Tensor& top, const Windows& w) {
  Tensor dx(scores.shape(), scores.dtype());
  dispatch_floating(scores.dtype(), "window_exp_spread", [&](auto zero) {
    using T = decltype(zero);
    const T* from = g.data<T>();
    const T* s = scores.data<T>();
    const T* tops = top.data<T>();
    T* to = dx.fill<T>();
    const int64_t in = w.input_cells();
    const int64_t out = w.output_cells();
    kernels::over_planes(w.planes(scores.shape()), exp_cost(w), [&](int64_t begin, int64_t end) {
      Scratch scratch(Scratch::size<T>(w.axes[2].output));
      T* line = scratch.take<T>(w.axes[2].output);
      for (int64_t p = begin; p < end; ++p)
        kernels::exp_spread(w, from + p * out, s + p * in, tops + p * out, to + p * in, line);
    });
  });
  return record("window_exp_spread", dx,
                Edge{g, [scores, top, w](const Tensor& v) { return window_exp_sum(v, scores, top, w); }},
                Edge{scores, [](const Tensor& v, const Tensor& spread) { return v * spread; }});
}

/// Σ v_i e^(s_i - top_o) over each window o.
Tensor window_exp_sum(const Tensor& v, const Tensor& scores, const Tensor& top, const Windows& w) {
  return record(
      "window_exp_sum", exp_sum(&v, scores, top, w),
      Edge{v, [scores, top, w](const Tensor& g) { return window_exp_spread(g, scores, top, w); }},
      Edge{scores, [v, scores, top, w](const Tensor& g) { return v * window_exp_spread(g, scores, top, w); }});
}

/// The same with v = 1.
Tensor window_exp_sum(const Tensor& scores, const Tensor& top, const Windows& w) {
  return record("window_exp_sum", exp_sum(nullptr, scores, top, w),
                Edge{scores, [scores, top, w](const Tensor& g) { return window_exp_spread(g, scores, top, w); }});
}

/// The same with v = scores.
Tensor window_own_exp_sum(const Tensor& x, const Tensor& top, const Windows& w) {
  return record("window_exp_sum", exp_sum(&x, x, top, w), Edge{x, [x, top, w](const Tensor& g) {
                                                                 const Tensor spread = window_exp_spread(g, x, top, w);
                                                                 return spread + x * spread;
                                                               }});
}

}  // namespace

Tensor window_tops(const Tensor& scores, const Windows& w) {
  w.check_input("window_tops", scores.shape());
  Tensor top(w.output_shape(scores.shape()), scores.dtype());
  dispatch_floating(scores.dtype(), "window_tops", [&](auto zero) {
    using T = decltype(zero);
    const T* s = scores.data<T>();
    T* to = top.fill<T>();
    kernels::over_planes(w.planes(scores.shape()), 2 * w.input_cells(), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) kernels::exp_tops(w, s + p * w.input_cells(), to + p * w.output_cells());
    });
  });
  return top;
}

Tensor window_softmax_mean(const Tensor& v, const Tensor& scores, const Windows& w) {
  w.check_input("window_softmax_mean", v.shape());
  check(v.shape() == scores.shape() && v.dtype() == scores.dtype(), "window_softmax_mean: the scores are ",
        scores.dtype(), " ", scores.shape(), "; expected ", v.dtype(), " ", v.shape(), ", as the values are");
  const Tensor top = window_tops(scores, w);
  const Tensor total = window_exp_sum(scores, top, w);
  return window_exp_sum(v, scores, top, w) / total;
}

Tensor window_softmax_mean(const Tensor& x, const Windows& w) {
  w.check_input("window_softmax_mean", x.shape());
  const Tensor top = window_tops(x, w);
  return window_own_exp_sum(x, top, w) / window_exp_sum(x, top, w);
}

Tensor window_log_sum_exp(const Tensor& scores, const Windows& w, bool mean) {
  w.check_input("window_log_sum_exp", scores.shape());
  const Tensor top = window_tops(scores, w);
  const Tensor total = window_exp_sum(scores, top, w);
  return top + log(mean ? total / window_counts(w, scores.dtype()) : total);
}

Tensor window_counts(const Windows& w, Dtype dtype) {
  std::vector<int64_t> sizes{1};
  for (int i = 3 - w.rank; i < 3; ++i) sizes.push_back(w.axes[static_cast<size_t>(i)].input);
  return sum_pool(Tensor::ones(Shape(sizes), dtype), w);
}

namespace {

Windows sample_windows(const Tensor& x, bool adaptive) {
  const int rank = x.rank() - 2;
  if (adaptive) return adaptive_windows("pool", x.shape(), rank, {2});
  return sliding_windows("pool", x.shape(), rank,
                         {.kernel_size = {3}, .stride = {2}, .padding = {1}, .ceil_mode = true});
}

}  // namespace

const auto& softmax_mean_op =
    add_op("window_softmax_mean", "mean of each window, weighed by the softmax of scores",
           [](const Tensors& t) { return window_softmax_mean(t[0], t[1], sample_windows(t[0], false)); })
        .sample({{2, 2, 7}, {2, 2, 7}})
        .sample({{2, 2, 5, 6}}, Domain::any,
                [](const Tensors& t) { return window_softmax_mean(t[0], sample_windows(t[0], false)); })
        .sample({{1, 2, 4, 3, 5}, {1, 2, 4, 3, 5}}, Domain::any,
                [](const Tensors& t) { return window_softmax_mean(t[0], t[1], sample_windows(t[0], true)); });
const auto& log_sum_exp_op =
    add_op("window_log_sum_exp", "logarithm of the sum of exponentials of each window",
           [](const Tensors& t) { return window_log_sum_exp(t[0], sample_windows(t[0], false)); })
        .sample({{2, 2, 7}})
        .sample({{2, 2, 5, 6}})
        .sample({{1, 2, 4, 3, 5}}, Domain::any,
                [](const Tensors& t) { return window_log_sum_exp(t[0], sample_windows(t[0], true)); });

}  // namespace tarn
