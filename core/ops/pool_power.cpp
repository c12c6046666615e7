// Lp pooling over any geometry, and the two sums that all of its derivatives are made of.
#include "core/kernels/pool_power.h"

#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::PowerSign;

/// Which sums a member of the family takes: windows, with a divisor for each; a factor; the exponent; what signs do.
struct PowerForm {
  Windows w;
  double scale = 1;
  double q = 1;
  PowerSign sign = PowerSign::even;

  /// That of the derivative by x.
  PowerForm lowered() const {
    PowerForm f = *this;
    f.q -= 1;
    if (sign != PowerSign::real) f.sign = sign == PowerSign::even ? PowerSign::odd : PowerSign::even;
    return f;
  }
};

/// Calls f(reduction) with the fast rows for sums of |x|^p or sgn(x) |x|^p where there are some.
template <class T, class F>
bool with_rows(double p, PowerSign sign, const kernels::PowerSum<T>& exact, F f) {
  using kernels::RowPower;
  const bool odd = sign == PowerSign::odd;
  if (sign == PowerSign::real || (p != 1 && p != 2 && p != 3) || (p == 1 && !odd)) return false;
  if (p == 1) f(RowPower<T, 1, true>{exact});
  if (p == 2) odd ? f(RowPower<T, 2, true>{exact}) : f(RowPower<T, 2, false>{exact});
  if (p == 3) odd ? f(RowPower<T, 3, true>{exact}) : f(RowPower<T, 3, false>{exact});
  return true;
}

template <class T>
void spread_generic(const PowerForm& f, kernels::SpreadFrom<T> from, T* dx, int64_t begin, int64_t end) {
  const int64_t in = f.w.input_cells();
  const int64_t out = f.w.output_cells();
  std::fill_n(dx + begin * in, (end - begin) * in, T(0));
  for (int64_t p = begin; p < end; ++p) {
    const kernels::PowerSpread<T> reduction{
        {kernels::Power<T>(f.q), f.sign}, static_cast<T>(f.scale), from.y + p * out};
    kernels::spread_plane(f.w, from.g + p * out, from.x + p * in, dx + p * in, reduction);
  }
}

/// Row by row, but for planes whose roots are too large or too small for it.
template <class T, class R>
void spread_rows(const PowerForm& f, int64_t planes, kernels::SpreadFrom<T> from, T* dx, const R& r) {
  const auto& [a, b, c] = f.w.axes;
  const auto rows = kernels::row_forms<T, R>(c).backward;
  const int64_t out = f.w.output_cells();
  const int64_t cost = kernels::spread_cost(f.w);
  kernels::with_row_scratch<T>(c, planes, cost, [&](int64_t begin, int64_t end, const kernels::RowScratch<T>& scratch) {
    while (begin < end) {
      int64_t fit = begin;
      while (fit < end && r.safe(from.y + fit * out, out)) ++fit;
      if (fit > begin) rows(f.w, from, dx, begin, fit, scratch, r);
      if (fit < end) spread_generic(f, from, dx, fit, fit + 1);
      begin = fit + 1;
    }
  });
}

Tensor power_gather(const Tensor& v, const Tensor& x, const Tensor& y, const PowerForm& f);

/// y, and |y|, with 1 where y is 0: what may be divided by.
Tensor divisors(const Tensor& y) {
  return masked_fill(y, eq(y.detach(), Tensor::zeros({}, y.dtype())), 1);
}

// dx_i = Σ_o c_o g_o σ(x_i) (|x_i| / |y_o|)^q over the windows o that see i.
Tensor power_spread(const Tensor& g, const Tensor& x, const Tensor& y, const PowerForm& f) {
  Tensor dx(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "power_spread", [&](auto t) {
    using T = decltype(t);
    const kernels::SpreadFrom<T> from{g.data<T>(), y.data<T>(), x.data<T>()};
    T* to = dx.fill<T>();
    const int64_t planes = f.w.planes(x.shape());
    const PowerSign sign =
        f.sign == PowerSign::odd ? PowerSign::even : PowerSign::odd;  // of the sum that y is a root of
    const kernels::PowerSum<T> sum{kernels::Power<T>(f.q + 1), sign, true, static_cast<T>(f.scale)};
    const auto by_rows = [&](const auto& r) { spread_rows(f, planes, from, to, r); };
    if (f.sign != PowerSign::real && with_rows<T>(f.q + 1, sign, sum, by_rows)) return;
    kernels::over_planes(planes, kernels::spread_cost(f.w) * 16,
                         [&](int64_t begin, int64_t end) { spread_generic(f, from, to, begin, end); });
  });
  const Edge by_g{g, [x, y, f](const Tensor& v) { return power_gather(v, x, y, f); }};
  if (f.q == 0) return record("power_spread", dx, by_g);
  return record(
      "power_spread", dx, by_g,
      Edge{x,
           [g, x, y, f](const Tensor& v) { return v * power_spread(g / divisors(abs(y)), x, y, f.lowered()) * f.q; }},
      Edge{y, [g, x, y, f](const Tensor& v) { return g * power_gather(v, x, y, f) / divisors(y) * -f.q; }});
}

