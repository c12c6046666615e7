// Shuffles: cells that move between channels and space, or channels between groups; reshapes and one permutation each.
#include "core/ops.h"
#include "core/registry.h"

namespace tarn {
namespace {

constexpr int64_t factor_limit = int64_t{1} << 31;

// The sizes before the last three, as one.
int64_t leading(const char* op, const Tensor& x, const char* what, int64_t factor) {
  check(x.rank() >= 3, op, ": input ", x.shape(), " is not [N,C,H,W] or [C,H,W]");
  check(factor >= 1 && factor < factor_limit, op, ": ", what, " is ", factor, "; allowed are 1 to ", factor_limit - 1);
  return x.shape().product(0, x.rank() - 3);
}

// x with its last three sizes replaced.
Tensor with_planes(const Tensor& x, const Shape& from, int64_t channels, int64_t height, int64_t width) {
  const int last = from.rank() - 1;
  return reshape(x, from.with(last, width).with(last - 1, height).with(last - 2, channels));
}

}  // namespace

Tensor pixel_shuffle(const Tensor& x, int64_t upscale_factor) {
  const int64_t r = upscale_factor;
  const int64_t n = leading("pixel_shuffle", x, "upscale_factor", r);
  const int64_t c = x.size(-3);
  const int64_t h = x.size(-2);
  const int64_t w = x.size(-1);
  check(c % (r * r) == 0, "pixel_shuffle: input ", x.shape(), " has ", c, " channels, which upscale_factor ", r,
        " squared does not divide");
  const int64_t kept = c / (r * r);
  const Tensor split = reshape(x, Shape{n, kept, r, r, h, w});
  return with_planes(permute(split, {0, 1, 4, 2, 5, 3}), x.shape(), kept, h * r, w * r);
}

Tensor pixel_unshuffle(const Tensor& x, int64_t downscale_factor) {
  const int64_t r = downscale_factor;
  const int64_t n = leading("pixel_unshuffle", x, "downscale_factor", r);
  const int64_t c = x.size(-3);
  const int64_t h = x.size(-2);
  const int64_t w = x.size(-1);
  check(h % r == 0 && w % r == 0, "pixel_unshuffle: downscale_factor ", r, " does not divide the height ", h,
        " and the width ", w, " of ", x.shape());
  const Tensor split = reshape(x, Shape{n, c, h / r, r, w / r, r});
  return with_planes(permute(split, {0, 1, 3, 5, 2, 4}), x.shape(), c * r * r, h / r, w / r);
}

Tensor channel_shuffle(const Tensor& x, int64_t groups) {
  check(x.rank() >= 3, "channel_shuffle: input ", x.shape(), " has no spatial dimensions; expected [N,C,…]");
  check(groups >= 1, "channel_shuffle: groups is ", groups, "; it must be at least 1");
  const Shape& s = x.shape();
  check(s[1] % groups == 0, "channel_shuffle: input ", s, " has ", s[1], " channels, which ", groups,
        " groups do not divide");
  const Tensor split = reshape(x, Shape{s[0], groups, s[1] / groups, s.product(2, s.rank())});
  return reshape(permute(split, {0, 2, 1, 3}), s);
}

const auto& pixel_shuffle_op =
    add_op("pixel_shuffle", "channels [C · r², H, W] spread over space, [C, H · r, W · r]", [](const Tensors& t) {
      return pixel_shuffle(t[0], 2);
    }).sample({{2, 4, 2, 3}});
const auto& pixel_unshuffle_op =
    add_op("pixel_unshuffle", "space [C, H · r, W · r] gathered in channels, [C · r², H, W]", [](const Tensors& t) {
      return pixel_unshuffle(t[0], 2);
    }).sample({{1, 2, 4, 2}});
const auto& channel_shuffle_op =
    add_op("channel_shuffle", "channels of groups dealt out in turns", [](const Tensors& t) {
      return channel_shuffle(t[0], 3);
    }).sample({{2, 6, 2}});

}  // namespace tarn
