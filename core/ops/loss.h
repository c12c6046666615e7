// The losses of torch.nn.functional: PyTorch's names, formulas, defaults and argument order. All record themselves on
// the open tape.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/tensor.h"

namespace tarn {

/// What the losses of all elements become: nothing, their mean, their sum, or, for kl_div alone, their sum divided by
/// the first dimension's size.
enum class Reduction { none, mean, sum, batchmean };
Reduction reduction_named(const std::string& name);  ///< throws for any other name

// ---- cross_entropy.cpp: over classes ----

/// Logits [N, C, …] against int64 classes [N, …], or against probabilities of the logits' shape
/// (torch.nn.functional.cross_entropy).
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const Tensor& weight = {},
                     Reduction reduction = Reduction::mean, int64_t ignore_index = -100, double label_smoothing = 0);
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const Tensor& weight = {},
                Reduction reduction = Reduction::mean, int64_t ignore_index = -100);

// ---- loss.cpp: element by element; x and target broadcast ----

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean, double beta = 1);
Tensor huber_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean, double delta = 1);
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                            Reduction reduction = Reduction::mean);
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                                        Reduction reduction = Reduction::mean, const Tensor& pos_weight = {});

// ---- likelihood_loss.cpp: how unlikely the target is under the predicted distribution ----

/// t (log t - x), x being log-probabilities; 0 where t is 0. With `log_target` the target is log-probabilities too:
/// e^t (t - x).
Tensor kl_div(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean, bool log_target = false);
/// e^x - t x, or x - t log(x + eps) where x is not the rate's logarithm. `full` adds Stirling's t log t - t +
/// log(2πt)/2 for targets above 1.
Tensor poisson_nll_loss(const Tensor& x, const Tensor& target, bool log_input = true, bool full = false,
                        double eps = 1e-8, Reduction reduction = Reduction::mean);
/// (log v + (x - t)² / v) / 2, v being var raised to eps; the gradient passes as if it were not raised. var has x's
/// shape, or 1 in place of its last size, or lacks that; throws where one is negative. `full` adds log(2π)/2.
Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& var, bool full = false, double eps = 1e-6,
                         Reduction reduction = Reduction::mean);

// ---- margin_loss.cpp: nothing to pay beyond a margin; targets of 1 and -1 may be of any dtype ----

/// x where the target is 1, max(0, margin - x) where it is -1, their sum where it is neither.
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target, double margin = 1,
                            Reduction reduction = Reduction::mean);
/// max(0, margin - t (x1 - x2)); all three of one rank.
Tensor margin_ranking_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin = 0,
                           Reduction reduction = Reduction::mean);
/// log(1 + e^(-t x)).
Tensor soft_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
/// Σ_{j ≠ t} weight_t · max(0, margin - x_t + x_j)^p / C for x [N, C] or [C] and int64 classes [N] or []; p is 1 or 2.
Tensor multi_margin_loss(const Tensor& x, const Tensor& target, int64_t p = 1, double margin = 1,
                         const Tensor& weight = {}, Reduction reduction = Reduction::mean);
/// Σ max(0, 1 - x_t + x_j) / C over all classes t of a sample and all j that are none of them. Target: int64 of x's
/// shape [N, C] or [C], in each row the classes and then a -1.
Tensor multilabel_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
/// Binary cross entropy of the logits x [N, …, C], weighed by class and averaged over the last dimension.
Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                                   Reduction reduction = Reduction::mean);

// ---- ctc_loss.cpp ----

/// Connectionist temporal classification: minus the log-probability of all paths through log_probs [T, N, C] that spell
/// the target once repeated labels are merged and blanks left out; [T, C] for one sample. Targets [N, S], or all in one
/// row; lengths [N]. The mean is of the losses divided by their targets' lengths. A target that no path spells costs
/// infinity, or nothing with `zero_infinity`, and has no gradient in either case. The gradient is that of log_probs as
/// they are; PyTorch's adds e^log_probs, which makes no difference behind a log_softmax (torch.nn.functional.ctc_loss).
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank = 0, Reduction reduction = Reduction::mean,
                bool zero_infinity = false);

// ---- embedding_loss.cpp: distances of vectors ----

/// 1 - cos(x1, x2) where the target is 1, max(0, cos - margin) where it is -1; x1 and x2 [N, D] and target [N], or [D]
/// and [].
Tensor cosine_embedding_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin = 0,
                             Reduction reduction = Reduction::mean);
/// max(0, margin + d(a, p) - d(a, n)) with d the p-norm of a difference + eps along the last dimension; `swap` takes
/// the smaller of d(a, n) and d(p, n).
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin = 1,
                           double p = 2, double eps = 1e-6, bool swap = false, Reduction reduction = Reduction::mean);
/// The same with any distance; none: pairwise_distance.
Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const std::function<Tensor(const Tensor&, const Tensor&)>& distance = {},
                                         double margin = 1, bool swap = false, Reduction reduction = Reduction::mean);

}  // namespace tarn
