// The poolings as functions: of an input [N, C, spatial] or [C, spatial] and the windows made for it by
// `sliding_windows` or `adaptive_windows`. One value for each window, of any number of dimensions. Padding is never
// counted unless a function says so. Each is a layer, too, whose page in the manual has the details.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/ops.h"

namespace tarn {

/// The smallest value of each window, and its flat position in the plane; the first of equals, the last NaN.
Tensor min_pool(const Tensor& x, const Windows& w);
Extreme min_pool_with_indices(const Tensor& x, const Windows& w);

/// Σ w_i x_i, w the softmax of x (Stergiou et al. 2021). `detached`: w counts as constant in derivatives, as in the
/// authors' code.
Tensor soft_pool(const Tensor& x, const Windows& w, bool detached = false);

// ---- means weighed by the values themselves; r, beta, alpha: one number, or one for each channel ----

/// log(mean of e^(r x)) / r, r > 0; `sum_form`: of the sum instead of the mean (Pinheiro and Collobert 2015).
Tensor lse_pool(const Tensor& x, const Windows& w, const Tensor& r, bool sum_form = false);
/// Σ w_i x_i, w the softmax of beta · x (McFee et al. 2018).
Tensor smooth_max_pool(const Tensor& x, const Windows& w, const Tensor& beta);
/// Σ x_i² / Σ x_i for x >= 0, and 0 where Σ x_i <= 1e-12 (Wang et al. 2018).
Tensor linear_softmax_pool(const Tensor& x, const Windows& w);
/// How power_average_pool reads its window: the sum of the powers or their mean; values below eps count as eps, without
/// a derivative; p is brought into [p_min, p_max].
struct PowerAverage {
  bool sum = true;
  double eps = 1e-6;
  double p_min = 1, p_max = 32;
};
/// (Σ max(x_i, eps)^p)^(1/p) (Estrach et al. 2014); p: one number, or one for each channel.
Tensor power_average_pool(const Tensor& x, const Windows& w, const Tensor& p, const PowerAverage& options = {});
/// The generalized mean ((1/n) Σ max(x_i, eps)^p)^(1/p), with a p of any size and sign (Radenović et al. 2017).
Tensor gem_pool(const Tensor& x, const Windows& w, const Tensor& p, double eps = 1e-6);
/// The power mean of x + eps with exponent (1 - alpha) / 2, for x >= 0 (Eom and Choi 2018).
Tensor alpha_pool(const Tensor& x, const Windows& w, const Tensor& alpha, double eps = 1e-6);
/// Σ w_i x_i, w the softmax of the likeness 2 |x_i m| / (x_i² + m²) of each value and the window's mean m, which is 1
/// where both are 0 (Stergiou and Poppe 2021). `detached`: w counts as constant in derivatives.
Tensor edscw_pool(const Tensor& x, const Windows& w, bool detached = false);
/// Σ w_i x_i, w_i in proportion to 1 / (|x_i - m| + eps), m the window's mean.
Tensor idw_pool(const Tensor& x, const Windows& w, double eps = 1e-6, bool detached = false);
/// beta · edscw_pool + (1 - beta) · soft_pool; beta, brought into [0, 1], is one number or one for each output cell.
Tensor ada_pool(const Tensor& x, const Windows& w, const Tensor& beta, bool detached = false);

// ---- means weighed by something else ----

/// Σ w_i x_i, w the softmax of `logits`, of x's shape (Gao et al. 2019).
Tensor lip_pool(const Tensor& x, const Tensor& logits, const Windows& w);
/// Σ a_j x_j, a the softmax of `weight` over the taps inside, or, where not `normalized`, the weight as it is; weight
/// [taps] or [C, taps].
Tensor learned_weight_pool(const Tensor& x, const Windows& w, const Tensor& weight, bool normalized = true);
/// Σ w_i x_i, w the softmax of logits [N, C · taps, spatial of the output], those of a channel side by side (Hyun et
/// al. 2019).
Tensor universal_pool(const Tensor& x, const Tensor& logits, const Windows& w);
/// Detail-preserving pooling (Saeedan et al. 2018) of windows that neither overlap nor leave anything out: weights
/// (q / mean q)^(e^lambda / 2) + e^alpha with q = δ² + 0.001, δ what a value exceeds the `reference` of its window by,
/// alpha at most 10. The reference, of the output's shape, is the window's mean where undefined. alpha and lambda [C].
/// `asymmetric`: a value below the reference counts as equal.
Tensor dpp_pool(const Tensor& x, const Windows& w, const Tensor& alpha, const Tensor& lambda,
                const Tensor& reference = {}, bool asymmetric = false);

// ---- norms of channels ----

/// Of each group of neighbouring channels one (mean of |x - centre|^p)^(1/p), p = 1 + softplus(rho); rho [units],
/// centre [channels] (Gulcehre et al. 2013). x [N, F], or [N, C, …] of any rank; `channels` is their dimension.
Tensor lp_unit(const Tensor& x, const Tensor& rho, const Tensor& centre, int64_t channels = 1);

// ---- linear maps: anti-aliased, in frequencies, in wavelets. x [N, C, spatial] or [C, spatial] of spatial rank
// `rank`;
// ---- sizes and strides: one for each dimension

/// Every stride-th value of x blurred by the binomial filter of that size, 1 to 7; pad_mode reflect, replicate or zero,
/// ⌊(filt_size - 1) / 2⌋ cells before and the rest behind (Zhang 2019).
Tensor blur_pool(const Tensor& x, int rank, int64_t filt_size, const Sizes& stride,
                 const std::string& pad_mode = "reflect");
/// Windows of the frequencies: the lowest `kept` (default: as many as `sizes`) of each dimension, seen on a grid of
/// `sizes` (Rippel et al. 2015). `unitary`: by the unitary transform, which makes values √(N/M) larger per dimension.
Tensor spectral_pool(const Tensor& x, int rank, const Sizes& sizes, bool unitary = false, const Sizes& kept = {});
/// One orthonormal Haar step: the low band of each block of 2 values per dimension or, `all_bands`, all 2^rank bands
/// one after the other as channels, LL, LH, HL, HH, the last letter being the first spatial dimension. Odd sizes are
/// errors, or `replicate` their last cell (Williams and Li 2018).
Tensor haar_pool(const Tensor& x, int rank, bool all_bands = false, bool replicate = false);
/// The polyphase component x[…, i::s, j::s] of largest norm, "l1", "l2" or "linf", over all channels of a sample, and
/// i · s + j of the one that was taken, [N] or [] (Chaman and Dokmanić 2021). Sizes must be divisible.
Extreme aps_pool(const Tensor& x, int rank, const Sizes& stride, const std::string& criterion = "l2");

// Mixtures of maximum and mean, and trees of filters (Lee, Gallagher, Tu 2015).

/// a M + (1 - a) A, M the maximum and A the mean of each window; `a` broadcasts against the output.
Tensor learned_mixed_pool(const Tensor& x, const Windows& w, const Tensor& a);
/// The same with a = σ(Σ weight_i x_i + bias), taps outside counting as 0; weight broadcasts against [C, cells, taps],
/// and bias, which may be undefined, against [C, cells, 1].
Tensor gated_pool(const Tensor& x, const Windows& w, const Tensor& weight, const Tensor& bias = {});
/// A full binary tree: leaf m gives leaves[m] · x, inner node m mixes its left and right child by σ(gates[m] · x) to 1
/// minus that, node 0 on top and the children of m being 2m + 1 and 2m + 2. Of 2^k leaves and one gate fewer, each
/// broadcasting against [C, cells, taps]. Throws where windows reach over the edge.
Tensor tree_pool(const Tensor& x, const Windows& w, const Tensor& leaves, const Tensor& gates);
/// Half the mean and half the maximum of each window, and both, first the means, side by side along the channels.
Tensor avgmax_pool(const Tensor& x, const Windows& w);
Tensor catavgmax_pool(const Tensor& x, const Windows& w);

// By rank: x_(1) ≥ x_(2) ≥ … are the n values of a window; equal ones keep their order, and NaN counts as the largest.

/// The value of rank ⌊(n - 1) / 2⌋ from below, counted from 0 (`even_mean`: the mean of that and the one of ⌊n / 2⌋);
/// NaN where a window has one.
Tensor median_pool(const Tensor& x, const Windows& w, bool even_mean = false);
/// The mean of the t largest values, or of all where there are fewer. t is at most the number of taps.
Tensor rank_avg_pool(const Tensor& x, const Windows& w, int64_t t);
/// Σ_r π_r x_(r), π_r = a (1 - a)^(r - 1), 0 < a < 1, divided by Σ π where `normalize`.
Tensor rank_weighted_pool(const Tensor& x, const Windows& w, double a = 0.5, bool normalize = false);
/// x_(r), r drawn with these chances, normalised: `samples`, of the output's shape, are uniform in [0, 1).
Tensor rank_stochastic_pool(const Tensor& x, const Windows& w, double a, const Tensor& samples);
/// Σ_r ŵ_r x_(r), ŵ = ordinal_weights(weight); weight [C, taps]. Throws where windows reach over the edge.
Tensor ordinal_pool(const Tensor& x, const Windows& w, const Tensor& weight);
/// The rows of `weight` without their negative parts, divided by their sums; equal parts where nothing is left.
Tensor ordinal_weights(const Tensor& weight);
/// x_(1) where it, or with `all` x_(k), is at least `threshold`, else the mean of the k largest.
Tensor t_max_avg_pool(const Tensor& x, const Windows& w, int64_t k, double threshold, bool all = false);
/// kappa times the sum of the t largest values.
Tensor multi_activation_pool(const Tensor& x, const Windows& w, int64_t t, double kappa);
/// The largest value of those where `kept` [N, C, cells, taps] is not 0; 0 where there is none.
Tensor max_pool_dropout(const Tensor& x, const Windows& w, const Tensor& kept);
/// Σ_r p (1 - p)^(r - 1) x_(r): what is expected of it for values of at least 0 that are kept with chance p.
Tensor expected_max_pool_dropout(const Tensor& x, const Windows& w, double p);

// By chance.

/// What negative values do in stochastic pooling: an error, no chance, or a chance by the softmax of all values.
enum class Negatives : uint8_t { error, relu, softmax };
/// x_k, k the first whose cumulated chances are beyond the window's sample in [0, 1); p = max(x, 0) / Σ max(x, 0).
/// `samples` has an element for each window. A window without chances gives 0, with a derivative to a tap drawn evenly,
/// or with `zero_sum` to none.
Tensor stochastic_pool(const Tensor& x, const Windows& w, const Tensor& samples, Negatives negatives = Negatives::relu,
                       bool zero_sum = false);
/// Σ p_i x_i; 0 where there are no chances.
Tensor expected_stochastic_pool(const Tensor& x, const Windows& w, Negatives negatives = Negatives::relu);
/// λ times the maximum and (1 - λ) times the mean of each window; λ broadcasts against the output.
Tensor mixed_pool(const Tensor& x, const Windows& w, const Tensor& lambda);

// Means with a say of their own, and choices of positions.

/// weight_c times the mean (`sums`: the sum) of each window, plus bias_c; weight and bias [C].
Tensor trainable_avg_pool(const Tensor& x, const Windows& w, const Tensor& weight, const Tensor& bias,
                          bool sums = false);
/// Windows of S3Pool's maxima: one at every cell, cut off at the far edge, or, with `valid`, only those that fit.
Windows s3_windows(const char* op, const Shape& x, int rank, const std::vector<int64_t>& kernel_size, bool valid);
/// The maximum of each window, and of these the chosen rows, columns, …: an int64 tensor of positions per dimension.
Tensor s3_pool(const Tensor& x, const Windows& w, std::span<const Tensor> chosen);
/// The value where, on the average over windows at most `radius` away, their maxima lie; sliding windows without
/// dilation only (Otsuzuki et al. 2020).
Tensor regularized_pool(const Tensor& x, const Windows& w, int64_t radius = 1);
/// Maxima, and behind them along the channels minima (`negate`: those of -x).
Tensor max_min_pool(const Tensor& x, const Windows& w, bool negate = true);
/// The mean of each window by the membership, small, medium or large, that its values have most of; values in [0,
/// r_max] are expected. `algebraic`: memberships add up as 1 - Π(1 - μ).
Tensor fuzzy_pool(const Tensor& x, const Windows& w, double r_max = 6, bool algebraic = false);

// Sequences [N, C, L] or [C, L].

/// The k largest values in the order in which they stand, and their positions. Where k is above L: an error, or, with
/// `pad`, zeros (position -1) behind.
Extreme kmax_pool1d(const Tensor& x, int64_t k, bool pad = false);
/// max(k_top, ⌈(layers - layer) / layers · L⌉).
int64_t dynamic_k(int64_t length, int64_t k_top, int64_t layer, int64_t layers);
/// The maximum of each of so many chunks: adaptive windows or, with `equal`, ⌈L / chunks⌉ values each, the last fewer.
Tensor chunk_max_pool1d(const Tensor& x, int64_t chunks, bool equal = false);
/// [N, 3C] or [3C]: the maxima of positions 0 … e1, e1 + 1 … e2 and e2 + 1 … L - 1, 0 for an empty part; positions
/// (e1, e2) int64, [N, 2] or [2].
Tensor piecewise_max_pool1d(const Tensor& x, const Tensor& positions);
/// [N, C, 1]: the maximum over the first lengths[n] positions, or over all where lengths are undefined.
Tensor max_over_time_pool1d(const Tensor& x, const Tensor& lengths = {});
/// Rows of x [N, nodes, F] or [nodes, F] in descending order of their last feature, equal ones by the one before, and
/// so on; the first k of them, or zeros where a graph has fewer; of graph n only its first counts[n] rows, where these
/// are given.
Tensor sort_pool(const Tensor& x, int64_t k, const Tensor& counts = {});

// Whole planes.

/// Mean, sum, largest and smallest value of each plane, the last two with its flat position. `rank` spatial dimensions,
/// or, for 0, all behind [N, C]; they stay, with size 1, where `keepdim`.
Tensor global_avg_pool(const Tensor& x, int rank = 0, bool keepdim = true);
Tensor global_sum_pool(const Tensor& x, int rank = 0, bool keepdim = true);
Extreme global_max_pool(const Tensor& x, int rank = 0, bool keepdim = true);
Extreme global_min_pool(const Tensor& x, int rank = 0, bool keepdim = true);
/// Σ d^(r - 1) x_(r) / Σ d^(r - 1), 0 <= d <= 1.
Tensor global_weighted_rank_pool(const Tensor& x, const Windows& w, double d);
/// The mean of the kmax largest plus alpha times that of the kmin smallest; numbers below 1 are parts of the window.
struct Wildcat {
  double kmax = 1;
  std::optional<double> kmin = {};  ///< absent: kmax
  double alpha = 1;
  bool halve = false;  ///< where there are smallest ones and alpha is not 0
};
Tensor wildcat_pool(const Tensor& x, const Windows& w, const Wildcat& options = {});
/// 1 - Π(1 - x_i), and (σ(a (m - b)) - σ(-a b)) / (σ(a (1 - b)) - σ(-a b)) with m the mean and b [C].
Tensor noisy_or_pool(const Tensor& x, const Windows& w);
Tensor noisy_and_pool(const Tensor& x, const Windows& w, const Tensor& b, double a = 10);

// Channels: along dimension `dim`, of any x.

/// The maximum of each k neighbouring channels.
Tensor maxout(const Tensor& x, int64_t k, int64_t dim = 1);
/// Channels c, c + C/2 (of two halves) to their maximum; with `thirds`, c, c + C/3, c + 2C/3 to all maxima and then all
/// medians.
Tensor max_feature_map(const Tensor& x, bool thirds = false, int64_t dim = 1);

// ---- pyramids, strips and running maxima: of planes of any size ----

/// Each level cuts the planes into so many bins for each dimension (one number, or one each) and keeps the largest
/// value or the mean of each; all levels in a row, [N, C · bins]. `windows`: "adaptive", "paper" or "caffe" (see the
/// manual).
Tensor spatial_pyramid_pool(const Tensor& x, int rank, const std::vector<std::vector<int64_t>>& levels,
                            const std::string& mode = "max", const std::string& windows = "adaptive");
/// x and its maxima over windows of odd sizes in steps of 1, joined along the channels.
Tensor yolo_spp(const Tensor& x, const std::vector<int64_t>& kernels = {5, 9, 13}, bool input_first = true);
/// x and one, two and three maxima over `kernel` cells in a row, joined along the channels.
Tensor sppf(const Tensor& x, int64_t kernel = 5);
/// The mean, or the maximum, of every row (axis "w", [N, C, H, 1]) or of every column (axis "h", [N, C, 1, W]).
Tensor strip_pool2d(const Tensor& x, const std::string& axis, const std::string& mode = "avg");
/// The means of the rows, then those of the columns: [N, C, H + W, 1].
Tensor coord_pool2d(const Tensor& x);
/// The mean, or the maximum, of `rings` rings around the middle: [N, C, rings].
Tensor concentric_circle_pool2d(const Tensor& x, int64_t rings, const std::string& mode = "avg",
                                bool keep_corners = true);
/// The largest value so far along `dim`; the first one gets the cotangent, NaN wins. `reverse`: from the end.
Tensor running_max(const Tensor& x, int64_t dim, bool reverse = false);
/// The running maximum of "left" (what lies at or right of a cell), "right", "top" (at or below) or "bottom".
Tensor corner_pool2d(const Tensor& x, const std::string& direction);
/// The maximum of every region of the R-MAC grid, each vector of channels made of length 1, added up: [N, C].
Tensor rmac_pool2d(const Tensor& x, int64_t levels = 3, double eps = 1e-6);
/// The mean of each cell's neighbourhood, less the cell.
Tensor poolformer_pool2d(const Tensor& x, int64_t pool_size = 3);

// ---- regions of interest: features [N, C, H, W] and boxes [R, 5] of (image, x1, y1, x2, y2) give [R, C, PH, PW] ----

/// What the poolings of regions share.
struct RoiOptions {
  std::vector<int64_t> output_size = {1};  ///< PH and PW, or one number for both
  double spatial_scale = 1;                ///< of the boxes' coordinates, to those of the features
  int64_t sampling_ratio = -1;  ///< points for each dimension of a bin; below 1: as many as the bin is wide, rounded up
  bool aligned = false;         ///< cells' centres lie at whole coordinates, so that boxes move by half a cell
  std::string mode = "avg";     ///< of the points of a bin: "avg" or "max"
  bool torchvision_compat = false;  ///< ps_roi_pool2d leaves the last row and column out, as torchvision does
  double gamma = 0.1;               ///< deform_roi_pool2d: a shift of 1 is this share of the box
};
/// The maximum of each bin, whose edges are rounded to whole cells (torchvision.ops.roi_pool).
Tensor roi_pool2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options);
/// The mean, or maximum, of points in each bin, read bilinearly (torchvision.ops.roi_align).
Tensor roi_align2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options);
/// The same where output channel c of bin (i, j) reads input channel (c PH + i) PW + j, as means of rounded bins and of
/// points (torchvision.ops.ps_roi_pool, ps_roi_align).
Tensor ps_roi_pool2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options);
Tensor ps_roi_align2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options);
/// The integral of the bilinear surface over each bin by its area; differentiable in the boxes, too.
Tensor prroi_pool2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options);
/// roi_align2d, aligned, with each bin shifted by offsets [R, 2, PH, PW], the share of the box's width, then height.
Tensor deform_roi_pool2d(const Tensor& x, const Tensor& boxes, const Tensor& offsets, const RoiOptions& options);

