// Rprop: only the signs of the gradients count (Riedmiller and Braun 1993), as PyTorch's Rprop; for whole batches.
#include <algorithm>

#include "optim/method.h"

namespace tarn {
namespace {

struct Rprop {
  struct Config {
    double lr = 1e-2;
    std::vector<double> etas{0.5, 1.2};
    std::vector<double> step_sizes{1e-6, 50};
    void fields(auto& f) {
      f("lr", lr, "first step size", {.lo = 0});
      f("etas", etas, "factors of the step size when the sign changes and when it stays", {.lo = 0, .rank = 2});
      f("step_sizes", step_sizes, "least and greatest step size", {.lo = 0, .rank = 2});
    }
    void validate() const {
      check(0 < etas[0] && etas[0] < 1 && 1 < etas[1], "etas is [", etas[0], ", ", etas[1],
            "], expected one below and one above 1");
      check(step_sizes[0] <= step_sizes[1], "step_sizes is [", step_sizes[0], ", ", step_sizes[1],
            "], expected the smaller first");
    }
  };
  static constexpr std::array buffers{"prev", "step_size"};
  static bool uses(const Config&, size_t) { return true; }
  static double initial(const Config& c, size_t buffer) { return buffer == 1 ? c.lr : 0; }

  struct Factors {
    double minus, plus, least, most;
  };
  static Factors factors(const Config& c, Slot&) {
    return {.minus = c.etas[0], .plus = c.etas[1], .least = c.step_sizes[0], .most = c.step_sizes[1]};
  }

  template <class T>
  TARN_KERNEL static void update(Factors f, int64_t n, T* p, const T* g, T* previous, T* size) {
    const T minus = static_cast<T>(f.minus), plus = static_cast<T>(f.plus);
    const T least = static_cast<T>(f.least), most = static_cast<T>(f.most);
    for (int64_t i = 0; i < n; ++i) {
      const T same = g[i] * previous[i];
      const T grown = size[i] * (same > 0 ? plus : same < 0 ? minus : T{1});
      size[i] = grown < least ? least : grown > most ? most : grown;
      // After a change of sign the gradient is forgotten for one step.
      const T d = same < 0 ? T{0} : g[i];
      p[i] -= d > 0 ? size[i] : d < 0 ? -size[i] : T{0};
      previous[i] = d;
    }
  }
};

const auto& rprop_row = add_optimizer<Rprop>("Rprop",
                                             "Steps by the sign of the gradient, with a step size of its own for "
                                             "every number.");

}  // namespace
}  // namespace tarn
