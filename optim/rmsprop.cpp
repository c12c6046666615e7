// RMSprop: divides by a running average of the gradient's size (Hinton's lecture 6, 2012), centred (Graves 2013, arXiv
// 1308.0850) and with momentum if asked for; as PyTorch's RMSprop.
#include <cmath>

#include "optim/method.h"

namespace tarn {
namespace {

struct RmsProp {
  struct Config {
    double lr = 1e-2;
    double alpha = 0.99;
    double eps = 1e-8;
    double weight_decay = 0;
    double momentum = 0;
    bool centered = false;
    bool maximize = false;
    void fields(auto& f) {
      f("lr", lr, "learning rate", {.lo = 0});
      f("alpha", alpha, "decay of the running averages", {.lo = 0});
      f("eps", eps, "added to the denominator", {.lo = 0});
      f("weight_decay", weight_decay, "this times the parameter is added to its gradient", {.lo = 0});
      f("momentum", momentum, "share of the previous direction that is kept", {.lo = 0});
      f("centered", centered, "divide by the deviation of the gradient instead of its size");
      f("maximize", maximize, "go up instead of down");
    }
  };
  static constexpr std::array buffers{"square_avg", "momentum_buffer", "grad_avg"};
  static bool uses(const Config& c, size_t buffer) {
    return buffer == 0 || (buffer == 1 && c.momentum > 0) || (buffer == 2 && c.centered);
  }
  using Factors = Config;
  static Factors factors(const Config& c, Slot&) { return c; }

  template <class T>
  static void update(const Factors& f, int64_t n, T* p, const T* g, T* square, T* direction, T* mean) {
    const T sign = f.maximize ? -1 : 1;
    loop(static_cast<T>(f.lr), static_cast<T>(f.alpha), static_cast<T>(1 - f.alpha), static_cast<T>(f.eps), sign,
         static_cast<T>(f.weight_decay), static_cast<T>(f.momentum), n, p, g, square,
         f.momentum > 0 ? direction : nullptr, f.centered ? mean : nullptr);
  }

  template <class T>
  TARN_KERNEL static void loop(T rate, T keep, T take, T eps, T sign, T decay, T momentum, int64_t n, T* p, const T* g,
                               T* square, T* direction, T* mean) {
    for (int64_t i = 0; i < n; ++i) {
      const T d = sign * g[i] + decay * p[i];
      square[i] = keep * square[i] + take * d * d;
      T variance = square[i];
      if (mean) {
        mean[i] = keep * mean[i] + take * d;
        variance -= mean[i] * mean[i];
      }
      T move = d / (std::sqrt(variance) + eps);
      if (direction) {
        direction[i] = momentum * direction[i] + move;
        move = direction[i];
      }
      p[i] -= rate * move;
    }
  }
};

const auto& rmsprop_row = add_optimizer<RmsProp>("RMSprop", "Divides the gradient by a running average of its size.");

}  // namespace
}  // namespace tarn
