// The common poolings over the taps of their windows, in public ops.
#include "layers/pooling/definitions.h"

#include "layers/pooling/taps.h"

namespace tarn::definition {

Tensor max_pool(const Tensor& x, const Windows& w) {
  const Taps t = taps_of(x, w);
  return as_output(max_taps(t.values, t), t);
}

Tensor avg_pool(const Tensor& x, const Windows& w) {
  const Taps t = taps_of(x, w);
  std::vector<double> divisors;
  for (int64_t o = 0; o < w.output_cells(); ++o) divisors.push_back(static_cast<double>(w.divisor(o)));
  return as_output(sum_taps(t.values) / Tensor(Shape{w.output_cells(), 1}, divisors).to(x.dtype()), t);
}

Tensor lp_pool(const Tensor& x, const Windows& w, double p) {
  const Taps t = taps_of(x, w);
  return as_output(pow(sum_taps(pow(abs(t.values), p)), 1 / p), t);
}

Tensor window_log_sum_exp(const Tensor& s, const Windows& w, bool mean) {
  const Taps t = taps_of(s, w);
  const Tensor top = max_taps(t.values, t).detach();
  const Tensor total = sum_taps(masked_taps(exp(masked_taps(t.values - top, t, 0)), t, 0));
  return as_output(top + log(mean ? total / t.count : total), t);
}

Tensor window_softmax_mean(const Tensor& v, const Tensor& scores, const Windows& w) {
  const Taps t = taps_of(v, w);
  return as_output(sum_taps(softmax_taps(windows(scores, w), t) * t.values), t);
}

Tensor draw_pool(const Tensor& x, const Windows& w, const Tensor& samples, DrawBy by) {
  const Taps t = taps_of(x, w);
  const Tensor top = max_taps(t.values, t);
  const Tensor exponentials = exp(masked_taps(t.values - top, t, 0));
  const Tensor weights = masked_taps(by == DrawBy::share ? clamp(t.values, 0, {}) : exponentials, t, 0).detach();
  const Tensor limit = reshape(samples, sum_taps(weights).shape()) * sum_taps(weights);
  const Tensor before = sum_taps(le(cumsum(weights, -1), limit).to(x.dtype()));
  return as_output(gather(t.values, -1, before.to(Dtype::i64)), t);
}

Tensor expected_draw(const Tensor& x, const Windows& w) {
  const Taps t = taps_of(x, w);
  const Tensor weights = clamp(t.values, 0, {});
  return as_output(sum_taps(weights * t.values) / sum_taps(weights), t);
}

Tensor mixed_pool(const Tensor& x, const Windows& w, const Tensor& lambda) {
  const Taps t = taps_of(x, w);
  return lambda * as_output(max_taps(t.values, t), t) + (1 - lambda) * as_output(mean_taps(t.values, t), t);
}

Tensor avg_unpool(const Tensor& x, const Windows& w) {
  const int64_t planes = w.planes(x.shape());
  const Tensor spread = reshape(x, Shape{1, planes, w.output_cells(), 1}) * Tensor::ones({w.taps()}, x.dtype());
  const Tensor covering = fold(Tensor::ones({1, 1, w.output_cells(), w.taps()}, x.dtype()), w);
  return reshape(fold(spread, w) / clamp(covering, 1, {}), w.input_shape("avg_unpool", x.shape()));
}

Tensor max_unpool(const Tensor& x, const Tensor& indices, const Windows& w) {
  const Shape rows{w.planes(x.shape()), w.output_cells()};
  const Tensor plane = Tensor::zeros({rows[0], w.input_cells()}, x.dtype());
  return reshape(scatter_add(plane, 1, reshape(indices, rows), reshape(x, rows)),
                 w.input_shape("max_unpool", x.shape()));
}

}  // namespace tarn::definition
