// Moons: two half circles that reach into each other, as scikit-learn's make_moons.
#include "data/points.h"

namespace tarn {
namespace {

struct Moons {
  struct Config {
    int64_t n = 1000;
    double noise = 0.1;
    void fields(auto& f) {
      f("n", n, "number of points", {.lo = 1, .hi = 10'000'000});
      f("noise", noise, "standard deviation of the noise", {.lo = 0});
    }
  };

  static Samples load(const Config& c, const DataContext& context) {
    return draw_points("Moons", c.n, 2, c.noise, context.seed, [](int64_t moon, int64_t, double u) {
      const double angle = std::numbers::pi * u;
      return moon == 0 ? std::array{std::cos(angle), std::sin(angle)}
                       : std::array{1 - std::cos(angle), 0.5 - std::sin(angle)};
    });
  }
};

const auto& moons_row = add_dataset<Moons>("Moons", "Two half circles that reach into each other.", TestBy::seed);

}  // namespace
}  // namespace tarn
