// Chooses a method for each convolution and runs it.
#include "core/kernels/conv.h"

#include <algorithm>
#include <type_traits>

#include "core/kernels/conv_lifted.h"
#include "core/kernels/conv_lowered.h"
#include "core/kernels/direct.h"
#include "core/kernels/winograd.h"
#include "core/storage.h"

namespace tarn::kernels {

ConvSizes ConvSizes::reversed() const {
  ConvSizes r = *this;
  r.channels = filters;
  r.filters = channels;
  r.input = output;
  r.output = input;
  for (std::size_t i = 0; i < 3; ++i) r.before[i] = dilation[i] * (kernel[i] - 1) - before[i];
  return r;
}

// Winograd's F(m×m, 3×3) multiplies (m + 2)² times for each of t(m) tiles, and its transform of the weights must be
// paid back by at least twice as many tiles as there are channels and filters. F(4×4) takes 36 products a tile and
// F(2×2) 16; the larger tile wastes more at the borders and transforms more dearly, which the factor 0.75 stands for.
// Small channel counts leave too little to multiply.
ConvMethod choose_conv(const ConvSizes& s, bool single) {
  constexpr std::array<int64_t, 3> flat{1, 3, 3}, ones{1, 1, 1};
  constexpr int64_t widest = 1024;  // a row of tiles must fit the working memory
  if (s.groups > 1 && s.group_channels() <= 4 && direct_fits(s)) return ConvMethod::direct;
  const bool fits = single && s.kernel == flat && s.unit_stride() && s.dilation == ones && s.groups == 1 &&
                    s.input[0] == 1 && s.output[0] == 1 && s.before[0] == 0 && s.output[2] <= widest;
  const int64_t most = std::max(s.channels, s.filters);
  const ConvMethod exact = lifted_fits(s) ? ConvMethod::lifted : ConvMethod::lowered;
  if (!fits || std::min(s.channels, s.filters) < 16) return exact;
  const auto tiles = [&](int64_t m) { return ((s.output[1] + m - 1) / m) * ((s.output[2] + m - 1) / m); };
  if (s.images * tiles(4) >= 2 * most && 36 * tiles(4) <= 12 * tiles(2)) return ConvMethod::winograd4;
  if (s.images * tiles(2) >= 2 * most) return ConvMethod::winograd2;
  return exact;
}

namespace {

int tile_of(ConvMethod method) {
  return method == ConvMethod::winograd2 ? 2 : 4;
}

bool is_winograd(ConvMethod method) {
  return method == ConvMethod::winograd2 || method == ConvMethod::winograd4;
}

}  // namespace

template <class T>
void conv_forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y) {
  if (s.images == 0) return;
  const ConvMethod method = choose_conv(s, std::is_same_v<T, float>);
  if (method == ConvMethod::direct && s.channels > 0) return direct_forward(s, x, w, bias, y);
  if constexpr (std::is_same_v<T, float>) {
    if (is_winograd(method)) return winograd_forward(s, tile_of(method), x, w, bias, y);
  }
  if (method == ConvMethod::lifted && s.channels > 0) return lifted_forward(s, x, w, bias, y);
  lowered_forward(s, x, w, bias, y);
}

template <class T>
void conv_input_gradient(const ConvSizes& s, const T* g, const T* w, T* dx) {
  if (s.images == 0 || s.channels == 0) return;
  if (choose_conv(s, std::is_same_v<T, float>) == ConvMethod::direct) return direct_input_gradient(s, g, w, dx);
  const ConvMethod method = choose_conv(s.reversed(), std::is_same_v<T, float>);
  if (!s.unit_stride() || !(is_winograd(method) || method == ConvMethod::lifted))
    return lowered_input_gradient(s, g, w, dx);
  const Storage rotated(static_cast<std::size_t>(s.filters * s.rows()) * sizeof(T));
  T* weights = static_cast<T*>(rotated.data());
  rotate_filters(s, w, weights);
  if constexpr (std::is_same_v<T, float>) {
    if (is_winograd(method)) return winograd_forward(s.reversed(), tile_of(method), g, weights, nullptr, dx);
  }
  lifted_forward<T>(s.reversed(), g, weights, nullptr, dx);
}

template <class T>
void conv_weight_gradient(const ConvSizes& s, const T* x, const T* g, T* dw) {
  if (s.images == 0 || s.channels == 0) {
    std::fill_n(dw, s.filters * s.rows(), T{0});
    return;
  }
  const ConvMethod method = choose_conv(s, std::is_same_v<T, float>);
  if (method == ConvMethod::direct) return direct_weight_gradient(s, x, g, dw);
  if constexpr (std::is_same_v<T, float>) {
    if (is_winograd(method)) return winograd_weight_gradient(s, tile_of(method), x, g, dw);
  }
  if (method == ConvMethod::lifted) return lifted_weight_gradient(s, x, g, dw);
  lowered_weight_gradient(s, x, g, dw);
}

template void conv_forward(const ConvSizes&, const float*, const float*, const float*, float*);
template void conv_forward(const ConvSizes&, const double*, const double*, const double*, double*);
template void conv_input_gradient(const ConvSizes&, const float*, const float*, float*);
template void conv_input_gradient(const ConvSizes&, const double*, const double*, double*);
template void conv_weight_gradient(const ConvSizes&, const float*, const float*, float*);
template void conv_weight_gradient(const ConvSizes&, const double*, const double*, double*);

}  // namespace tarn::kernels