// h_o = c_o Σ_i v_i σ(x_i) (|x_i| / |y_o|)^q over what window o sees: the transpose of power_spread.
Tensor power_gather(const Tensor& v, const Tensor& x, const Tensor& y, const PowerForm& f) {
  Tensor h(y.shape(), x.dtype());
  dispatch_floating(x.dtype(), "power_gather", [&](auto t) {
    using T = decltype(t);
    const T* px = x.data<T>();
    const T* pv = v.data<T>();
    const T* py = y.data<T>();
    T* to = h.fill<T>();
    const int64_t in = f.w.input_cells();
    const int64_t out = f.w.output_cells();
    kernels::over_planes(f.w.planes(x.shape()), 16 * out * f.w.taps(), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const kernels::PowerGather<T> reduction{
            {kernels::Power<T>(f.q), f.sign}, static_cast<T>(f.scale), pv + p * in, py + p * out};
        kernels::reduce_plane(f.w, px + p * in, to + p * out, reduction);
      }
    });
  });
  const Edge by_v{v, [x, y, f](const Tensor& g) { return power_spread(g, x, y, f); }};
  if (f.q == 0) return record("power_gather", h, by_v);
  return record(
      "power_gather", h, by_v,
      Edge{x,
           [v, x, y, f](const Tensor& g) { return v * power_spread(g / divisors(abs(y)), x, y, f.lowered()) * f.q; }},
      Edge{y, [y, q = f.q](const Tensor& g, const Tensor& out) { return g * out / divisors(y) * -q; }});
}

/// The sum whose root Lp pooling is.
PowerForm lp_form(const Windows& w, double p, LpSign sign, bool scale_partial) {
  PowerForm f{w, 1, p, PowerSign::even};
  const bool whole = p == std::floor(p);
  const bool even = std::fmod(p, 2) == 0;
  if (sign == LpSign::with_sign || (sign == LpSign::plain && whole && !even)) f.sign = PowerSign::odd;
  if (sign == LpSign::plain && !whole) f.sign = PowerSign::real;
  f.w.count_include_pad = false;
  f.w.divisor_override = scale_partial ? std::optional<int64_t>() : 1;
  if (scale_partial) f.scale = static_cast<double>(w.taps());
  return f;
}

Tensor norms(const Tensor& x, const PowerForm& f, bool signed_root) {
  Tensor y(f.w.output_shape(x.shape()), x.dtype());
  dispatch_floating(x.dtype(), "lp_pool", [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    const int64_t planes = f.w.planes(x.shape());
    const kernels::PowerSum<T> sum{kernels::Power<T>(f.q), f.sign, signed_root, static_cast<T>(f.scale)};
    const auto by_rows = [&](const auto& r) { kernels::sum_windows(f.w, planes, from, to, r); };
    if (with_rows<T>(f.q, f.sign, sum, by_rows)) return;
    const int64_t in = f.w.input_cells();
    const int64_t out = f.w.output_cells();
    kernels::over_planes(planes, 16 * out * f.w.taps(), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) kernels::reduce_plane(f.w, from + p * in, to + p * out, sum);
    });
  });
  return y;
}

}  // namespace

Tensor lp_pool(const Tensor& x, const Windows& w, double p, LpSign sign, bool scale_partial) {
  w.check_input("lp_pool", x.shape());
  check(p > 0, "lp_pool: norm_type is ", p, "; allowed are numbers above 0");
  if (std::isinf(p)) {
    check(sign == LpSign::absolute, "lp_pool: norm_type is inf, which only sign_mode \"abs\" allows");
    return max_pool(abs(x), w);
  }
  const PowerForm f = lp_form(w, p, sign, scale_partial);
  if (p == 1 && sign == LpSign::absolute) return avg_pool(abs(x), f.w) * f.scale;
  return record(
      "lp_pool", norms(x, f, sign == LpSign::with_sign),
      Edge{x, [x, slope = f.lowered()](const Tensor& g, const Tensor& y) { return power_spread(g, x, y, slope); }});
}

namespace {

auto sample(double p, LpSign sign = LpSign::absolute, bool scale_partial = false) {
  return [=](const Tensors& t) {
    const SlidingOptions options{.kernel_size = {3}, .stride = {2}, .padding = {1}, .ceil_mode = true};
    const Windows w = sliding_windows("lp_pool", t[0].shape(), t[0].rank() - 2, options);
    return lp_pool(t[0], w, p, sign, scale_partial);
  };
}

}  // namespace

const auto& lp_pool_op =
    add_op("lp_pool", "p-norm of each window", sample(2))
        .sample({{2, 2, 7}})
        .sample({{2, 2, 5, 6}}, Domain::any, sample(2, LpSign::plain, true))
        .sample({{1, 2, 4, 3, 5}}, Domain::away_from_zero, sample(1))
        .sample({{2, 2, 5}}, Domain::away_from_zero, sample(1, LpSign::plain, true))
        .sample({{2, 2, 5, 4}}, Domain::away_from_zero, sample(3))
        .sample({{2, 2, 5, 4}}, Domain::positive, sample(3, LpSign::plain))
        .sample({{2, 2, 5, 4}}, Domain::positive, sample(2.5, LpSign::plain, true))
        .sample({{2, 2, 5}}, Domain::away_from_zero, sample(0.5))
        .sample({{2, 2, 5}}, Domain::away_from_zero, sample(6))
        .sample({{1, 2, 3, 4}}, Domain::positive, sample(2, LpSign::with_sign))
        .sample({{1, 2, 3, 4}}, Domain::positive, sample(3.5, LpSign::with_sign))
        .sample({{2, 2, 7}}, Domain::away_from_ties, sample(std::numeric_limits<double>::infinity()));

}  // namespace tarn
