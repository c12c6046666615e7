// Every public op: what it computes, its shapes, its errors and where it comes from. All record themselves on the open
// tape.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ops/loss.h"
#include "core/ops/pool.h"
#include "core/ops/resize.h"
#include "core/random.h"
#include "core/tensor.h"

namespace tarn {

// ---- arithmetic.cpp: elementwise with NumPy broadcasting; both operands of one floating dtype ----

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
/// a to the power b; the derivative by b is 0 where a is 0 and b is not negative, as in PyTorch.
Tensor pow(const Tensor& a, const Tensor& b);
/// The larger of a and b; NaN wins; at a tie each gets half of the cotangent (torch.maximum).
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor atan2(const Tensor& a, const Tensor& b);
/// log(e^a + e^b) without overflow (torch.logaddexp).
Tensor logaddexp(const Tensor& a, const Tensor& b);
/// Remainder with the sign of a (torch.fmod) and of b (torch.remainder).
Tensor fmod(const Tensor& a, const Tensor& b);
Tensor remainder(const Tensor& a, const Tensor& b);
/// a + (b - a) · weight.
Tensor lerp(const Tensor& a, const Tensor& b, double weight);
Tensor add(const Tensor& a, double b);
Tensor mul(const Tensor& a, double b);
Tensor pow(const Tensor& a, double exponent);
Tensor pow(double base, const Tensor& exponent);

inline Tensor operator+(const Tensor& a, const Tensor& b) {
  return add(a, b);
}
inline Tensor operator-(const Tensor& a, const Tensor& b) {
  return sub(a, b);
}
inline Tensor operator*(const Tensor& a, const Tensor& b) {
  return mul(a, b);
}
inline Tensor operator/(const Tensor& a, const Tensor& b) {
  return div(a, b);
}
inline Tensor operator+(const Tensor& a, double b) {
  return add(a, b);
}
inline Tensor operator+(double a, const Tensor& b) {
  return add(b, a);
}
inline Tensor operator-(const Tensor& a, double b) {
  return add(a, -b);
}
inline Tensor operator*(const Tensor& a, double b) {
  return mul(a, b);
}
inline Tensor operator*(double a, const Tensor& b) {
  return mul(b, a);
}
inline Tensor operator/(const Tensor& a, double b) {
  return mul(a, 1 / b);
}
Tensor operator-(double a, const Tensor& b);
Tensor operator/(double a, const Tensor& b);
Tensor operator-(const Tensor& a);

// ---- unary.cpp: elementwise, PyTorch's names ----

Tensor neg(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor exp2(const Tensor& x);
Tensor expm1(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor log2(const Tensor& x);
Tensor log10(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor square(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tan(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor cosh(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor asin(const Tensor& x);
Tensor acos(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor erfc(const Tensor& x);
Tensor sigmoid(const Tensor& x);
/// Piecewise constant: derivative zero. `round` goes to the even neighbour at halves.
Tensor sign(const Tensor& x);
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor round(const Tensor& x);
Tensor trunc(const Tensor& x);
/// x - trunc(x).
Tensor frac(const Tensor& x);
/// NaN to `nan`, +inf to `posinf`, -inf to `neginf` (defaults: the largest finite values of the dtype).
Tensor nan_to_num(const Tensor& x, double nan = 0, std::optional<double> posinf = {},
                  std::optional<double> neginf = {});
/// Keeps values inside [min, max]; the cotangent passes where min <= x <= max.
Tensor clamp(const Tensor& x, std::optional<double> min, std::optional<double> max);

// ---- activation.cpp: PyTorch's activation functions and their defaults ----

Tensor relu(const Tensor& x);
Tensor relu6(const Tensor& x);
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
Tensor elu(const Tensor& x, double alpha = 1);
Tensor selu(const Tensor& x);
Tensor celu(const Tensor& x, double alpha = 1);
/// `approximate` is "none" or "tanh".
Tensor gelu(const Tensor& x, const std::string& approximate = "none");
Tensor silu(const Tensor& x);
Tensor mish(const Tensor& x);
Tensor hardswish(const Tensor& x);
Tensor hardsigmoid(const Tensor& x);
Tensor hardtanh(const Tensor& x, double min_val = -1, double max_val = 1);
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);
Tensor softsign(const Tensor& x);
Tensor softshrink(const Tensor& x, double lambd = 0.5);
Tensor hardshrink(const Tensor& x, double lambd = 0.5);
Tensor tanhshrink(const Tensor& x);
Tensor threshold(const Tensor& x, double limit, double value);
Tensor logsigmoid(const Tensor& x);
/// max(0, x) + weight · min(0, x), weight of one element or one per channel (dimension 1).
Tensor prelu(const Tensor& x, const Tensor& weight);
/// First half times sigmoid of the second half along `dim`.
Tensor glu(const Tensor& x, int64_t dim = -1);

// ---- softmax.cpp ----

Tensor softmax(const Tensor& x, int64_t dim);
Tensor log_softmax(const Tensor& x, int64_t dim);
Tensor softmin(const Tensor& x, int64_t dim);

// ---- compare.cpp: results are int64 zeros and ones; not differentiable ----

Tensor eq(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);
/// a where condition is not zero, else b; all three broadcast. The condition may be of any dtype.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
/// x, with `value` where mask is not zero.
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value);
/// The elements of x where mask is not zero, as one row.
Tensor masked_select(const Tensor& x, const Tensor& mask);

// ---- reduce, extreme, vector_norm, cumulative, count .cpp: `dims` empty: all; negative ones count from the back ----

using Dims = std::vector<int64_t>;
Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// Sums x down to a shape that broadcasts to x's: the transpose of broadcasting.
Tensor sum_to(const Tensor& x, const Shape& shape);
/// Largest and smallest; ties share the cotangent equally; NaN wins (torch.amax).
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor var(const Tensor& x, const Dims& dims = {}, bool unbiased = true, bool keepdim = false);
/// `std` in PyTorch.
Tensor standard_deviation(const Tensor& x, const Dims& dims = {}, bool unbiased = true, bool keepdim = false);
Tensor prod(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false);
/// Along one dimension: the first extreme value and its position; NaN wins. The cotangent goes to that position.
Extreme max(const Tensor& x, int64_t dim, bool keepdim = false);
Extreme min(const Tensor& x, int64_t dim, bool keepdim = false);
/// Over everything: ties share the cotangent.
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
Tensor argmax(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false);
Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim = false);
/// p-norm; p may be 0, ±inf.
Tensor norm(const Tensor& x, double p = 2, const Dims& dims = {}, bool keepdim = false);
Tensor cumsum(const Tensor& x, int64_t dim);
Tensor cumprod(const Tensor& x, int64_t dim);
/// h_i = a_i · h_{i-1} + b_i along dim, with 0 before the first; `reverse`: from the last to the first, h_i = a_i ·
/// h_{i+1} + b_i.
Tensor recurrence(const Tensor& a, const Tensor& b, int64_t dim, bool reverse = false);
Extreme cummax(const Tensor& x, int64_t dim);
/// x / max(norm(x, p), eps) along dim.
Tensor normalize(const Tensor& x, double p = 2, int64_t dim = 1, double eps = 1e-12);
Tensor cosine_similarity(const Tensor& a, const Tensor& b, int64_t dim = 1, double eps = 1e-8);
/// norm(a - b + eps, p) along the last dimension (torch.nn.functional.pairwise_distance).
Tensor pairwise_distance(const Tensor& a, const Tensor& b, double p = 2, double eps = 1e-6, bool keepdim = false);
/// int64 results.
Tensor all(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false);
Tensor any(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false);
Tensor count_nonzero(const Tensor& x, std::optional<int64_t> dim = {});

// ---- shape.cpp, join.cpp, slice.cpp, pad.cpp ----

/// One size may be -1. Shares storage.
Tensor reshape(const Tensor& x, std::span<const int64_t> sizes);
Tensor reshape(const Tensor& x, const Shape& shape);
Tensor flatten(const Tensor& x, int64_t start_dim = 0, int64_t end_dim = -1);
Tensor squeeze(const Tensor& x, std::optional<int64_t> dim = {});
Tensor unsqueeze(const Tensor& x, int64_t dim);
Tensor permute(const Tensor& x, const Dims& dims);
Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1);
/// Repeats along dimensions of size 1 and new leading ones (torch.expand, but a copy). -1 keeps a size.
Tensor expand(const Tensor& x, std::span<const int64_t> sizes);
Tensor broadcast_to(const Tensor& x, const Shape& shape);
Tensor cat(std::span<const Tensor> parts, int64_t dim = 0);
Tensor stack(std::span<const Tensor> parts, int64_t dim = 0);
/// Elements start, start + step, … below end along dim; step >= 1; bounds are clipped as Python's.
Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t end, int64_t step = 1);
Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length);
Tensor select(const Tensor& x, int64_t dim, int64_t index);
Tensors split(const Tensor& x, std::span<const int64_t> sizes, int64_t dim = 0);
/// Parts of `size`, the last one maybe smaller.
Tensors split(const Tensor& x, int64_t size, int64_t dim = 0);
Tensors chunk(const Tensor& x, int64_t chunks, int64_t dim = 0);
Tensors unbind(const Tensor& x, int64_t dim = 0);
Tensor flip(const Tensor& x, const Dims& dims);
Tensor roll(const Tensor& x, std::span<const int64_t> shifts, const Dims& dims = {});
Tensor repeat(const Tensor& x, std::span<const int64_t> repeats);
/// Each slice of dim `repeats` times in a row.
Tensor repeat_interleave(const Tensor& x, int64_t repeats, int64_t dim);
Tensor tril(const Tensor& x, int64_t diagonal = 0);
Tensor triu(const Tensor& x, int64_t diagonal = 0);
Tensor diagonal(const Tensor& x, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1);
/// Sizes last dimension first: left, right, top, bottom, …; negative crops. mode: constant, reflect, replicate,
/// circular.
Tensor pad(const Tensor& x, std::span<const int64_t> sizes, const std::string& mode = "constant", double value = 0);
/// Another dtype; the derivative goes back in the input's.
Tensor cast(const Tensor& x, Dtype dtype);

// ---- index.cpp, select.cpp, sort.cpp ----

/// out[…i…] = x[…index[…i…]…] along dim; index has x's rank. Its transpose adds: `scatter_add`.
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index);
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index);
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, double alpha = 1);
/// x, taken as one row, at the positions in `index`; `put` is its transpose: a zero tensor of `shape`, with g added
/// there.
Tensor take(const Tensor& x, const Tensor& index);
Tensor put(const Tensor& g, const Tensor& index, const Shape& shape);
/// 1 at the class and 0 elsewhere, int64; classes < 0: the largest index plus one.
Tensor one_hot(const Tensor& index, int64_t classes = -1);
/// Rows of a table; row `padding_idx` gets no gradient (torch.nn.functional.embedding).
Tensor embedding(const Tensor& index, const Tensor& weight, std::optional<int64_t> padding_idx = {},
                 bool scale_grad_by_freq = false);
