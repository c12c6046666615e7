// Circles: rings around the origin, one a class.
#include "data/points.h"

namespace tarn {
namespace {

struct Circles {
  struct Config {
    int64_t n = 1000;
    double noise = 0.05;
    int64_t classes = 2;
    void fields(auto& f) {
      f("n", n, "number of points", {.lo = 1, .hi = 10'000'000});
      f("noise", noise, "standard deviation of the noise", {.lo = 0});
      f("classes", classes, "number of rings; their radii are 1 / classes, …, 1", {.lo = 2, .hi = 1000});
    }
  };

  static Samples load(const Config& c, const DataContext& context) {
    return draw_points("Circles", c.n, c.classes, c.noise, context.seed, [&c](int64_t ring, int64_t, double u) {
      const double radius = static_cast<double>(ring + 1) / static_cast<double>(c.classes);
      const double angle = 2 * std::numbers::pi * u;
      return std::array{radius * std::cos(angle), radius * std::sin(angle)};
    });
  }
};

const auto& circles_row =
    add_dataset<Circles>("Circles", "Points on rings around the origin, one a class.", TestBy::seed);

}  // namespace
}  // namespace tarn
