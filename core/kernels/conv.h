// The convolution kernels: sizes worked out from the arguments, the choice of a method, and the three directions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tarn::kernels {

/// A convolution with every size worked out. Fewer than three spatial dimensions have leading ones; no size is 0 but
/// `images` and `channels`, and planes have less than 2^31 cells.
struct ConvSizes {
  int64_t images = 1, channels = 1, filters = 1, groups = 1;
  std::array<int64_t, 3> input{1, 1, 1}, output{1, 1, 1}, kernel{1, 1, 1};
  std::array<int64_t, 3> stride{1, 1, 1}, dilation{1, 1, 1};
  std::array<int64_t, 3> before{0, 0, 0};  ///< zeros before the input; negative: input cells that are left out

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t input_cells() const { return input[0] * input[1] * input[2]; }
  int64_t output_cells() const { return output[0] * output[1] * output[2]; }
  /// Rows of the column matrix of one group.
  int64_t rows() const { return group_channels() * taps(); }
  bool unit_stride() const { return stride[0] == 1 && stride[1] == 1 && stride[2] == 1; }
  /// One tap that sees the cell it writes: the column matrix is the image.
  bool pointwise() const {
    return taps() == 1 && input == output && before == std::array<int64_t, 3>{} && unit_stride();
  }
  /// The convolution that computes the input's cotangent from the output's, with the filters rotated and transposed;
  /// needs stride 1.
  ConvSizes reversed() const;
};

/// How a convolution is computed.
enum class ConvMethod {
  lowered,    ///< tiles of the column matrix (im2col), and matrix products; the exact general method
  lifted,     ///< half a column matrix and a product for each row of the kernel: the same sums, fewer copies
  direct,     ///< sums of shifted planes, for few channels per group
  winograd2,  ///< Winograd's F(2×2, 3×3)
  winograd4,  ///< Winograd's F(4×4, 3×3)
};

/// The method for a convolution, by rules that were measured; see conv.cpp. `single`: float32. The sizes alone decide,
/// never the number of threads.
ConvMethod choose_conv(const ConvSizes& s, bool single);

/// y = x * w + bias (bias may be null); x [images, channels, input], w [filters, channels / groups, kernel].
template <class T>
void conv_forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y);
/// dx = the transpose in x applied to g (which has y's shape).
template <class T>
void conv_input_gradient(const ConvSizes& s, const T* g, const T* w, T* dx);
/// dw = the transpose in w.
template <class T>
void conv_weight_gradient(const ConvSizes& s, const T* x, const T* g, T* dw);

}  // namespace tarn::kernels