/// The table with the rows at `index` that are longer than max_norm shortened to it, off the tape (what
/// torch.nn.functional.embedding does in place where max_norm is given).
Tensor embedding_renorm(const Tensor& weight, const Tensor& index, double max_norm, double norm_type = 2);
Extreme sort(const Tensor& x, int64_t dim = -1, bool descending = false);
Extreme topk(const Tensor& x, int64_t k, int64_t dim = -1, bool largest = true);

// ---- matmul.cpp, linear.cpp, einsum.cpp ----

/// torch.matmul: every pairing of ranks, leading dimensions broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);
/// Batched op(A) op(B) of rank 3 with equal batch sizes: the family that all products are made of.
Tensor bmm(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);
Tensor mm(const Tensor& a, const Tensor& b);
Tensor mv(const Tensor& a, const Tensor& b);
Tensor dot(const Tensor& a, const Tensor& b);
Tensor outer(const Tensor& a, const Tensor& b);
Tensor addmm(const Tensor& c, const Tensor& a, const Tensor& b, double beta = 1, double alpha = 1);
Tensor baddbmm(const Tensor& c, const Tensor& a, const Tensor& b, double beta = 1, double alpha = 1);
/// Up to two operands, letters, no ellipsis; repeated letters in one operand take the diagonal.
Tensor einsum(const std::string& equation, std::span<const Tensor> operands);
/// x · weightᵀ + bias; x [..., in], weight [out, in], bias [out] or undefined.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
/// y_k = x1ᵀ W_k x2 + b_k; weight [out, in1, in2].
Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias = {});

