// Losses that compare vectors by their angles and distances.
#include "core/ops.h"
#include "core/ops/loss_reduction.h"
#include "core/registry.h"

namespace tarn {

Tensor cosine_embedding_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin,
                             Reduction reduction) {
  check(target.rank() <= 1 && x1.rank() == target.rank() + 1 && x2.rank() == x1.rank(),
        "cosine_embedding_loss: inputs ", x1.shape(), " and ", x2.shape(), " and target ", target.shape(),
        "; expected [N,D], [N,D] and [N], or [D], [D] ", "and []");
  constexpr double least = 1e-12;  // of a squared length
  const Tensor lengths = sqrt((sum(square(x1), {-1}) + least) * (sum(square(x2), {-1}) + least));
  const Tensor cosines = sum(x1 * x2, {-1}) / lengths;
  const Tensor none = Tensor::zeros({}, x1.dtype());
  const auto is = [&](double value) { return eq(target.detach(), Tensor::full({}, value, target.dtype())); };
  const Tensor losses = where(is(1), 1 - cosines, none) + where(is(-1), clamp(cosines - margin, 0.0, {}), none);
  return reduce_losses("cosine_embedding_loss", losses, reduction);
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const std::function<Tensor(const Tensor&, const Tensor&)>& distance,
                                         double margin, bool swap, Reduction reduction) {
  const auto between = [&](const Tensor& a, const Tensor& b) {
    return distance ? distance(a, b) : pairwise_distance(a, b);
  };
  const Tensor near = between(anchor, positive);
  Tensor far = between(anchor, negative);
  if (swap) far = minimum(far, between(positive, negative));
  return reduce_losses("triplet_margin_loss", clamp(margin + near - far, 0.0, {}), reduction);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin,
                           double p, double eps, bool swap, Reduction reduction) {
  check(anchor.rank() == positive.rank() && anchor.rank() == negative.rank(), "triplet_margin_loss: anchor ",
        anchor.shape(), ", positive ", positive.shape(), " and negative ", negative.shape(),
        " must have one number of dimensions");
  const auto distance = [p, eps](const Tensor& a, const Tensor& b) { return pairwise_distance(a, b, p, eps); };
  return triplet_margin_with_distance_loss(anchor, positive, negative, distance, margin, swap, reduction);
}

const auto& cosine_embedding_loss_op =
    add_op("cosine_embedding_loss", "1 - cos where the target is 1, max(0, cos - margin) where it is -1",
           [](const Tensors& t) {
             const Tensor target({4}, std::vector<int64_t>{1, -1, -1, 1});
             return cosine_embedding_loss(t[0], t[1], target, -0.1, Reduction::none);
           })
        .sample({{4, 3}, {4, 3}});
const auto& triplet_margin_loss_op =
    add_op("triplet_margin_loss", "max(0, margin + distance to the positive - distance to the negative)",
           [](const Tensors& t) { return triplet_margin_loss(t[0], t[1], t[2]); })
        .sample({{4, 3}, {4, 3}, {4, 3}})
        .sample({{4, 3}, {4, 3}, {4, 3}}, Domain::any, [](const Tensors& t) {
          return triplet_margin_loss(t[0], t[1], t[2], 0.7, 3, 1e-6, true, Reduction::none);
        });
const auto& triplet_margin_with_distance_loss_op =
    add_op("triplet_margin_with_distance_loss", "the same with another distance", [](const Tensors& t) {
      const auto distance = [](const Tensor& a, const Tensor& b) { return 1 - cosine_similarity(a, b); };
      return triplet_margin_with_distance_loss(t[0], t[1], t[2], distance, 0.5);
    }).sample({{4, 3}, {4, 3}, {4, 3}});

}  // namespace tarn
