// RAdam: Adam that trusts its average of squares only once it has seen enough of them (Liu et al. 2019, arXiv
// 1908.03265).
#include <cmath>

#include "optim/method.h"

namespace tarn {
namespace {

struct RAdam {
  struct Config {
    double lr = 1e-3;
    std::vector<double> betas{0.9, 0.999};
    double eps = 1e-8;
    double weight_decay = 0;
    void fields(auto& f) {
      f("lr", lr, "learning rate", {.lo = 0});
      f("betas", betas, "decay of the running averages of the gradient and of its square",
        {.lo = 0, .hi = 1, .hi_open = true, .rank = 2});
      f("eps", eps, "added to the denominator", {.lo = 0});
      f("weight_decay", weight_decay, "this times the parameter is added to its gradient", {.lo = 0});
    }
  };
  static constexpr std::array buffers{"exp_avg", "exp_avg_sq"};
  static bool uses(const Config&, size_t) { return true; }

  struct Factors {
    double rate, adaptive, beta1, beta2, eps, decay;  ///< adaptive 0: the variance is not known well enough yet
  };
  static Factors factors(const Config& c, Slot& slot) {
    const double t = static_cast<double>(slot.steps);
    const double power = std::pow(c.betas[1], t), left = 1 - power;
    const double longest = 2 / (1 - c.betas[1]) - 1;
    const double length = longest - 2 * t * power / left;
    double adaptive = 0;
    if (length > 5) {
      adaptive = std::sqrt(left * (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
    }
    return {.rate = c.lr / (1 - std::pow(c.betas[0], t)),
            .adaptive = adaptive,
            .beta1 = c.betas[0],
            .beta2 = c.betas[1],
            .eps = c.eps,
            .decay = c.weight_decay};
  }

  template <class T>
  TARN_KERNEL static void update(Factors f, int64_t n, T* p, const T* g, T* m, T* v) {
    const T b1 = static_cast<T>(f.beta1), c1 = static_cast<T>(1 - f.beta1);
    const T b2 = static_cast<T>(f.beta2), c2 = static_cast<T>(1 - f.beta2);
    const T rate = static_cast<T>(f.rate), adaptive = static_cast<T>(f.adaptive);
    const T eps = static_cast<T>(f.eps), decay = static_cast<T>(f.decay);
    for (int64_t i = 0; i < n; ++i) {
      const T d = g[i] + decay * p[i];
      m[i] = b1 * m[i] + c1 * d;
      v[i] = b2 * v[i] + c2 * d * d;
      const T scale = adaptive > 0 ? adaptive / (std::sqrt(v[i]) + eps) : T{1};
      p[i] -= rate * m[i] * scale;
    }
  }
};

const auto& radam_row = add_optimizer<RAdam>("RAdam", "Adam with a rectified start: no warm-up needed.");

}  // namespace
}  // namespace tarn
