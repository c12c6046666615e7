// Adam (Kingma and Ba 2014, arXiv 1412.6980) and AdamW (Loshchilov and Hutter 2017, arXiv 1711.05101), with AMSGrad.
#include <cmath>

#include "optim/method.h"

namespace tarn {
namespace {

struct AdamFactors {
  double rate, beta1, beta2, eps, sign, root, decay, shrink;
};

/// p -= lr · m̂ / (√v̂ + eps), with m̂ and v̂ the bias-corrected running averages of g and g². `vmax` is null without
/// AMSGrad. Operations are in the order of PyTorch's.
template <class T>
TARN_KERNEL void adam_loop(AdamFactors f, int64_t n, T* p, const T* g, T* m, T* v) {
  const T b1 = static_cast<T>(f.beta1), c1 = static_cast<T>(1 - f.beta1);
  const T b2 = static_cast<T>(f.beta2), c2 = static_cast<T>(1 - f.beta2);
  const T rate = static_cast<T>(f.rate), root = static_cast<T>(f.root), eps = static_cast<T>(f.eps);
  const T sign = static_cast<T>(f.sign), decay = static_cast<T>(f.decay), shrink = static_cast<T>(f.shrink);
  for (int64_t i = 0; i < n; ++i) {
    const T x = p[i] * shrink;
    const T d = sign * g[i] + decay * x;
    m[i] = b1 * m[i] + c1 * d;
    v[i] = b2 * v[i] + c2 * d * d;
    p[i] = x - rate * m[i] / (std::sqrt(v[i]) * root + eps);
  }
}

template <class T>
TARN_KERNEL void amsgrad_loop(AdamFactors f, int64_t n, T* p, const T* g, T* m, T* v, T* vmax) {
  const T b1 = static_cast<T>(f.beta1), c1 = static_cast<T>(1 - f.beta1);
  const T b2 = static_cast<T>(f.beta2), c2 = static_cast<T>(1 - f.beta2);
  const T rate = static_cast<T>(f.rate), root = static_cast<T>(f.root), eps = static_cast<T>(f.eps);
  const T sign = static_cast<T>(f.sign), decay = static_cast<T>(f.decay), shrink = static_cast<T>(f.shrink);
  for (int64_t i = 0; i < n; ++i) {
    const T x = p[i] * shrink;
    const T d = sign * g[i] + decay * x;
    m[i] = b1 * m[i] + c1 * d;
    v[i] = b2 * v[i] + c2 * d * d;
    vmax[i] = v[i] <= vmax[i] ? vmax[i] : v[i];
    p[i] = x - rate * m[i] / (std::sqrt(vmax[i]) * root + eps);
  }
}

/// What both have in common; `decoupled` shrinks the parameter itself instead of adding decay to the gradient.
template <bool decoupled>
struct AdamMethod {
  struct Config {
    double lr = 1e-3;
    std::vector<double> betas{0.9, 0.999};
    double eps = 1e-8;
    double weight_decay = decoupled ? 1e-2 : 0.0;
    bool amsgrad = false;
    bool maximize = false;
    void fields(auto& f) {
      f("lr", lr, "learning rate", {.lo = 0});
      f("betas", betas, "decay of the running averages of the gradient and of its square",
        {.lo = 0, .hi = 1, .hi_open = true, .rank = 2});
      f("eps", eps, "added to the denominator", {.lo = 0});
      f("weight_decay", weight_decay, "decay of the weights", {.lo = 0});
      f("amsgrad", amsgrad, "divide by the largest running average so far (Reddi et al. 2018)");
      f("maximize", maximize, "go up instead of down");
    }
  };
  static constexpr std::array buffers{"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  static bool uses(const Config& c, size_t buffer) { return buffer < 2 || c.amsgrad; }
  using Factors = AdamFactors;

  static Factors factors(const Config& c, Slot& slot) {
    const double t = static_cast<double>(slot.steps);
    return {.rate = c.lr / (1 - std::pow(c.betas[0], t)),
            .beta1 = c.betas[0],
            .beta2 = c.betas[1],
            .eps = c.eps,
            .sign = c.maximize ? -1.0 : 1.0,
            .root = 1 / std::sqrt(1 - std::pow(c.betas[1], t)),
            .decay = decoupled ? 0.0 : c.weight_decay,
            .shrink = decoupled ? 1 - c.lr * c.weight_decay : 1.0};
  }

  template <class T>
  static void update(const Factors& f, int64_t n, T* p, const T* g, T* m, T* v, T* vmax) {
    if (vmax) {
      amsgrad_loop(f, n, p, g, m, v, vmax);
    } else {
      adam_loop(f, n, p, g, m, v);
    }
  }
};

const auto& adam_row = add_optimizer<AdamMethod<false>>("Adam", "Scales each step by running averages of g and g².");
const auto& adamw_row =
    add_optimizer<AdamMethod<true>>("AdamW", "Adam whose weight decay is kept apart from the gradient.");

}  // namespace
}  // namespace tarn
