// Which reader a picture needs, and what is done to a picture so that it fits a model.
#include "data/image.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/file.h"

namespace tarn {

namespace {

constexpr size_t most_picture_bytes = size_t{1} << 30;

/// Which old cells along one axis make a new one, and with which weights; the weights sum to 1.
struct AxisTaps {
  int64_t first = 0;
  std::vector<float> weights;
};

/// The new cell covers [i, i + 1) · from / to of the old cells.
AxisTaps area_taps(int64_t i, int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double begin = static_cast<double>(i) * scale;
  const double end = static_cast<double>(i + 1) * scale;
  AxisTaps taps{.first = std::min(static_cast<int64_t>(begin), from - 1), .weights = {}};
  for (int64_t k = taps.first; k < from && static_cast<double>(k) < end - 1e-9; ++k) {
    const double covered = std::min(end, static_cast<double>(k + 1)) - std::max(begin, static_cast<double>(k));
    taps.weights.push_back(static_cast<float>(covered / scale));
  }
  return taps;
}

AxisTaps linear_taps(int64_t i, int64_t from, int64_t to) {
  const double centre = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
  const double at = std::clamp(centre, 0.0, static_cast<double>(from - 1));
  const auto first = static_cast<int64_t>(at);
  const auto part = static_cast<float>(at - static_cast<double>(first));
  if (first + 1 >= from) return {.first = first, .weights = {1}};
  return {.first = first, .weights = {1 - part, part}};
}

std::vector<AxisTaps> axis_taps(int64_t from, int64_t to) {
  std::vector<AxisTaps> all;
  all.reserve(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) all.push_back(to < from ? area_taps(i, from, to) : linear_taps(i, from, to));
  return all;
}

/// The middle axis of x [outer, from, inner] in another size.
Tensor resize_axis(const Tensor& x, int64_t outer, int64_t from, int64_t inner, int64_t to) {
  const std::vector<AxisTaps> taps = axis_taps(from, to);
  Tensor out = Tensor::zeros({outer, to, inner});
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < to; ++i) {
      const AxisTaps& t = taps[static_cast<size_t>(i)];
      float* row = out.fill<float>() + (o * to + i) * inner;
      const float* old = x.data<float>() + (o * from + t.first) * inner;
      for (const float weight : t.weights) {
        for (int64_t k = 0; k < inner; ++k) row[k] += weight * old[k];
        old += inner;
      }
    }
  return out;
}

void check_picture(const Tensor& image, const char* what) {
  check(image.rank() == 3 && image.dtype() == Dtype::f32 && image.numel() > 0, what, ": ", image.dtype(), " ",
        image.shape(), " is not a picture; expected float32 [channels, height, width]");
}

}  // namespace

FileKind file_kind(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG")) return FileKind::png;
  if (bytes.starts_with("\xff\xd8")) return FileKind::jpeg;
  if (bytes.starts_with("\x93NUMPY")) return FileKind::npy;
  const bool pnm = bytes.size() >= 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7';
  return pnm ? FileKind::pnm : FileKind::other;
}

Tensor decode_image(std::string_view bytes, const std::string& name) {
  check(!bytes.empty(), name, ": is empty; expected a picture");
  switch (file_kind(bytes)) {
    case FileKind::png:
      return decode_png(bytes, name);
    case FileKind::jpeg:
      return decode_jpeg(bytes, name);
    case FileKind::pnm:
      return decode_pnm(bytes, name);
    default:
      fail(name, ": begins with ", quote(bytes.substr(0, 8)), "; expected a picture: PNG, JPEG, PGM or PPM");
  }
}

Tensor read_image(const std::string& path) {
  return decode_image(read_file(path, most_picture_bytes), path);
}

Tensor resize_image(const Tensor& image, int64_t height, int64_t width) {
  check_picture(image, "resize_image");
  check(height > 0 && width > 0 && height <= most_pixels / width, "resize_image: cannot make a picture of ", width,
        " x ", height, " pixels; expected at most ", most_pixels, " pixels");
  const int64_t c = image.size(0), h = image.size(1), w = image.size(2);
  Tensor out = image;
  if (width != w) out = resize_axis(out, c * h, w, 1, width);
  if (height != h) out = resize_axis(out, c, h, width, height);
  return out.viewed({c, height, width});
}

Tensor convert_channels(const Tensor& image, int64_t channels) {
  check_picture(image, "convert_channels");
  const int64_t have = image.size(0), n = image.size(1) * image.size(2);
  if (have == channels) return image;
  Tensor out({channels, image.size(1), image.size(2)});
  const float* x = image.data<float>();
  if (have == 1) {
    for (int64_t c = 0; c < channels; ++c) std::copy_n(x, n, out.fill<float>() + c * n);
    return out;
  }
  check(have == 3 && channels == 1, "a picture of ", have, " channels cannot become one of ", channels,
        "; only grey and colour are converted into each other");
  for (int64_t i = 0; i < n; ++i) out.fill<float>()[i] = 0.299f * x[i] + 0.587f * x[n + i] + 0.114f * x[2 * n + i];
  return out;
}

}  // namespace tarn
