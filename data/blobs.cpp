// Blobs: normal clouds whose centres stand on a circle.
#include "data/points.h"

namespace tarn {
namespace {

struct Blobs {
  struct Config {
    int64_t n = 1000;
    double noise = 0.2;
    int64_t classes = 3;
    void fields(auto& f) {
      f("n", n, "number of points", {.lo = 1, .hi = 10'000'000});
      f("noise", noise, "standard deviation of a cloud", {.lo = 0});
      f("classes", classes, "number of clouds", {.lo = 2, .hi = 1000});
    }
  };

  static Samples load(const Config& c, const DataContext& context) {
    return draw_points("Blobs", c.n, c.classes, c.noise, context.seed, [&c](int64_t cloud, int64_t, double) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(cloud) / static_cast<double>(c.classes);
      return std::array{std::cos(angle), std::sin(angle)};
    });
  }
};

const auto& blobs_row =
    add_dataset<Blobs>("Blobs", "Normal clouds around points of a circle, one a class.", TestBy::seed);

}  // namespace
}  // namespace tarn
