// Adadelta: steps in the ratio of the running sizes of changes and of gradients (Zeiler 2012, arXiv 1212.5701).
#include <cmath>

#include "optim/method.h"

namespace tarn {
namespace {

struct Adadelta {
  struct Config {
    double lr = 1;
    double rho = 0.9;
    double eps = 1e-6;
    double weight_decay = 0;
    bool maximize = false;
    void fields(auto& f) {
      f("lr", lr, "factor of every change", {.lo = 0});
      f("rho", rho, "decay of the running averages", {.lo = 0, .hi = 1});
      f("eps", eps, "added under the roots", {.lo = 0});
      f("weight_decay", weight_decay, "this times the parameter is added to its gradient", {.lo = 0});
      f("maximize", maximize, "go up instead of down");
    }
  };
  static constexpr std::array buffers{"square_avg", "acc_delta"};
  static bool uses(const Config&, size_t) { return true; }
  using Factors = Config;
  static Factors factors(const Config& c, Slot&) { return c; }

  template <class T>
  TARN_KERNEL static void update(Factors f, int64_t n, T* p, const T* g, T* square, T* change) {
    const T rate = static_cast<T>(f.lr), decay = static_cast<T>(f.weight_decay), eps = static_cast<T>(f.eps);
    const T keep = static_cast<T>(f.rho), take = static_cast<T>(1 - f.rho), sign = f.maximize ? -1 : 1;
    for (int64_t i = 0; i < n; ++i) {
      const T d = sign * g[i] + decay * p[i];
      square[i] = keep * square[i] + take * d * d;
      const T move = std::sqrt(change[i] + eps) / std::sqrt(square[i] + eps) * d;
      change[i] = keep * change[i] + take * move * move;
      p[i] -= rate * move;
    }
  }
};

const auto& adadelta_row =
    add_optimizer<Adadelta>("Adadelta", "Steps in the ratio of the running sizes of changes and of gradients.");

}  // namespace
}  // namespace tarn
