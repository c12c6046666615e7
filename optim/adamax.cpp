// Adamax: Adam with a decaying maximum in place of the average of squares (Kingma and Ba 2014, arXiv 1412.6980, section
// 7.1).
#include <cmath>

#include "optim/method.h"

namespace tarn {
namespace {

struct Adamax {
  struct Config {
    double lr = 2e-3;
    std::vector<double> betas{0.9, 0.999};
    double eps = 1e-8;
    double weight_decay = 0;
    bool maximize = false;
    void fields(auto& f) {
      f("lr", lr, "learning rate", {.lo = 0});
      f("betas", betas, "decay of the running average of the gradient and of the maximum of its size",
        {.lo = 0, .hi = 1, .hi_open = true, .rank = 2});
      f("eps", eps, "added to the size of the gradient", {.lo = 0});
      f("weight_decay", weight_decay, "this times the parameter is added to its gradient", {.lo = 0});
      f("maximize", maximize, "go up instead of down");
    }
  };
  static constexpr std::array buffers{"exp_avg", "exp_inf"};
  static bool uses(const Config&, size_t) { return true; }

  struct Factors {
    double rate, beta1, beta2, eps, decay, sign;
  };
  static Factors factors(const Config& c, Slot& slot) {
    return {.rate = c.lr / (1 - std::pow(c.betas[0], static_cast<double>(slot.steps))),
            .beta1 = c.betas[0],
            .beta2 = c.betas[1],
            .eps = c.eps,
            .decay = c.weight_decay,
            .sign = c.maximize ? -1.0 : 1.0};
  }

  template <class T>
  TARN_KERNEL static void update(Factors f, int64_t n, T* p, const T* g, T* m, T* most) {
    const T b1 = static_cast<T>(f.beta1), c1 = static_cast<T>(1 - f.beta1), b2 = static_cast<T>(f.beta2);
    const T rate = static_cast<T>(f.rate), decay = static_cast<T>(f.decay);
    const T eps = static_cast<T>(f.eps), sign = static_cast<T>(f.sign);
    for (int64_t i = 0; i < n; ++i) {
      const T d = sign * g[i] + decay * p[i];
      m[i] = b1 * m[i] + c1 * d;
      const T size = std::abs(d) + eps;
      const T kept = b2 * most[i];
      most[i] = size <= kept ? kept : size;
      p[i] -= rate * m[i] / most[i];
    }
  }
};

const auto& adamax_row =
    add_optimizer<Adamax>("Adamax", "Adam that divides by a decaying maximum of the gradient's size.");

}  // namespace
}  // namespace tarn
