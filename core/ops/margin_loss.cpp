// Losses that ask for a margin between right and wrong: hinges, rankings, and their smooth kin.
#include <algorithm>
#include <vector>

#include "core/decisions.h"
#include "core/ops.h"
#include "core/ops/loss_reduction.h"
#include "core/ops/positions.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

Tensor differs_from(const Tensor& target, double value) {
  return ne(target.detach(), Tensor::full({}, value, target.dtype()));
}

// Scores as rows [N, C]: one for a score or a vector of them.
Tensor as_rows(const char* op, const Tensor& x) {
  check(x.rank() <= 2, op, ": input ", x.shape(), " has ", x.rank(), " dimensions; expected [C] or [N,C]");
  const Tensor rows = x.rank() == 2 ? x : reshape(x, Shape{1, x.numel()});
  check(rows.shape()[1] > 0, op, ": input ", x.shape(), " has no classes");
  return rows;
}

/// What is to pay for each sample of multilabel_margin_loss, and, as whole numbers, how often each score was added to
/// it, with the number of pairs that fell short behind them.
template <class T>
void pay_rows(const Tensor& x, const Tensor& target, Tensor& losses, Tensor& counts) {
  const int64_t classes = x.shape()[1];
  parallel_range(x.shape()[0], classes * 16, [&](int64_t begin, int64_t end) {
    std::vector<char> wanted(static_cast<size_t>(classes));
    for (int64_t row = begin; row < end; ++row) {
      const T* score = x.data<T>() + row * classes;
      const int64_t* first = target.data<int64_t>() + row * classes;
      const int64_t* last = std::find(first, first + classes, -1);
      int64_t* count = counts.fill<int64_t>() + row * (classes + 1);
      T paid = 0;
      std::fill_n(count, classes + 1, 0);
      std::ranges::fill(wanted, 0);
      for (const int64_t* t = first; t < last; ++t) wanted[static_cast<size_t>(*t)] = 1;
      for (const int64_t* t = first; t < last; ++t)
        for (int64_t j = 0; j < classes; ++j) {
          const T due = 1 - score[*t] + score[j];
          if (wanted[static_cast<size_t>(j)] || !(due > 0)) continue;
          paid += due;
          ++count[j];
          --count[*t];
          ++count[classes];
        }
      losses.fill<T>()[row] = paid / static_cast<T>(classes);
    }
  });
}

}  // namespace

Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target, double margin, Reduction reduction) {
  const Tensor none = Tensor::zeros({}, x.dtype());
  const Tensor apart = where(differs_from(target, 1), clamp(margin - x, 0.0, {}), none);
  const Tensor close = where(differs_from(target, -1), x, none);
  return reduce_losses("hinge_embedding_loss", apart + close, reduction);
}

Tensor margin_ranking_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin,
                           Reduction reduction) {
  check(x1.rank() == x2.rank() && x1.rank() == target.rank(), "margin_ranking_loss: inputs ", x1.shape(), " and ",
        x2.shape(), " and target ", target.shape(), " must have one number of dimensions");
  const Tensor losses = clamp(margin - floating_target(target, x1) * (x1 - x2), 0.0, {});
  return reduce_losses("margin_ranking_loss", losses, reduction);
}

Tensor soft_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  return reduce_losses("soft_margin_loss", -logsigmoid(floating_target(target, x) * x), reduction);
}

Tensor multi_margin_loss(const Tensor& x, const Tensor& target, int64_t p, double margin, const Tensor& weight,
                         Reduction reduction) {
  check(p == 1 || p == 2, "multi_margin_loss: p is ", p, "; it is 1 or 2");
  const Tensor rows = as_rows("multi_margin_loss", x);
  const int64_t classes = rows.shape()[1];
  check(target.rank() <= 1 && target.numel() == rows.shape()[0] && (x.rank() < 2 || target.rank() == 1),
        "multi_margin_loss: target ", target.shape(), " does not fit input ", x.shape(),
        "; expected one class for each ", "of ", rows.shape()[0], " samples");
  check_range("multi_margin_loss", target, 0, classes);
  const Tensor index = reshape(target, Shape{target.numel(), 1});
  const Tensor none = Tensor::zeros({}, x.dtype());
  const Tensor due = margin - gather(rows, 1, index) + rows;
  const Tensor owed = where(gt(due.detach(), none), due, none);
  const Tensor paid = where(ne(Tensor::arange(classes), index), p == 1 ? owed : square(owed), none);
  Tensor losses = sum(paid, {1}) / static_cast<double>(classes);
  if (weight.defined()) {
    check(weight.rank() == 1 && weight.numel() == classes, "multi_margin_loss: weight ", weight.shape(),
          " must have one value for each of the ", classes, " classes");
    losses = losses * index_select(weight.detach(), 0, flatten(index));
  }
  return reduce_losses("multi_margin_loss", reshape(losses, target.shape()), reduction);
}

