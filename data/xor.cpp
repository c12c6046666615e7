// Xor: clouds at the four corners of a square; opposite corners share a class.
#include "data/points.h"

namespace tarn {
namespace {

struct Xor {
  struct Config {
    int64_t n = 1000;
    double noise = 0.2;
    void fields(auto& f) {
      f("n", n, "number of points", {.lo = 1, .hi = 10'000'000});
      f("noise", noise, "standard deviation of a cloud", {.lo = 0});
    }
  };

  static Samples load(const Config& c, const DataContext& context) {
    return draw_points("Xor", c.n, 2, c.noise, context.seed, [](int64_t differ, int64_t k, double) {
      const double x = k % 2 == 0 ? -1 : 1;
      return std::array{x, differ == 1 ? -x : x};
    });
  }
};

const auto& xor_row =
    add_dataset<Xor>("Xor", "Clouds at the corners of a square; opposite corners share a class.", TestBy::seed);

}  // namespace
}  // namespace tarn
