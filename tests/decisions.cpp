// An evaluation that follows the choices of an earlier one: values, indices and gradients are those of its smooth
// piece.
#include "core/decisions.h"

#include <doctest/doctest.h>

#include <vector>

#include "core/derivatives.h"
#include "core/ops.h"

namespace tarn::test_decisions {
namespace {

using Values = std::vector<double>;

/// What f chose at x.
template <class F>
std::vector<Decision> chosen(F f, const Tensor& x) {
  const Decisions watch;
  f(x);
  return watch.all();
}

TEST_CASE("relu passes what passed earlier, with the slope of that piece") {
  const auto f = [](const Tensors& t) { return relu(t[0]); };
  const std::vector<Decision> earlier = chosen([&](const Tensor& x) { f({x}); }, Tensor({3}, Values{1.0, -1.0, 2.0}));
  const Decisions watch(Decisions::Mode::follow, earlier);
  const Tensor x({3}, Values{-0.5, 0.5, 3.0});
  CHECK(f({x}).to_vector<double>() == Values{-0.5, 0, 3});
}

TEST_CASE("the gradient of relu follows too") {
  const auto f = [](const Tensors& t) { return relu(t[0]); };
  const Tensor g({3}, Values{1.0, 10.0, 100.0});
  const std::vector<Decision> earlier =
      chosen([&](const Tensor& x) { vjp(f, {x}, g); }, Tensor({3}, Values{1.0, -1.0, 2.0}));
  const Decisions watch(Decisions::Mode::follow, earlier);
  const Tensor x({3}, Values{-0.5, 0.5, 3.0});
  CHECK(vjp(f, {x}, g).gradients[0].to_vector<double>() == Values{1, 0, 100});
}

TEST_CASE("max pooling gives values, indices and gradients of the earlier winners") {
  const auto pooled = [](const Tensor& x) {
    return max_pool_with_indices(x, sliding_windows("max_pool", x.shape(), 1, {.kernel_size = {2}, .stride = {2}}));
  };
  const Tensor before({1, 1, 4}, Values{2.0, 1.0, 3.0, 4.0});
  const Tensor now({1, 1, 4}, Values{5.0, 6.0, 8.0, 7.0});
  const std::vector<Decision> earlier = chosen(pooled, before);
  {
    const Decisions watch(Decisions::Mode::follow, earlier);
    const Extreme y = pooled(now);
    CHECK(y.values.to_vector<double>() == Values{5, 7});
    CHECK(y.indices.to_vector<int64_t>() == std::vector<int64_t>{0, 3});
  }
  const Decisions watch(Decisions::Mode::follow, earlier);
  const auto f = [&](const Tensors& t) { return pooled(t[0]).values; };
  CHECK(vjp(f, {now}, Tensor({1, 1, 2}, Values{1.0, 10.0})).gradients[0].to_vector<double>() == Values{1, 0, 0, 10});
}

TEST_CASE("values that went through unpooling land where the earlier winners stood") {
  const auto f = [](const Tensor& x) {
    const Windows w = sliding_windows("max_pool", x.shape(), 1, {.kernel_size = {2}, .stride = {2}});
    const Extreme y = max_pool_with_indices(x, w);
    return max_unpool(y.values, y.indices, w);
  };
  const std::vector<Decision> earlier = chosen(f, Tensor({1, 1, 4}, Values{2.0, 1.0, 3.0, 4.0}));
  const Decisions watch(Decisions::Mode::follow, earlier);
  CHECK(f(Tensor({1, 1, 4}, Values{5.0, 6.0, 8.0, 7.0})).to_vector<double>() == Values{5, 0, 0, 7});
}

}  // namespace
}  // namespace tarn::test_decisions
