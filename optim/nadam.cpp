// NAdam: Adam with Nesterov's look-ahead (Dozat 2016, ICLR workshop), as PyTorch's NAdam.
#include <cmath>

#include "optim/method.h"

namespace tarn {
namespace {

struct NAdam {
  struct Config {
    double lr = 2e-3;
    std::vector<double> betas{0.9, 0.999};
    double eps = 1e-8;
    double weight_decay = 0;
    double momentum_decay = 4e-3;
    void fields(auto& f) {
      f("lr", lr, "learning rate", {.lo = 0});
      f("betas", betas, "decay of the running averages of the gradient and of its square",
        {.lo = 0, .hi = 1, .hi_open = true, .rank = 2});
      f("eps", eps, "added to the denominator", {.lo = 0});
      f("weight_decay", weight_decay, "this times the parameter is added to its gradient", {.lo = 0});
      f("momentum_decay", momentum_decay, "how fast the momentum approaches the first beta", {.lo = 0});
    }
  };
  static constexpr std::array buffers{"exp_avg", "exp_avg_sq"};
  static bool uses(const Config&, size_t) { return true; }
  static constexpr std::array numbers{"mu_product"};
  static double initial_number(const Config&, size_t) { return 1; }

  struct Factors {
    double now, next, beta1, beta2, eps, decay, root;
  };
  static Factors factors(const Config& c, Slot& slot) {
    const double t = static_cast<double>(slot.steps);
    const auto mu = [&c](double step) { return c.betas[0] * (1 - 0.5 * std::pow(0.96, step * c.momentum_decay)); };
    double& product = slot.numbers[0];  // a float32 number in PyTorch, so here too
    product = static_cast<double>(static_cast<float>(product) * static_cast<float>(mu(t)));
    // Dozat's formula has no mu(t) in the second denominator; PyTorch 1.13 has, and trajectories shall agree.
    return {.now = c.lr * (1 - mu(t)) / (1 - product),
            .next = c.lr * mu(t + 1) / (1 - product * mu(t) * mu(t + 1)),
            .beta1 = c.betas[0],
            .beta2 = c.betas[1],
            .eps = c.eps,
            .decay = c.weight_decay,
            .root = 1 / std::sqrt(1 - std::pow(c.betas[1], t))};
  }

  template <class T>
  TARN_KERNEL static void update(Factors f, int64_t n, T* p, const T* g, T* m, T* v) {
    const T b1 = static_cast<T>(f.beta1), c1 = static_cast<T>(1 - f.beta1);
    const T b2 = static_cast<T>(f.beta2), c2 = static_cast<T>(1 - f.beta2);
    const T now = static_cast<T>(f.now), next = static_cast<T>(f.next), decay = static_cast<T>(f.decay);
    const T eps = static_cast<T>(f.eps), root = static_cast<T>(f.root);
    for (int64_t i = 0; i < n; ++i) {
      const T d = g[i] + decay * p[i];
      m[i] = b1 * m[i] + c1 * d;
      v[i] = b2 * v[i] + c2 * d * d;
      p[i] -= (now * d + next * m[i]) / (std::sqrt(v[i]) * root + eps);
    }
  }
};

const auto& nadam_row = add_optimizer<NAdam>("NAdam", "Adam with Nesterov's look-ahead.");

}  // namespace
}  // namespace tarn
