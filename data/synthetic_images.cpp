// SyntheticImages: normal noise with random labels, or with a pattern that can be learnt.
#include "data/dataset.h"

namespace tarn {
namespace {

struct SyntheticImages {
  struct Config {
    int64_t n = 10;
    int64_t channels = 3;
    int64_t height = 32;
    int64_t width = 32;
    int64_t classes = 10;
    double pattern = 0;
    void fields(auto& f) {
      f("n", n, "number of images", {.lo = 1, .hi = 10'000'000});
      f("channels", channels, "channels of an image", {.lo = 1, .hi = 65'536});
      f("height", height, "rows of an image", {.lo = 1, .hi = 65'536});
      f("width", width, "columns of an image", {.lo = 1, .hi = 65'536});
      f("classes", classes, "number of classes", {.lo = 1, .hi = 1'000'000});
      f("pattern", pattern, "strength of a fixed image a class that is added to the noise; 0: labels mean nothing");
    }
  };

  static Samples load(const Config& c, const DataContext& context) {
    constexpr int64_t most = int64_t{1} << 30;
    const int64_t values = Shape{c.n, c.channels, c.height, c.width}.numel();
    check(values <= most, "SyntheticImages: ", values, " values are asked for, at most ", most, " (4 GiB) are made");
    const auto stream = [&](const char* what) { return Stream{context.seed, purpose_of(what), 0}; };
    Samples samples;
    const Shape sample{c.channels, c.height, c.width};
    Tensor x = normal({c.n, c.channels, c.height, c.width}, stream("SyntheticImages/x"));
    Tensor y({c.n}, Dtype::i64);
    for (int64_t i = 0; i < c.n; ++i)
      y.fill<int64_t>()[i] = stream("SyntheticImages/y").below(static_cast<uint64_t>(i), c.classes);
    if (c.pattern != 0) {
      // Patterns are drawn again for every image rather than kept: there may be many classes.
      for (int64_t i = 0; i < c.n; ++i) {
        const Stream pattern = stream("SyntheticImages/pattern").child(static_cast<uint64_t>(y.data<int64_t>()[i]));
        const Tensor image = normal(sample, pattern);
        float* out = x.fill<float>() + i * sample.numel();
        for (int64_t k = 0; k < sample.numel(); ++k) out[k] += static_cast<float>(c.pattern) * image.data<float>()[k];
      }
    }
    samples.all = {x, y};
    for (int64_t k = 0; k < c.classes; ++k) samples.class_names.push_back(text(k));
    samples.description = text(c.n, " random images of ", sample);
    return samples;
  }
};

const auto& synthetic_images_row = add_dataset<SyntheticImages>(
    "SyntheticImages", "Random images with random labels, or with a pattern for each class.", TestBy::tail);

}  // namespace
}  // namespace tarn