// ---- conv.cpp, conv_transpose.cpp: 1, 2 and 3 dimensions share one implementation ----

/// What a convolution is besides its tensors; each list has one entry per spatial dimension.
struct ConvGeometry {
  std::array<int64_t, 3> stride{1, 1, 1}, dilation{1, 1, 1}, before{0, 0, 0},
      after{0, 0, 0};  ///< zeros before and after
  int64_t groups = 1;
};
/// Cross-correlation: x [N, C, spatial], weight [K, C/groups, kernel], bias [K] or undefined
/// (torch.nn.functional.conv1d/2d/3d).
Tensor conv(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvGeometry& geometry);
/// Its transpose in x: the cotangent of an input of shape `input`.
Tensor conv_input(const Tensor& g, const Tensor& weight, const ConvGeometry& geometry, const Shape& input);
/// Its transpose in the weight.
Tensor conv_weight(const Tensor& x, const Tensor& g, const ConvGeometry& geometry, const Shape& weight);
/// Every cell of x [N, C, spatial] adds its value times the kernel to the output; weight [C, K/groups, kernel], bias
/// [K] or undefined. An output size is (size - 1) · stride - before - after + dilation · (kernel - 1) + output_padding
/// + 1; output_padding is below the stride or the dilation (torch.nn.functional.conv_transpose1d/2d/3d).
Tensor conv_transpose(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvGeometry& geometry,
                      const std::array<int64_t, 3>& output_padding = {});

