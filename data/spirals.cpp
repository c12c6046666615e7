// Spirals: arms that wind around the origin, one a class.
#include "data/points.h"

namespace tarn {
namespace {

struct Spirals {
  struct Config {
    int64_t n = 1000;
    double noise = 0.02;
    int64_t classes = 2;
    double turns = 1.5;
    void fields(auto& f) {
      f("n", n, "number of points", {.lo = 1, .hi = 10'000'000});
      f("noise", noise, "standard deviation of the noise", {.lo = 0});
      f("classes", classes, "number of arms", {.lo = 2, .hi = 1000});
      f("turns", turns, "how often an arm winds around the origin", {.lo = 0, .hi = 100});
    }
  };

  static Samples load(const Config& c, const DataContext& context) {
    constexpr double circle = 2 * std::numbers::pi;
    return draw_points("Spirals", c.n, c.classes, c.noise, context.seed, [&c](int64_t arm, int64_t, double u) {
      const double radius = 0.05 + 0.95 * u;
      const double angle = circle * (c.turns * u + static_cast<double>(arm) / static_cast<double>(c.classes));
      return std::array{radius * std::cos(angle), radius * std::sin(angle)};
    });
  }
};

const auto& spirals_row =
    add_dataset<Spirals>("Spirals", "Points on arms that wind around the origin, one a class.", TestBy::seed);

}  // namespace
}  // namespace tarn
