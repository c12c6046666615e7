// Tables of classes and joints, and pictures with masks and joints over them.
#include "apps/report/places.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/columns.h"
#include "apps/report/chart.h"
#include "core/ops.h"
#include "core/tape.h"
#include "data/canvas.h"

namespace tarn {

namespace {

constexpr size_t most_worst = 24;
constexpr int64_t most_rows = 200;  // of a table

std::string percent(double share) {
  return std::isfinite(share) ? formatted(100 * share, "%.1f %%") : "–";
}

std::string css(int64_t c) {
  const auto [r, g, b] = class_colour(c);
  return text("rgb(", int{r}, " ", int{g}, " ", int{b}, ")");
}

std::string swatch(const Data& data, int64_t c) {
  const bool plain = data.task == Task::segmentation && c == 0;
  return "<span class=swatch style='background:" + (plain ? "none" : css(c)) + "'></span>";
}

/// The samples with the largest errors, the largest first.
std::vector<int64_t> worst_of(const std::vector<double>& errors) {
  std::vector<int64_t> order(errors.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::ranges::stable_sort(
      order, [&](int64_t a, int64_t b) { return errors[static_cast<size_t>(a)] > errors[static_cast<size_t>(b)]; });
  order.resize(std::min(order.size(), most_worst));
  return order;
}

Tensor told_by(Module& model, const Tensor& x) {
  const NoRecord quiet;
  Context context{.training = false};
  return model.forward(x, context);
}

std::string image(const Bitmap& bitmap, const std::string& alt) {
  return "<img alt='" + escaped(alt) + "' src='" + bitmap.uri() + "'>";
}

std::string begin_worst(const char* title, const std::string& note, const char* layout) {
  return text("<h2>", title, "</h2><p class=note>", note, "</p><div class='worst", layout, "'>");
}

/// A ring where a joint is, a dot where it was told, and a line between them.
std::string joint_marks(const Data& data, const float* points, const Told* told, int64_t joints) {
  const double h = static_cast<double>(data.input[1]), w = static_cast<double>(data.input[2]);
  const double r = std::max(h, w) / 50;
  const auto at = [](double v) { return formatted(v, "%.4g"); };
  std::string out = "<svg viewBox='-0.5 -0.5 " + at(w) + " " + at(h) +
                    "' preserveAspectRatio=none fill=none stroke-width=" + at(r / 2) + ">";
  for (int64_t k = 0; k < joints; ++k) {
    const auto x = static_cast<double>(points[2 * k]), y = static_cast<double>(points[2 * k + 1]);
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    const std::string colour = "stroke='" + css(k) + "'";
    out += "<line " + colour + " x1=" + at(x) + " y1=" + at(y) + " x2=" + at(told[k].x) + " y2=" + at(told[k].y) +
           " /><circle " + colour + " style='fill:none' cx=" + at(x) + " cy=" + at(y) + " r=" + at(1.4 * r) +
           " /><circle style='fill:" + css(k) + "' cx=" + at(told[k].x) + " cy=" + at(told[k].y) + " r=" + at(r) +
           "><title>" + escaped(class_name(data, k)) + "</title></circle>";
  }
  return out + "</svg>";
}

}  // namespace

std::string class_name(const Data& data, int64_t c) {
  return static_cast<size_t>(c) < data.class_names.size() ? data.class_names[static_cast<size_t>(c)]
                                                          : std::to_string(c);
}

std::array<uint8_t, 3> class_colour(int64_t c) {
  // Steps of the golden angle never come close to an earlier hue soon.
  const Colour colour = from_hsv(137.508 * static_cast<double>(c % 360), 0.75, c % 2 ? 1.0 : 0.8);
  const auto byte = [](double level) { return static_cast<uint8_t>(std::lround(255 * level)); };
  return {byte(colour.r), byte(colour.g), byte(colour.b)};
}

Bitmap tinted(Bitmap picture, const int64_t* mask, int64_t width) {
  for (int64_t row = 0; row < picture.height; ++row)
    for (int64_t column = 0; column < picture.width; ++column) {
      const int64_t c = mask[row * picture.every * width + column * picture.every];
      if (c == 0) continue;
      auto& pixel = picture.pixels[static_cast<size_t>(row * picture.width + column)];
      const std::array<uint8_t, 3> colour = class_colour(c);
      for (size_t k = 0; k < 3; ++k) pixel[k] = static_cast<uint8_t>((pixel[k] + 3 * colour[k]) / 4);
    }
  return picture;
}

std::string class_table(const Data& data, const Evaluation& test) {
  const std::vector<int64_t>& confusion = test.counts.confusion;
  const std::vector<double> iou = class_iou(confusion);
  const auto n = static_cast<int64_t>(iou.size());
  std::string out =
      "<section><h2>Classes</h2><p class=note>IoU: pixels that are and were told to be of the class, of those that "
      "are or were.</p><div class=wide><table class=model><tr><th class=l>class</th><th>IoU</th>"
      "<th>true pixels</th><th>told pixels</th></tr>";
  for (int64_t c = 0; c < std::min(n, most_rows); ++c) {
    int64_t truth = 0, told = 0;
    for (int64_t k = 0; k < n; ++k) {
      truth += confusion[static_cast<size_t>(c * n + k)];
      told += confusion[static_cast<size_t>(k * n + c)];
    }
    const double all = static_cast<double>(std::max<int64_t>(test.counts.total, 1));
    out += "<tr><td class=l>" + swatch(data, c) + escaped(class_name(data, c)) + "</td><td>" +
           percent(iou[static_cast<size_t>(c)]) + "</td><td>" + percent(static_cast<double>(truth) / all) +
           "</td><td>" + percent(static_cast<double>(told) / all) + "</td></tr>";
  }
  return out + "</table></div></section>";
}

std::string worst_masks(const Data& data, const Evaluation& test, Module& model) {
  const std::vector<int64_t> worst = worst_of(test.errors);
  if (worst.empty() || !drawable(data.input)) return "";
  const Examples shown = data.test.take(worst);
  const Tensor told = argmax(told_by(model, shown.x), 1);
  const int64_t width = data.input[2], plane = data.input[1] * width;
  std::string out = begin_worst("Worst test samples", "The lowest mean IoU first: picture, true mask, told mask.", "");
  for (size_t i = 0; i < worst.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const Bitmap picture = picture_of(shown.x, row);
    const std::string at = "test sample " + std::to_string(worst[i]);
    const auto part = [](const std::string& img) { return "<div class=over>" + img + "</div>"; };
    out += "<figure><div class=row>" + part(image(picture, at)) +
           part(image(tinted(picture, shown.y.data<int64_t>() + row * plane, width), at + ", true mask")) +
           part(image(tinted(picture, told.data<int64_t>() + row * plane, width), at + ", told mask")) +
           "</div><figcaption>mean IoU " + percent(1 - test.errors[static_cast<size_t>(worst[i])]) + " <span>no. " +
           std::to_string(worst[i]) + "</span></figcaption></figure>";
  }
  return out + "</div>";
}

std::string joint_table(const Data& data, const Evaluation& test) {
  std::string out =
      "<section><h2>Joints</h2><p class=note>Found: told within 0.1 of the figure's size, the longer side of the box "
      "around its true joints.</p><div class=wide><table class=model><tr><th class=l>joint</th><th>PCK@0.1</th>"
      "<th>found</th><th>of</th></tr>";
  const auto n = static_cast<int64_t>(test.counts.asked.size());
  for (int64_t k = 0; k < std::min(n, most_rows); ++k) {
    const int64_t found = test.counts.found[static_cast<size_t>(k)], asked = test.counts.asked[static_cast<size_t>(k)];
    const double share = asked ? static_cast<double>(found) / static_cast<double>(asked) : std::nan("");
    out += "<tr><td class=l>" + swatch(data, k) + escaped(class_name(data, k)) + "</td><td>" + percent(share) +
           "</td><td>" + std::to_string(found) + "</td><td>" + std::to_string(asked) + "</td></tr>";
  }
  return out + "</table></div></section>";
}

std::string worst_joints(const Data& data, const Evaluation& test, Module& model) {
  const std::vector<int64_t> worst = worst_of(test.errors);
  if (worst.empty() || !drawable(data.input)) return "";
  const Examples shown = data.test.take(worst);
  const std::vector<Told> told = places_of(told_by(model, shown.x), data.input);
  const int64_t joints = shown.points.size(1);
  std::string out =
      begin_worst("Worst test samples",
                  "The largest mean error first: rings are true joints, dots what the model told.", " single");
  for (size_t i = 0; i < worst.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    out += "<figure><div class=over>" +
           image(picture_of(shown.x, row), "test sample " + std::to_string(worst[i]) + " with its joints") +
           joint_marks(data, shown.points.data<float>() + row * joints * 2, told.data() + row * joints, joints) +
           "</div><figcaption>mean error " + percent(test.errors[static_cast<size_t>(worst[i])]) +
           " of the figure <span>no. " + std::to_string(worst[i]) + "</span></figcaption></figure>";
  }
  return out + "</div>";
}

}  // namespace tarn
