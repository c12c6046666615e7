// Tests of what holds for all optimizers, of parameter groups and of gradient clipping.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "core/parallel.h"
#include "core/random.h"
#include "optim/optimizer.h"
#include "tests/support/optim_samples.h"

namespace tarn::test_optim {
namespace {

TEST_CASE("every optimizer gives the same bits for any number of threads") {
  const int before = threads();
  for (const auto& [name, row] : Registry<OptimizerInfo>::all()) {
    CAPTURE(name);
    std::vector<Tensors> results;
    for (const int n : {1, 2, 3}) {
      set_threads(n);
      Parameters parameters = make_parameters({{300, 500}, {17}, {70'001}, {0, 4}}, Dtype::f32);
      auto optimizer = make_optimizer(Json(name), parameters.named());
      for (uint64_t t = 1; t <= 3; ++t) optimizer->step(gradients_like(parameters, t));
      results.push_back(parameters.tensors);
    }
    for (size_t i = 0; i < results[0].size(); ++i) {
      CHECK((results[0][i].to_vector<float>() == results[1][i].to_vector<float>()));
      CHECK((results[0][i].to_vector<float>() == results[2][i].to_vector<float>()));
    }
  }
  set_threads(before);
}

TEST_CASE("a training that is saved and continued gives the bits of one that never stopped") {
  for (const auto& [name, row] : Registry<OptimizerInfo>::all()) {
    CAPTURE(name);
    Parameters through = make_parameters({{4, 3}, {5}}, Dtype::f32);
    auto whole = make_optimizer(Json(name), through.named());
    Parameters stopped = make_parameters({{4, 3}, {5}}, Dtype::f32);
    auto first = make_optimizer(Json(name), stopped.named());
    for (uint64_t t = 1; t <= 3; ++t) {
      whole->step(gradients_like(through, t));
      first->step(gradients_like(stopped, t));
    }
    NamedValues saved;
    for (const auto& [entry, value] : first->state()) saved.emplace_back(entry, value.clone());
    first->step(gradients_like(stopped, 99));  // must not reach what was saved
    for (size_t i = 0; i < 2; ++i) stopped.tensors[i] = through.tensors[i].clone();
    auto second = make_optimizer(Json(name), stopped.named());
    second->load_state(saved);
    for (uint64_t t = 4; t <= 6; ++t) {
      whole->step(gradients_like(through, t));
      second->step(gradients_like(stopped, t));
    }
    for (size_t i = 0; i < 2; ++i)
      CHECK((through.tensors[i].to_vector<float>() == stopped.tensors[i].to_vector<float>()));
  }
}

TEST_CASE("a parameter without a gradient keeps its value and state") {
  Parameters parameters = make_parameters({{3}, {3}}, Dtype::f64);
  auto optimizer = make_optimizer(json(R"({"type": "Adam", "lr": 0.1})"), parameters.named());
  const auto before = parameters.tensors[1].to_vector<double>();
  Tensors gradients = gradients_like(parameters, 1);
  gradients[1] = Tensor();
  optimizer->step(gradients);
  CHECK((parameters.tensors[1].to_vector<double>() == before));
  for (const auto& [name, value] : optimizer->state()) CHECK(name.starts_with("p0/"));
  CHECK(optimizer->state().size() == 3);
}

TEST_CASE("groups take the parameters that their patterns match and override hyper-parameters") {
  std::vector<Tensor> tensors(4, Tensor());
  for (Tensor& t : tensors) t = Tensor::ones({2}, Dtype::f64);
  std::vector<NamedTensor> named{{"conv.weight", &tensors[0]},
                                 {"conv.bias", &tensors[1]},
                                 {"head.weight", &tensors[2]},
                                 {"head.bias", &tensors[3]}};
  auto optimizer = make_optimizer(json(R"({"type": "SGD", "lr": 1, "weight_decay": 0.5, "groups": [
      {"params": "*.bias", "weight_decay": 0}, {"params": ["head.*"], "lr": 0.1}]})"),
                                  named);
  REQUIRE(optimizer->groups() == 3);
  CHECK(optimizer->group_of(0) == 2);
  CHECK(optimizer->group_of(1) == 0);
  CHECK(optimizer->group_of(2) == 1);
  CHECK(optimizer->group_of(3) == 0);
  const Tensors gradients(4, Tensor::zeros({2}, Dtype::f64));
  optimizer->step(gradients);
  CHECK(tensors[0].at(0) == doctest::Approx(0.5));
  CHECK(tensors[1].at(0) == 1);
  CHECK(tensors[2].at(0) == doctest::Approx(0.95));
  CHECK(tensors[3].at(0) == 1);
}

TEST_CASE("wrong hyper-parameters and groups are located errors") {
  Parameters parameters = make_parameters({{2}}, Dtype::f32);
  const auto message = [&](const std::string& config) -> std::string {
    try {
      make_optimizer(json(config), parameters.named());
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const auto says = [&](const std::string& config, const std::string& part) {
    CAPTURE(config);
    const std::string found = message(config);
    CAPTURE(found);
    CHECK(found.starts_with("test.json:1:"));
    CHECK(found.find(part) != std::string::npos);
  };
  says(R"({"type": "Addam"})", "did you mean 'Adam'");
  says(R"({"type": "SGD", "lr": -0.1})", "/lr");
  says(R"({"type": "SGD", "lr": 0.1, "nesterov": true})", "nesterov needs a momentum");
  says(R"({"type": "Adam", "betas": [1.0, 0.9]})", "/betas");
  says(R"({"type": "Adam", "betas": [0.9]})", "/betas");
  says(R"({"type": "AdamW", "weight_dekay": 0})", "weight_decay");
  says(R"({"type": "AdamW", "groups": [{"params": "q*"}]})", "no parameter is called 'q*'");
  says(R"({"type": "AdamW", "groups": [{"params": "p0", "lr": -1}]})", "/groups/0/lr");
  says(R"({"type": "AdamW", "groups": [{"params": "p0"}, {"params": "p*"}]})", "groups before");
  says(R"({"type": "AdamW", "groups": 3})", "/groups");
}

TEST_CASE("a wrong gradient is refused before anything changes") {
  Parameters parameters = make_parameters({{3}, {2, 2}}, Dtype::f64);
  auto optimizer = make_optimizer(Json("Adam"), parameters.named());
  const auto before = parameters.tensors[0].to_vector<double>();
  Tensors gradients = gradients_like(parameters, 1);
  gradients[1] = Tensor::ones({4}, Dtype::f64);
  CHECK_THROWS_AS(optimizer->step(gradients), Error);
  gradients[1] = Tensor::ones({2, 2}, Dtype::f32);
  CHECK_THROWS_AS(optimizer->step(gradients), Error);
  CHECK_THROWS_AS(optimizer->step(std::span(gradients).first(1)), Error);
  CHECK((parameters.tensors[0].to_vector<double>() == before));
  CHECK(optimizer->state().empty());
}

TEST_CASE("a damaged optimizer state is refused") {
  Parameters parameters = make_parameters({{3}}, Dtype::f32);
  auto optimizer = make_optimizer(Json("Adam"), parameters.named());
  optimizer->step(gradients_like(parameters, 1));
  const NamedValues good = optimizer->state();
  auto other = make_optimizer(Json("Adam"), parameters.named());
  CHECK_NOTHROW(other->load_state(good));
  for (size_t i = 0; i < good.size(); ++i) {
    CAPTURE(good[i].first);
    NamedValues missing = good;
    missing.erase(missing.begin() + static_cast<int64_t>(i));
    CHECK_THROWS_AS(other->load_state(missing), Error);
    NamedValues wrong = good;
    wrong[i].second = Tensor::full({2, 2}, -1);
    CHECK_THROWS_AS(other->load_state(wrong), Error);
  }
  NamedValues more = good;
  more.emplace_back("p7/exp_avg", good[1].second);
  CHECK_THROWS_AS(other->load_state(more), Error);
  CHECK(other->state().size() == good.size());
}

TEST_CASE("clip_grad_norm scales all gradients to the norm, also when they share storage") {
  for (const double p : {1.0, 2.0, 3.0, 0.5, std::numeric_limits<double>::infinity()}) {
    CAPTURE(p);
    Tensors gradients{normal({100'000}, {1, 2, 3}, 0, 1, Dtype::f64), normal({3, 3}, {1, 2, 4}, 0, 1, Dtype::f64)};
    gradients.push_back(gradients[1]);
    gradients.emplace_back();
    const Tensors before{gradients[0].clone(), gradients[1].clone(), gradients[1].clone()};
    double expected = 0;
    for (const Tensor& g : before)
      for (const double v : g.to_vector<double>())
        expected = std::isinf(p) ? std::max(expected, std::abs(v)) : expected + std::pow(std::abs(v), p);
    if (!std::isinf(p)) expected = std::pow(expected, 1 / p);
    const double norm = clip_grad_norm(gradients, 0.5, p);
    CHECK(norm == doctest::Approx(expected).epsilon(1e-12));
    for (size_t i = 0; i < 3; ++i)
      CHECK(gradients[i].at(7) == doctest::Approx(before[i].at(7) * 0.5 / (expected + 1e-6)).epsilon(1e-12));
    CHECK_FALSE(gradients[3].defined());
  }
}

TEST_CASE("clip_grad_norm leaves small gradients as they are and shows what is not finite") {
  Tensors small{Tensor::full({4}, 0.1)};
  CHECK(clip_grad_norm(small, 1.0) == doctest::Approx(0.2));
  CHECK(small[0].at(0) == doctest::Approx(0.1));
  Tensors broken{Tensor({2}, std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()})};
  CHECK(std::isnan(clip_grad_norm(broken, 1.0)));
  CHECK(std::isnan(clip_grad_norm(broken, 1.0, std::numeric_limits<double>::infinity())));
  Tensors endless{Tensor({2}, std::vector<float>{1, -std::numeric_limits<float>::infinity()})};
  CHECK(std::isinf(clip_grad_norm(endless, 1.0, std::numeric_limits<double>::infinity())));
  CHECK_THROWS_AS(clip_grad_norm(small, 1.0, 0.0), Error);
  CHECK_THROWS_AS(clip_grad_norm(small, -1.0), Error);
}

TEST_CASE("clip_grad_value clamps every element and keeps NaN") {
  Tensors gradients{Tensor({4}, std::vector<float>{-3, 0.5f, 3, std::numeric_limits<float>::quiet_NaN()})};
  const Tensor shared = gradients[0];
  clip_grad_value(gradients, 1);
  CHECK(gradients[0].at(0) == -1);
  CHECK(gradients[0].at(1) == 0.5);
  CHECK(gradients[0].at(2) == 1);
  CHECK(std::isnan(gradients[0].at(3)));
  CHECK(shared.at(0) == -3);
  CHECK_THROWS_AS(clip_grad_value(gradients, -1), Error);
}

}  // namespace
}  // namespace tarn::test_optim
