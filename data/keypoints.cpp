// Keypoints: pictures of stick figures, with heatmaps of their joints or with their pose as a class.
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "data/dataset.h"
#include "data/figure.h"

namespace tarn {
namespace {

struct Keypoints {
  struct Config {
    int64_t n = 2000;
    int64_t height = 48;
    int64_t width = 48;
    std::string target = "heatmaps";
    double sigma = 1.5;
    int64_t stride = 2;
    int64_t clutter = 8;
    double noise = 0.1;
    void fields(auto& f) {
      f("n", n, "number of pictures", {.lo = 1, .hi = 10'000'000});
      f("height", height, "rows of a picture; a multiple of the stride", {.lo = 16, .hi = 4096});
      f("width", width, "columns of a picture; a multiple of the stride", {.lo = 16, .hi = 4096});
      f("target", target, "a heatmap for each joint, or the pose as one of nine classes",
        {.choices = {"heatmaps", "pose"}});
      f("sigma", sigma, "deviation of a joint's Gaussian, in cells of its heatmap", {.lo = 0.25, .hi = 64});
      f("stride", stride, "pixels of the picture to a cell of the heatmaps, along each axis: 1, 2 or 4",
        {.lo = 1, .hi = 4});
      f("clutter", clutter,
        "most lines of any colour, like limbs, three quarters of them behind the figure and the others over it",
        {.lo = 0, .hi = 1000});
      f("noise", noise, "deviation of the normal noise that is added to every value", {.lo = 0, .hi = 10});
    }
    void validate() const {
      check(stride != 3, "stride is 3, expected 1, 2 or 4");
      check(height % stride == 0 && width % stride == 0, "pictures of ", height, " x ", width,
            " pixels cannot be cut into cells of ", stride, "; use multiples");
    }
    bool heatmaps() const { return target == "heatmaps"; }
  };

  /// The Gaussians around joints: cell (row, column) covers `stride` pixels each way, and its centre is theirs.
  static void draw_heatmaps(const Config& c, const float* points, float* out) {
    const double s = static_cast<double>(c.stride);
    for (int64_t k = 0; k < joint_count; ++k) {
      const double x = (static_cast<double>(points[2 * k]) + 0.5) / s - 0.5;
      const double y = (static_cast<double>(points[2 * k + 1]) + 0.5) / s - 0.5;
      for (int64_t row = 0; row < c.height / c.stride; ++row)
        for (int64_t column = 0; column < c.width / c.stride; ++column) {
          const double dx = static_cast<double>(column) - x, dy = static_cast<double>(row) - y;
          *out++ = static_cast<float>(std::exp(-(dx * dx + dy * dy) / (2 * c.sigma * c.sigma)));
        }
    }
  }

  /// A bent line anywhere, as thick and as colourful as limbs; three of four are behind the figure.
  static void draw_line(Canvas& canvas, const Stream& draws, bool in_front) {
    if ((draws.uniform(0) < 0.25) != in_front) return;
    const double h = static_cast<double>(canvas.height()), w = static_cast<double>(canvas.width());
    const Point start{w * draws.uniform(1), h * draws.uniform(2)};
    const auto step = [&](uint64_t i) { return std::min(h, w) * (0.1 + 0.2 * draws.uniform(i)); };
    const Point middle = start + step(3) * direction(360 * draws.uniform(4));
    const Point end = middle + step(5) * direction(360 * draws.uniform(6));
    const double thickness = std::max(1.0, std::min(h, w) * (0.03 + 0.04 * draws.uniform(7)));
    const Colour colour = from_hsv(360 * draws.uniform(8), draws.uniform(9), 0.5 + 0.5 * draws.uniform(10));
    canvas.stroke(start, middle, thickness, colour);
    canvas.stroke(middle, end, thickness, colour);
  }

  /// Picture number i, with the places of joints; `planes` hold the noise and get the picture. Returns the pose.
  static int64_t draw(const Config& c, float* planes, float* points, const Stream& draws) {
    const std::vector<float> noise(planes, planes + 3 * c.height * c.width);
    const int64_t pose = draws.below(0, pose_count);
    Canvas canvas(planes, c.height, c.width);
    canvas.texture(from_hsv(360 * draws.uniform(1), 0.3 * draws.uniform(2), 0.1 + 0.45 * draws.uniform(3)),
                   draws.child(0));
    const Stream lines = draws.child(1);
    const int64_t count = lines.below(0, c.clutter + 1);
    const auto draw_lines = [&](bool in_front) {
      for (int64_t i = 0; i < count; ++i) draw_line(canvas, lines.child(static_cast<uint64_t>(i)), in_front);
    };
    draw_lines(false);
    const Figure figure = draw_figure(pose, c.height, c.width, draws.child(2));
    paint_figure(canvas, figure, draws.child(3));
    draw_lines(true);
    canvas.finish(noise.data(), c.noise);
    for (const Point& p : figure.joints) {
      *points++ = static_cast<float>(p.x);
      *points++ = static_cast<float>(p.y);
    }
    return pose;
  }

  static void check_size(const Config& c) {
    constexpr int64_t most = int64_t{1} << 28;
    const int64_t maps = c.heatmaps() ? joint_count * (c.height / c.stride) * (c.width / c.stride) : 1;
    for (const int64_t each : {3 * c.height * c.width, maps})
      check(each <= most / c.n, "Keypoints: ", c.n, " x ", each, " values are asked for, at most ", most,
            " (1 GiB) are made; use fewer or smaller pictures, or a larger stride");
  }

  static Samples load(const Config& c, const DataContext& context) {
    check_size(c);
    Samples samples;
    samples.task = c.heatmaps() ? Task::keypoints : Task::classification;
    Tensor x = normal({c.n, 3, c.height, c.width}, {context.seed, purpose_of("Keypoints/noise"), 0});
    Tensor points({c.n, joint_count, 2});
    Tensor y =
        c.heatmaps() ? Tensor({c.n, joint_count, c.height / c.stride, c.width / c.stride}) : Tensor({c.n}, Dtype::i64);
    const int64_t values = 3 * c.height * c.width, each = y.numel() / c.n;
    const Stream draws{context.seed, purpose_of("Keypoints"), 0};
    parallel_range(c.n, 1000 * values, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float* places = points.fill<float>() + i * joint_count * 2;
        const int64_t pose = draw(c, x.fill<float>() + i * values, places, draws.child(static_cast<uint64_t>(i)));
        if (c.heatmaps()) {
          draw_heatmaps(c, places, y.fill<float>() + i * each);
        } else {
          y.fill<int64_t>()[i] = pose;
        }
      }
    });
    samples.all = {x, y, c.heatmaps() ? points : Tensor()};
    if (c.heatmaps()) samples.class_names.assign(joint_names.begin(), joint_names.end());
    if (!c.heatmaps())
      for (int64_t pose = 0; pose < pose_count; ++pose)
        samples.class_names.push_back(text("arms ", arm_poses[static_cast<size_t>(pose / 3)], ", legs ",
                                           leg_poses[static_cast<size_t>(pose % 3)]));
    samples.description = text(c.n, " drawn pictures of stick figures, ", c.height, "x", c.width, " pixels");
    return samples;
  }
};

const auto& keypoints_row = add_dataset<Keypoints>(
    "Keypoints", "Stick figures drawn from the seed: a heatmap for each of 11 joints, or the pose as one of 9 classes.",
    TestBy::tail);

}  // namespace
}  // namespace tarn
