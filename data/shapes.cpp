// Shapes: pictures of coloured shapes over a textured background, with the kind of shape that each pixel belongs to.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/parallel.h"
#include "data/canvas.h"
#include "data/dataset.h"

namespace tarn {
namespace {

constexpr std::array<const char*, 5> kinds{"disc", "square", "triangle", "ring", "cross"};

/// Whether a point belongs to a shape that is centred at the origin and about 1 in radius.
bool inside(int64_t kind, const Point& p) {
  const double r = std::hypot(p.x, p.y);
  const double u = std::abs(p.x), v = std::abs(p.y);
  switch (kind) {
    case 0:
      return r <= 0.85;
    case 1:
      return std::max(u, v) <= 0.75;
    case 2:  // equilateral: below the lines through two corners
      return p.y <= 0.5 && 0.866 * u - 0.5 * p.y <= 0.5;
    case 3:
      return r <= 0.95 && r >= 0.5;
    default:
      return std::min(u, v) <= 0.3 && std::max(u, v) <= 0.95;
  }
}

struct Shapes {
  struct Config {
    int64_t n = 2000;
    int64_t height = 48;
    int64_t width = 48;
    int64_t kinds = 5;
    int64_t most = 4;
    double noise = 0.06;
    void fields(auto& f) {
      f("n", n, "number of pictures", {.lo = 1, .hi = 10'000'000});
      f("height", height, "rows of a picture", {.lo = 8, .hi = 4096});
      f("width", width, "columns of a picture", {.lo = 8, .hi = 4096});
      f("kinds", kinds, "how many of disc, square, triangle, ring and cross there are; class 0 is the background",
        {.lo = 1, .hi = 5});
      f("most", most, "a picture has from 1 to so many shapes, later ones over earlier ones", {.lo = 1, .hi = 1000});
      f("noise", noise, "deviation of the normal noise that is added to every value", {.lo = 0, .hi = 10});
    }
  };

  /// Draws a shape of random kind, colour, size, angle and place, and says so in the mask.
  static void draw_shape(const Config& c, Canvas& canvas, const Colour& background, int64_t* mask,
                         const Stream& draws) {
    const double h = static_cast<double>(c.height), w = static_cast<double>(c.width);
    const int64_t kind = draws.below(0, c.kinds);
    const double radius = std::min(h, w) * (0.12 + 0.13 * draws.uniform(1));
    const Point centre{w * (0.1 + 0.8 * draws.uniform(2)) - 0.5, h * (0.1 + 0.8 * draws.uniform(3)) - 0.5};
    const Point turn = direction(360 * draws.uniform(4));
    // Any colour for any kind, but one that can be told from the background.
    Colour colour;
    for (uint64_t attempt = 0; attempt < 16; ++attempt) {
      const auto level = [&](uint64_t i) { return draws.uniform(8 + 3 * attempt + i); };
      colour = {level(0), level(1), level(2)};
      if (distance(colour, background) > 0.35) break;
    }
    const auto limit = [](double at, int64_t size) {
      return std::clamp<int64_t>(static_cast<int64_t>(std::floor(at)), 0, size - 1);
    };
    for (int64_t row = limit(centre.y - radius, c.height); row <= limit(centre.y + radius + 1, c.height); ++row)
      for (int64_t col = limit(centre.x - radius, c.width); col <= limit(centre.x + radius + 1, c.width); ++col) {
        const Point p = 1 / radius * (Point{static_cast<double>(col), static_cast<double>(row)} - centre);
        if (!inside(kind, {turn.y * p.x - turn.x * p.y, turn.x * p.x + turn.y * p.y})) continue;
        canvas.paint(row, col, colour);
        mask[row * c.width + col] = kind + 1;
      }
  }

  /// Picture and mask number i; `planes` hold the noise and get the picture.
  static void draw(const Config& c, float* planes, int64_t* mask, const Stream& draws) {
    const auto values = static_cast<size_t>(3 * c.height * c.width);
    const std::vector<float> noise(planes, planes + values);
    Canvas canvas(planes, c.height, c.width);
    const auto level = [&](uint64_t i) { return 0.15 + 0.7 * draws.uniform(i); };
    const Colour background{level(0), level(1), level(2)};
    canvas.texture(background, draws.child(0));
    std::fill_n(mask, c.height * c.width, int64_t{0});
    const int64_t count = 1 + draws.below(3, c.most);
    for (int64_t k = 1; k <= count; ++k) draw_shape(c, canvas, background, mask, draws.child(static_cast<uint64_t>(k)));
    canvas.finish(noise.data(), c.noise);
  }

  static Samples load(const Config& c, const DataContext& context) {
    constexpr int64_t most_values = int64_t{1} << 28;
    const Shape shape{c.n, 3, c.height, c.width};
    check(shape.numel() <= most_values, "Shapes: ", shape.numel(), " values are asked for, at most ", most_values,
          " (1 GiB) are made; use fewer or smaller pictures");
    Samples samples;
    samples.task = Task::segmentation;
    samples.all.x = normal(shape, {context.seed, purpose_of("Shapes/noise"), 0});
    samples.all.y = Tensor({c.n, c.height, c.width}, Dtype::i64);
    float* x = samples.all.x.fill<float>();
    int64_t* y = samples.all.y.fill<int64_t>();
    const Stream draws{context.seed, purpose_of("Shapes"), 0};
    const int64_t pixels = c.height * c.width;
    parallel_range(c.n, 1000 * pixels, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        draw(c, x + i * 3 * pixels, y + i * pixels, draws.child(static_cast<uint64_t>(i)));
    });
    samples.class_names = {"background"};
    for (int64_t k = 0; k < c.kinds; ++k) samples.class_names.push_back(kinds[static_cast<size_t>(k)]);
    samples.description = text(c.n, " drawn pictures of shapes, ", c.height, "x", c.width, " pixels");
    return samples;
  }
};

const auto& shapes_row = add_dataset<Shapes>(
    "Shapes", "Segmentation: coloured shapes over a textured background, drawn from the seed, with a class a pixel.",
    TestBy::tail);

}  // namespace
}  // namespace tarn