Tensor multilabel_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  const char* op = "multilabel_margin_loss";
  const Tensor rows = as_rows(op, x);
  check(target.shape() == x.shape(), op, ": target ", target.shape(), " does not have the shape of the input, ",
        x.shape());
  check_range(op, target, -1, rows.shape()[1]);
  Tensor losses({rows.shape()[0]}, x.dtype());
  const int64_t classes = rows.shape()[1];
  Tensor counts({rows.shape()[0], classes + 1}, Dtype::i64);
  dispatch_floating(x.dtype(), op, [&](auto t) { pay_rows<decltype(t)>(rows, target, losses, counts); });
  Decisions* watch = Decisions::current();
  if (watch) counts = watch->choose(op, counts);
  const Tensor shares = counts.to(x.dtype()) / static_cast<double>(classes);
  const Tensor slopes = narrow(shares, 1, 0, classes);
  if (watch && watch->follows()) losses = sum(rows.detach() * slopes, {1}) + select(shares, 1, classes);
  losses = record(op, losses, Edge{rows, [slopes](const Tensor& g) { return unsqueeze(g, 1) * slopes; }});
  return reduce_losses(op, x.rank() == 2 ? losses : reshape(losses, Shape{}), reduction);
}

Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& target, const Tensor& weight, Reduction reduction) {
  const char* op = "multilabel_soft_margin_loss";
  check(x.rank() > 0, op, ": the input is a scalar; expected [C] or [N,…,C]");
  const Tensor t = floating_target(target, x);
  const Tensor each = -(t * logsigmoid(x) + (1 - t) * logsigmoid(-x));
  return reduce_losses(op, sum(weight.defined() ? each * weight : each, {-1}) / static_cast<double>(x.size(-1)),
                       reduction);
}

namespace {
// 1 and -1 in turn.
Tensor signs(const Shape& shape) {
  std::vector<int64_t> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = i % 2 ? -1 : 1;
  return {shape, values};
}
const Tensor& classes() {
  static const Tensor all({3}, std::vector<int64_t>{2, 0, 1});
  return all;
}
}  // namespace

const auto& hinge_embedding_loss_op =
    add_op("hinge_embedding_loss", "x where the target is 1, max(0, margin - x) where it is -1", [](const Tensors& t) {
      return hinge_embedding_loss(t[0], signs({3, 4}), 0.6);
    }).sample({{3, 4}}, Domain::away_from_ties);
const auto& margin_ranking_loss_op =
    add_op("margin_ranking_loss", "max(0, margin - t (x1 - x2))", [](const Tensors& t) {
      return margin_ranking_loss(t[0], t[1], signs({3, 4}), 0.03, Reduction::none);
    }).sample({{3, 4}, {3, 4}}, Domain::away_from_ties);
const auto& soft_margin_loss_op = add_op("soft_margin_loss", "log(1 + e^(-t x))", [](const Tensors& t) {
                                    return soft_margin_loss(t[0], t[1]);
                                  }).sample({{3, 4}, {3, 4}});
const auto& multi_margin_loss_op =
    add_op("multi_margin_loss", "what the scores of other classes lack to a margin below the target's",
           [](const Tensors& t) { return multi_margin_loss(t[0], classes(), 1, 0.53); })
        .sample({{3, 4}}, Domain::away_from_ties)
        .sample({{3, 4}}, Domain::away_from_ties, [](const Tensors& t) {
          const Tensor weight({4}, std::vector<double>{0.5, 2, 1, 3});
          return multi_margin_loss(t[0], classes(), 2, 0.53, weight, Reduction::none);
        });
const auto& multilabel_margin_loss_op =
    add_op("multilabel_margin_loss", "the same for several classes of a sample, with a margin of 1",
           [](const Tensors& t) {
             const Tensor target({2, 4}, std::vector<int64_t>{1, 2, -1, 0, 3, -1, -1, -1});
             return multilabel_margin_loss(t[0] * 0.97, target);
           })
        .sample({{2, 4}}, Domain::away_from_ties);
const auto& multilabel_soft_margin_loss_op =
    add_op("multilabel_soft_margin_loss", "binary cross entropy of logits, averaged over classes",
           [](const Tensors& t) { return multilabel_soft_margin_loss(t[0], t[1]); })
        .sample({{3, 4}, {3, 4}})
        .sample({{3, 4}, {3, 4}, {4}}, Domain::any,
                [](const Tensors& t) { return multilabel_soft_margin_loss(t[0], t[1], t[2], Reduction::none); });

}  // namespace tarn