// ---- norm.cpp ----

/// What is normalised by its own statistics, and these.
struct NormResult {
  Tensor y, mean, variance;  ///< the mean and the biased variance are off the tape
};
/// (x - mean) / sqrt(var + eps) · weight + bias with the batch's own statistics over all dimensions but 1; weight and
/// bias may be undefined. x [N, C, …] of rank 2 to 5 (torch.nn.functional.batch_norm, training = true).
NormResult batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps = 1e-5);
/// The same with given statistics.
Tensor batch_norm_with(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& weight,
                       const Tensor& bias, double eps = 1e-5);

// ---- group_norm.cpp, local_response_norm.cpp: by the statistics of each sample alone, so the same in training ----

/// (x - mean) / sqrt(var + eps) · weight + bias over the last dimensions of x, whose sizes are `normalized_shape`;
/// weight and bias have that shape or are undefined (torch.nn.functional.layer_norm).
Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);
/// The same over each of `num_groups` groups of neighbouring channels of x [N, C, …]; weight and bias [C] or undefined
/// (torch.nn.functional.group_norm).
Tensor group_norm(const Tensor& x, int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);
/// The same over each channel of x [N, C, spatial]; the statistics are [N, C] (torch.nn.functional.instance_norm,
/// use_input_stats = true). With given ones it is `batch_norm_with`.
NormResult instance_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);
/// x / (k + alpha · mean of x² over `size` neighbouring channels, those outside being 0)^beta; x [N, C, spatial]
/// (torch.nn.functional.local_response_norm).
Tensor local_response_norm(const Tensor& x, int64_t size, double alpha = 1e-4, double beta = 0.75, double k = 1);

// ---- dropout.cpp, rrelu.cpp ----

/// x with values zeroed by chance p and the rest scaled by 1 / (1 - p); the mask is drawn from `stream`. `features`:
/// whole channels (dimensions 0 and 1) share one decision.
Tensor dropout(const Tensor& x, double p, const Stream& stream, bool features = false);
/// x with values set by chance p to the limit of SELU, -1.758…, and everything then scaled and shifted so that mean 0
/// and variance 1 are kept (Klambauer et al. 2017; torch.nn.functional.alpha_dropout and feature_alpha_dropout).
Tensor alpha_dropout(const Tensor& x, double p, const Stream& stream, bool features = false);
/// x above 0, else x times a slope drawn for it from [lower, upper] (torch.nn.functional.rrelu, training = true).
Tensor rrelu(const Tensor& x, double lower, double upper, const Stream& stream);

}  // namespace tarn