// ---- second order, attention and statistics: of inputs [N, C, spatial], or one of them ----

/// Multi-head attention: queries [N, Q, C], keys [N, T, C], values [N, T, D] give [N, Q, D]; softmax(q kᵀ / √d) v with
/// d = C / heads, head by head.
Tensor attend(const Tensor& queries, const Tensor& keys, const Tensor& values, int64_t heads = 1);
/// The covariance of the channels over positions, divided by their number: [N, C, C], or its upper triangle in a row.
Tensor covariance_pool2d(const Tensor& x, bool triangle = false);
/// sgn(x) √|x|; the derivative is 0 at 0, and takes |x| for at least 1e-5.
Tensor signed_sqrt(const Tensor& x);
/// Σ over positions of a bᵀ, by their number unless `sum`, as a row; then signed root and length 1 where asked.
Tensor bilinear_pool2d(const Tensor& a, const Tensor& b, bool sum = false, bool root = true, bool unit = true);
/// What becomes of sums over positions: their mean unless `sum`, then signed root and length 1 where asked.
struct PairOptions {
  bool sum = true, root = true, unit = true;
};
/// Scatters channel c to element places[c], with the sign signs[c]; int64 [C] and [C].
struct CountSketch {
  Tensor places, signs;
};
/// The circular convolution of as many of these as a polynomial's degree: vectors of `size` elements, whose products
/// are, as expected, those of the polynomials (Pham and Pagh 2013).
struct TensorSketch {
  std::vector<CountSketch> factors;
  int64_t size = 0;
};
/// Sketches of degree two of a and b, added up over positions: [N, size].
Tensor compact_bilinear_pool2d(const Tensor& a, const Tensor& b, const TensorSketch& sketch, const PairOptions& o = {});
/// (left a)(right b) / √d, added up over positions; left and right ±1, [d, C].
Tensor random_maclaurin_pool2d(const Tensor& a, const Tensor& b, const Tensor& left, const Tensor& right,
                               const PairOptions& o = {});
