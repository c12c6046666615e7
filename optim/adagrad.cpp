// Adagrad: divides by the root of the sum of all squared gradients so far (Duchi, Hazan and Singer 2011, JMLR 12).
#include <cmath>

#include "optim/method.h"

namespace tarn {
namespace {

struct Adagrad {
  struct Config {
    double lr = 1e-2;
    double lr_decay = 0;
    double weight_decay = 0;
    double initial_accumulator_value = 0;
    double eps = 1e-10;
    bool maximize = false;
    void fields(auto& f) {
      f("lr", lr, "learning rate", {.lo = 0});
      f("lr_decay", lr_decay, "the rate is divided by 1 + (step - 1) times this", {.lo = 0});
      f("weight_decay", weight_decay, "this times the parameter is added to its gradient", {.lo = 0});
      f("initial_accumulator_value", initial_accumulator_value, "what the sum of squares starts at", {.lo = 0});
      f("eps", eps, "added to the denominator", {.lo = 0});
      f("maximize", maximize, "go up instead of down");
    }
  };
  static constexpr std::array buffers{"sum"};
  static bool uses(const Config&, size_t) { return true; }
  static double initial(const Config& c, size_t) { return c.initial_accumulator_value; }

  struct Factors {
    double rate, decay, eps, sign;
  };
  static Factors factors(const Config& c, Slot& slot) {
    return {.rate = c.lr / (1 + static_cast<double>(slot.steps - 1) * c.lr_decay),
            .decay = c.weight_decay,
            .eps = c.eps,
            .sign = c.maximize ? -1.0 : 1.0};
  }

  template <class T>
  TARN_KERNEL static void update(Factors f, int64_t n, T* p, const T* g, T* sum) {
    const T rate = static_cast<T>(f.rate), decay = static_cast<T>(f.decay);
    const T eps = static_cast<T>(f.eps), sign = static_cast<T>(f.sign);
    for (int64_t i = 0; i < n; ++i) {
      const T d = sign * g[i] + decay * p[i];
      sum[i] += d * d;
      p[i] -= rate * d / (std::sqrt(sum[i]) + eps);
    }
  }
};

const auto& adagrad_row =
    add_optimizer<Adagrad>("Adagrad", "Divides the gradient by the root of the sum of its squares so far.");

}  // namespace
}  // namespace tarn
