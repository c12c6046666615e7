// Connectionist temporal classification: how unlikely a text is, whatever its timing, under a distribution over labels
// and a blank for each frame.
#include <algorithm>

#include "core/kernels/ctc.h"
#include "core/ops.h"
#include "core/ops/loss_reduction.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"

namespace tarn {
namespace {

/// The texts of a batch, and how many frames of [frames, batch, classes] each of them has.
struct Texts {
  int64_t frames, batch, classes;
  int64_t positions;  // of the longest text: a blank, and each label with a blank behind it
  Tensor labels;      // int64 [batch, positions], filled up with blanks
  Tensor used;        // int64 [batch]: frames
  Tensor lengths;     // int64 [batch]: labels without blanks

  int64_t frames_of(int64_t n) const { return used.data<int64_t>()[n]; }
  int64_t positions_of(int64_t n) const { return 2 * lengths.data<int64_t>()[n] + 1; }
  template <class T>
  kernels::Spelling<T> spelling(const T* x, int64_t n) const {
    return {x + n * classes, batch * classes, frames_of(n), labels.data<int64_t>() + n * positions, positions_of(n)};
  }
  /// How the work for a sample is counted.
  int64_t cost() const { return frames * positions * 200; }
};

void check_lengths(const char* name, const Tensor& lengths, int64_t batch, int64_t most) {
  check(lengths.dtype() == Dtype::i64, "ctc_loss: ", name, " is ", lengths.dtype(), "; lengths are int64");
  check(lengths.rank() <= 1 && lengths.numel() == batch, "ctc_loss: ", name, " has shape ", lengths.shape(),
        "; expected one for each of ", batch, " samples");
  const int64_t* length = lengths.data<int64_t>();
  for (int64_t n = 0; n < batch; ++n)
    check(length[n] >= 0 && length[n] <= most, "ctc_loss: ", name, " of sample ", n, " is ", length[n],
          "; allowed are 0 to ", most);
}

// Targets are rows [batch, longest] or one after the other.
Texts texts_of(const Tensor& x, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths,
               int64_t blank) {
  const int64_t batch = x.shape()[1];
  const int64_t classes = x.shape()[2];
  check(targets.dtype() == Dtype::i64, "ctc_loss: the targets are ", targets.dtype(), "; labels are int64");
  check(targets.rank() == 1 || (targets.rank() == 2 && targets.shape()[0] == batch), "ctc_loss: targets ",
        targets.shape(), " do not fit ", batch, " samples; expected [N,S], or all labels in one row");
  check(blank >= 0 && blank < classes, "ctc_loss: blank is ", blank, "; allowed are 0 to ", classes - 1);
  const bool rows = targets.rank() == 2;
  check_lengths("input_lengths", input_lengths, batch, x.shape()[0]);
  check_lengths("target_lengths", target_lengths, batch, targets.size(-1));
  const int64_t* length = target_lengths.data<int64_t>();
  int64_t longest = 0;
  int64_t total = 0;
  for (int64_t n = 0; n < batch; ++n) {
    longest = std::max(longest, length[n]);
    total += length[n];
  }
  check(rows || total == targets.numel(), "ctc_loss: target_lengths add up to ", total, ", but there are ",
        targets.numel(), " labels");
  Texts texts{x.shape()[0],
              batch,
              classes,
              2 * longest + 1,
              Tensor({batch, 2 * longest + 1}, Dtype::i64),
              reshape(input_lengths, Shape{batch}),
              reshape(target_lengths, Shape{batch})};
  int64_t* out = texts.labels.fill<int64_t>();
  std::fill_n(out, texts.labels.numel(), blank);
  const int64_t* label = targets.data<int64_t>();
  for (int64_t n = 0; n < batch; ++n) {
    if (rows) label = targets.data<int64_t>() + n * targets.shape()[1];
    for (int64_t i = 0; i < length[n]; ++i, ++label) {
      check(*label >= 0 && *label < classes && *label != blank, "ctc_loss: label ", *label, " at position ", i,
            " of sample ", n, " must be one of 0 to ", classes - 1, " and not the blank, ", blank);
      out[n * texts.positions + 2 * i + 1] = *label;
    }
  }
  return texts;
}

// The derivative in public ops, for a sweep that is recorded: the recursion over frames runs forwards and backwards,
// and what passes through a position is a softmax of their sum. `far` stands for the logarithm of 0.
constexpr double far = -1e30;

// A number of each position, [batch, positions]: far where it is not `allowed`, else 0.
template <class F>
Tensor barrier(const Texts& texts, Dtype dtype, F allowed) {
  std::vector<double> values;
  for (int64_t n = 0; n < texts.batch; ++n)
    for (int64_t s = 0; s < texts.positions; ++s) values.push_back(allowed(n, s) ? 0 : far);
  return Tensor({texts.batch, texts.positions}, values).to(dtype);
}

// log-probabilities of all paths up to each frame and position, `emitted` [frames, batch, positions] being those of the
// positions themselves.
Tensor paths(const Tensor& emitted, const Tensor& start, const Tensor& skip) {
  Tensors rows{select(emitted, 0, 0) + start};
  const auto from = [](const Tensor& row, int64_t steps) {
    return pad(row, std::vector<int64_t>{steps, -steps}, "constant", far);
  };
  for (int64_t t = 1; t < emitted.size(0); ++t) {
    Tensor ways = rows.back();
    if (emitted.size(2) > 2) ways = logaddexp(logaddexp(ways, from(ways, 1)), from(ways, 2) + skip);
    rows.push_back(ways + select(emitted, 0, t));
  }
  return stack(rows);
}

/// Where each frame and position stands when both are counted from their ends: an index into [frames, batch,
/// positions].
Tensor mirror(const Texts& texts) {
  std::vector<int64_t> at;
  for (int64_t t = 0; t < texts.frames; ++t)
    for (int64_t n = 0; n < texts.batch; ++n)
      for (int64_t s = 0; s < texts.positions; ++s) {
        const bool inside = t < texts.frames_of(n) && s < texts.positions_of(n);
        const int64_t frame = inside ? texts.frames_of(n) - 1 - t : t;
        const int64_t position = inside ? texts.positions_of(n) - 1 - s : s;
        at.push_back((frame * texts.batch + n) * texts.positions + position);
      }
  return {{texts.frames, texts.batch, texts.positions}, at};
}

Tensor gradient_in_ops(const Tensor& g, const Tensor& x, const Texts& texts, const Tensor& losses) {
  const Shape all{texts.frames, texts.batch, texts.positions};
  if (all.numel() == 0) return Tensor::zeros(x.shape(), x.dtype());
  const auto label = [&](int64_t n, int64_t s) { return texts.labels.data<int64_t>()[n * texts.positions + s]; };
  const auto end = [&](int64_t n) { return texts.positions_of(n) - 1; };
  const Tensor start = barrier(texts, x.dtype(), [](int64_t, int64_t s) { return s < 2; });
  const Tensor skip = barrier(
      texts, x.dtype(), [&](int64_t n, int64_t s) { return s % 2 == 1 && s > 1 && label(n, s) != label(n, s - 2); });
  const Tensor skip_back = barrier(texts, x.dtype(), [&](int64_t n, int64_t s) {
    return s % 2 == 1 && s > 1 && s < end(n) && label(n, end(n) - s) != label(n, end(n) - s + 2);
  });
  const Tensor inside = barrier(texts, x.dtype(), [&](int64_t n, int64_t s) { return s <= end(n); });
  const Tensor labels = broadcast_to(texts.labels, all);
  const Tensor frame = reshape(Tensor::arange(texts.frames), Shape{texts.frames, 1, 1});
  const Tensor running = lt(frame, reshape(texts.used, Shape{texts.batch, 1}));
  const Tensor beyond = Tensor::full({}, far, x.dtype());
  const Tensor emitted = where(running, clamp(gather(x, 2, labels), far, {}) + inside, beyond);
  const Tensor back = mirror(texts);
  const Tensor through =
      paths(emitted, start, skip) + take(paths(take(emitted, back), start, skip_back), back) - emitted;
  const Tensor possible = reshape(isfinite(losses), Shape{texts.batch, 1});
  const Tensor share = where(running, where(possible, softmax(through, 2), beyond * 0.0), beyond * 0.0);
  return scatter_add(Tensor::zeros(x.shape(), x.dtype()), 2, labels, share) * -reshape(g, Shape{texts.batch, 1});
}

Tensor gradient_of(const Tensor& g, const Tensor& x, const Texts& texts, const Tensor& losses, const Tensor& alphas) {
  if (Tape::current()) return gradient_in_ops(g, x, texts, losses);
  Tensor dx = Tensor::zeros(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "ctc_loss", [&](auto t) {
    using T = decltype(t);
    T* out = dx.fill<T>();
    parallel_range(texts.batch, texts.cost(), [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n)
        kernels::spell_backwards(texts.spelling(x.data<T>(), n),
                                 alphas.data<double>() + n * texts.frames * texts.positions, texts.positions,
                                 losses.at(n), g.at(n), out + n * texts.classes);
    });
  });
  return dx;
}

// One loss for each sample of x [frames, batch, classes].
Tensor ctc_losses(const Tensor& x, const Texts& texts) {
  Tensor losses({texts.batch}, x.dtype());
  Tensor alphas({texts.batch, texts.frames, texts.positions}, Dtype::f64);
  dispatch_floating(x.dtype(), "ctc_loss", [&](auto t) {
    using T = decltype(t);
    T* out = losses.fill<T>();
    double* alpha = alphas.fill<double>();
    parallel_range(texts.batch, texts.cost(), [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n)
        out[n] = static_cast<T>(kernels::spell_forwards(texts.spelling(x.data<T>(), n),
                                                        alpha + n * texts.frames * texts.positions, texts.positions));
    });
  });
  const Tensor values = losses;
  return record("ctc_loss", losses, Edge{x, [x, texts, values, alphas](const Tensor& g) {
                                           return gradient_of(g, x, texts, values, alphas);
                                         }});
}

}  // namespace

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank, Reduction reduction, bool zero_infinity) {
  check(log_probs.rank() == 2 || log_probs.rank() == 3, "ctc_loss: log_probs ", log_probs.shape(),
        " must be [T,N,C], or [T,C] for one sample");
  const bool sample = log_probs.rank() == 2;
  const Tensor x = sample ? unsqueeze(log_probs, 1) : log_probs;
  const Texts texts = texts_of(x, targets, input_lengths, target_lengths, blank);
  Tensor losses = ctc_losses(x, texts);
  if (zero_infinity) losses = where(isinf(losses.detach()), Tensor::zeros({}, x.dtype()), losses);
  if (reduction == Reduction::mean) losses = losses / clamp(texts.lengths.to(x.dtype()), 1.0, {});
  return reduce_losses("ctc_loss", sample ? reshape(losses, Shape{}) : losses, reduction);
}

const auto& ctc_loss_op =
    add_op("ctc_loss", "minus the log-probability of all timings of a text",
           [](const Tensors& t) {
             const Tensor targets({2, 2}, std::vector<int64_t>{1, 2, 2, 2});
             const Tensor frames({2}, std::vector<int64_t>{3, 4});
             return ctc_loss(t[0], targets, frames, Tensor({2}, std::vector<int64_t>{1, 2}), 0, Reduction::none);
           })
        .sample({{4, 2, 3}})
        .sample({{5, 4}}, Domain::any, [](const Tensors& t) {
          const Tensor length({1}, std::vector<int64_t>{3});
          return ctc_loss(t[0], Tensor({3}, std::vector<int64_t>{1, 0, 3}), Tensor({}, std::vector<int64_t>{5}), length,
                          2);
        });

}  // namespace tarn