/// alpha_0, alpha_1 times the mean, and alpha_q times the mean sketch of degree q = 2, 3, … of x's vectors, in a row;
/// alpha has two numbers more than there are sketches.
Tensor kernel_pool2d(const Tensor& x, const Tensor& alpha, std::span<const TensorSketch> sketches,
                     bool normalize_input = false);
/// Σ a_i h_i over positions of x [N, C, L], a the softmax of scores [N, L] or [N, C, L].
Tensor weighted_by_softmax(const Tensor& x, const Tensor& scores);
/// Means, then deviations √max(var, eps), of x [N, C, L] over its positions where `mask` [N, L], if given, is not 0.
Tensor stats_pool1d(const Tensor& x, bool unbiased = false, double eps = 1e-5, const Tensor& mask = {});
/// The same weighed by the softmax of scores [N, 1, L] or [N, C, L].
Tensor attentive_stats_pool1d(const Tensor& x, const Tensor& scores, double eps = 1e-5);
/// Residuals of the vectors of x [N, C, spatial] to K centres [K, C], weighed by the softmax of weight · x + bias over
/// the K + G clusters of weight [K + G, C], each made of length 1, then all of them: [N, K · C].
Tensor netvlad_pool2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& centroids,
                      bool normalize_input = true);

}  // namespace tarn
