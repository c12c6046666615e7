// ASGD: stochastic gradient descent that also averages the parameters (Polyak and Juditsky 1992), as PyTorch's ASGD.
#include <algorithm>
#include <cmath>

#include "optim/method.h"

namespace tarn {
namespace {

struct Asgd {
  struct Config {
    double lr = 1e-2;
    double lambd = 1e-4;
    double alpha = 0.75;
    double t0 = 1e6;
    double weight_decay = 0;
    void fields(auto& f) {
      f("lr", lr, "learning rate", {.lo = 0});
      f("lambd", lambd, "decay of the weights and of the rate", {.lo = 0});
      f("alpha", alpha, "power of the rate's decay");
      f("t0", t0, "step at which averaging begins", {.lo = 0});
      f("weight_decay", weight_decay, "this times the parameter is added to its gradient", {.lo = 0});
    }
  };
  static constexpr std::array buffers{"ax"};
  static bool uses(const Config&, size_t) { return true; }
  static constexpr std::array numbers{"eta", "mu"};
  static double initial_number(const Config& c, size_t number) { return number == 0 ? single(c.lr) : 1; }

  /// Rate and weight of the average are float32 numbers in PyTorch, so here too.
  static double single(double x) { return static_cast<double>(static_cast<float>(x)); }

  struct Factors {
    double eta, mu, shrink, decay;
  };
  static Factors factors(const Config& c, Slot& slot) {
    double& eta = slot.numbers[0];
    double& mu = slot.numbers[1];
    const Factors now{.eta = eta, .mu = mu, .shrink = 1 - c.lambd * eta, .decay = c.weight_decay};
    const double t = static_cast<double>(slot.steps);
    eta = single(c.lr / std::pow(1 + c.lambd * c.lr * t, c.alpha));
    mu = single(1 / std::max(1.0, t - c.t0));
    return now;
  }

  template <class T>
  TARN_KERNEL static void update(Factors f, int64_t n, T* p, const T* g, T* average) {
    const T eta = static_cast<T>(f.eta), mu = static_cast<T>(f.mu);
    const T shrink = static_cast<T>(f.shrink), decay = static_cast<T>(f.decay);
    for (int64_t i = 0; i < n; ++i) {
      const T d = g[i] + decay * p[i];
      p[i] = p[i] * shrink - eta * d;
      average[i] = mu == 1 ? p[i] : average[i] + (p[i] - average[i]) * mu;
    }
  }
};

const auto& asgd_row = add_optimizer<Asgd>("ASGD", "Gradient descent that also averages the parameters.");

}  // namespace
}  // namespace tarn
