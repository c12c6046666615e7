// Stochastic gradient descent with momentum, dampening and Nesterov's look-ahead, as PyTorch's SGD.
#include "optim/method.h"

namespace tarn {
namespace {

struct Sgd {
  struct Config {
    double lr = 1e-3;
    double momentum = 0;
    double dampening = 0;
    double weight_decay = 0;
    bool nesterov = false;
    bool maximize = false;
    void fields(auto& f) {
      f("lr", lr, "learning rate", {.lo = 0});
      f("momentum", momentum, "share of the previous direction that is kept", {.lo = 0});
      f("dampening", dampening, "share of the gradient that does not enter the momentum");
      f("weight_decay", weight_decay, "this times the parameter is added to its gradient", {.lo = 0});
      f("nesterov", nesterov, "look ahead along the momentum (Sutskever et al. 2013)");
      f("maximize", maximize, "go up instead of down");
    }
    void validate() const {
      check(!nesterov || (momentum > 0 && dampening == 0),
            "nesterov needs a momentum above 0 and no dampening, but momentum is ", momentum, " and dampening ",
            dampening);
    }
  };
  static constexpr std::array buffers{"momentum_buffer"};
  static bool uses(const Config& c, size_t) { return c.momentum != 0; }

  struct Factors {
    double rate, sign, decay, keep, take, ahead, along;
  };

  /// With d = ±g + decay·p: b = keep·b + take·d, then p -= rate·(ahead·d + along·b).
  static Factors factors(const Config& c, Slot& slot) {
    const bool plain = c.momentum == 0;
    return {.rate = c.lr,
            .sign = c.maximize ? -1.0 : 1.0,
            .decay = c.weight_decay,
            .keep = slot.fresh ? 0 : c.momentum,
            .take = slot.fresh ? 1 : 1 - c.dampening,
            .ahead = plain || c.nesterov ? 1.0 : 0.0,
            .along = plain        ? 0
                     : c.nesterov ? c.momentum
                                  : 1};
  }

  template <class T>
  static void update(const Factors& f, int64_t n, T* p, const T* g, T* b) {
    if (f.along != 0) {
      with_momentum(f, n, p, g, b);
    } else {
      plain(f, n, p, g);
    }
  }

  template <class T>
  TARN_KERNEL static void plain(Factors f, int64_t n, T* p, const T* g) {
    const T rate = static_cast<T>(f.rate), sign = static_cast<T>(f.sign), decay = static_cast<T>(f.decay);
    for (int64_t i = 0; i < n; ++i) p[i] -= rate * (sign * g[i] + decay * p[i]);
  }

  template <class T>
  TARN_KERNEL static void with_momentum(Factors f, int64_t n, T* p, const T* g, T* b) {
    const T rate = static_cast<T>(f.rate), sign = static_cast<T>(f.sign), decay = static_cast<T>(f.decay);
    const T keep = static_cast<T>(f.keep), take = static_cast<T>(f.take);
    const T ahead = static_cast<T>(f.ahead), along = static_cast<T>(f.along);
    for (int64_t i = 0; i < n; ++i) {
      const T d = sign * g[i] + decay * p[i];
      b[i] = keep * b[i] + take * d;
      p[i] -= rate * (ahead * d + along * b[i]);
    }
  }
};

const auto& sgd_row = add_optimizer<Sgd>("SGD", "Steps against the gradient, with momentum if asked for.");

}  // namespace
}  // namespace tarn
