// Tests of each optimizer against its plain formula.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/random.h"
#include "optim/optimizer.h"
#include "tests/support/optim_samples.h"

namespace tarn::test_optim_formulas {
namespace {

/// What one method does with one number: `state` starts empty, `t` counts from 1.
using Naive = double (*)(double p, double g, double t, std::map<std::string, double>& state);

void check_against(const std::string& config, Naive naive) {
  CAPTURE(config);
  for (const Dtype dtype : {Dtype::f64, Dtype::f32}) {
    Parameters parameters = make_parameters({{3, 5}, {}, {7}}, dtype);
    auto optimizer = make_optimizer(json(config), parameters.named());
    std::vector<std::vector<double>> expected;
    std::vector<std::vector<std::map<std::string, double>>> states;
    for (const Tensor& p : parameters.tensors) {
      expected.push_back(p.to(Dtype::f64).to_vector<double>());
      states.emplace_back(expected.back().size());
    }
    for (uint64_t t = 1; t <= 8; ++t) {
      const Tensors gradients = gradients_like(parameters, t);
      optimizer->step(gradients);
      for (size_t i = 0; i < expected.size(); ++i)
        for (size_t k = 0; k < expected[i].size(); ++k)
          expected[i][k] =
              naive(expected[i][k], gradients[i].at(static_cast<int64_t>(k)), static_cast<double>(t), states[i][k]);
    }
    const double tolerance = dtype == Dtype::f64 ? 1e-12 : 1e-5;
    for (size_t i = 0; i < expected.size(); ++i)
      for (size_t k = 0; k < expected[i].size(); ++k)
        CHECK(std::abs(parameters.tensors[i].at(static_cast<int64_t>(k)) - expected[i][k]) < tolerance);
  }
}

TEST_CASE("SGD follows its formula") {
  check_against(R"({"type": "SGD", "lr": 0.1, "weight_decay": 0.3})",
                [](double p, double g, double, std::map<std::string, double>&) { return p - 0.1 * (g + 0.3 * p); });
  check_against(R"({"type": "SGD", "lr": 0.1, "momentum": 0.8, "dampening": 0.4, "maximize": true})",
                [](double p, double g, double t, std::map<std::string, double>& s) {
                  s["b"] = t == 1 ? -g : 0.8 * s["b"] + 0.6 * -g;
                  return p - 0.1 * s["b"];
                });
  check_against(R"({"type": "SGD", "lr": 0.1, "momentum": 0.8, "nesterov": true, "weight_decay": 0.1})",
                [](double p, double g, double, std::map<std::string, double>& s) {
                  const double d = g + 0.1 * p;
                  s["b"] = 0.8 * s["b"] + d;
                  return p - 0.1 * (d + 0.8 * s["b"]);
                });
}

TEST_CASE("Adam, its AMSGrad form and AdamW follow their formulas") {
  check_against(R"({"type": "Adam", "lr": 0.1, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.2})",
                [](double p, double g, double t, std::map<std::string, double>& s) {
                  const double d = g + 0.2 * p;
                  s["m"] = 0.8 * s["m"] + 0.2 * d;
                  s["v"] = 0.9 * s["v"] + 0.1 * d * d;
                  const double m = s["m"] / (1 - std::pow(0.8, t)), v = s["v"] / (1 - std::pow(0.9, t));
                  return p - 0.1 * m / (std::sqrt(v) + 1e-3);
                });
  check_against(R"({"type": "Adam", "lr": 0.1, "betas": [0.8, 0.9], "amsgrad": true, "maximize": true})",
                [](double p, double g, double t, std::map<std::string, double>& s) {
                  s["m"] = 0.8 * s["m"] - 0.2 * g;
                  s["v"] = 0.9 * s["v"] + 0.1 * g * g;
                  s["max"] = std::max(s["max"], s["v"]);
                  const double m = s["m"] / (1 - std::pow(0.8, t)), v = s["max"] / (1 - std::pow(0.9, t));
                  return p - 0.1 * m / (std::sqrt(v) + 1e-8);
                });
  check_against(R"({"type": "AdamW", "lr": 0.1, "betas": [0.8, 0.9], "weight_decay": 0.2})",
                [](double p, double g, double t, std::map<std::string, double>& s) {
                  s["m"] = 0.8 * s["m"] + 0.2 * g;
                  s["v"] = 0.9 * s["v"] + 0.1 * g * g;
                  const double m = s["m"] / (1 - std::pow(0.8, t)), v = s["v"] / (1 - std::pow(0.9, t));
                  return p * (1 - 0.1 * 0.2) - 0.1 * m / (std::sqrt(v) + 1e-8);
                });
}

TEST_CASE("RMSprop follows its formula, centred and with momentum") {
  check_against(R"({"type": "RMSprop", "lr": 0.1, "alpha": 0.9, "eps": 0.01, "weight_decay": 0.1})",
                [](double p, double g, double, std::map<std::string, double>& s) {
                  const double d = g + 0.1 * p;
                  s["v"] = 0.9 * s["v"] + 0.1 * d * d;
                  return p - 0.1 * d / (std::sqrt(s["v"]) + 0.01);
                });
  check_against(R"({"type": "RMSprop", "lr": 0.1, "alpha": 0.9, "eps": 0.01, "centered": true, "momentum": 0.7})",
                [](double p, double g, double, std::map<std::string, double>& s) {
                  s["v"] = 0.9 * s["v"] + 0.1 * g * g;
                  s["m"] = 0.9 * s["m"] + 0.1 * g;
                  s["b"] = 0.7 * s["b"] + g / (std::sqrt(s["v"] - s["m"] * s["m"]) + 0.01);
                  return p - 0.1 * s["b"];
                });
}

TEST_CASE("Adagrad, Adadelta and Adamax follow their formulas") {
  check_against(R"({"type": "Adagrad", "lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.5})",
                [](double p, double g, double t, std::map<std::string, double>& s) {
                  s["sum"] += g * g;
                  return p - 0.1 / (1 + 0.2 * (t - 1)) * g / (std::sqrt(0.5 + s["sum"]) + 1e-10);
                });
  check_against(R"({"type": "Adadelta", "lr": 0.5, "rho": 0.8, "eps": 1e-3})",
                [](double p, double g, double, std::map<std::string, double>& s) {
                  s["v"] = 0.8 * s["v"] + 0.2 * g * g;
                  const double move = std::sqrt(s["d"] + 1e-3) / std::sqrt(s["v"] + 1e-3) * g;
                  s["d"] = 0.8 * s["d"] + 0.2 * move * move;
                  return p - 0.5 * move;
                });
  check_against(R"({"type": "Adamax", "lr": 0.1, "betas": [0.8, 0.9], "eps": 1e-3})",
                [](double p, double g, double t, std::map<std::string, double>& s) {
                  s["m"] = 0.8 * s["m"] + 0.2 * g;
                  s["u"] = std::max(0.9 * s["u"], std::abs(g) + 1e-3);
                  return p - 0.1 / (1 - std::pow(0.8, t)) * s["m"] / s["u"];
                });
}

TEST_CASE("RAdam takes plain steps until it has seen enough, then rectified ones") {
  check_against(R"({"type": "RAdam", "lr": 0.1, "betas": [0.8, 0.9]})",
                [](double p, double g, double t, std::map<std::string, double>& s) {
                  s["m"] = 0.8 * s["m"] + 0.2 * g;
                  s["v"] = 0.9 * s["v"] + 0.1 * g * g;
                  const double m = s["m"] / (1 - std::pow(0.8, t));
                  const double longest = 19, power = std::pow(0.9, t);
                  const double length = longest - 2 * t * power / (1 - power);
                  if (length <= 5) return p - 0.1 * m;
                  const double r = std::sqrt((length - 4) * (length - 2) * longest / (15.0 * 17.0 * length));
                  return p - 0.1 * m * r * std::sqrt(1 - power) / (std::sqrt(s["v"]) + 1e-8);
                });
}

TEST_CASE("NAdam follows its formula") {
  check_against(R"({"type": "NAdam", "lr": 0.1, "betas": [0.5, 0.9], "momentum_decay": 0})",
                [](double p, double g, double t, std::map<std::string, double>& s) {
                  // Without decay of the momentum mu is 0.25, whose powers float32 holds exactly.
                  s["m"] = 0.5 * s["m"] + 0.5 * g;
                  s["v"] = 0.9 * s["v"] + 0.1 * g * g;
                  const double product = std::pow(0.25, t);
                  const double size = std::sqrt(s["v"] / (1 - std::pow(0.9, t))) + 1e-8;
                  return p - 0.1 * 0.75 / (1 - product) * g / size -
                         0.1 * 0.25 / (1 - product * 0.25 * 0.25) * s["m"] / size;
                });
}

TEST_CASE("Rprop looks at signs alone and ASGD shrinks while it averages") {
  check_against(R"({"type": "Rprop", "lr": 0.1, "etas": [0.5, 1.5], "step_sizes": [0.04, 0.2]})",
                [](double p, double g, double t, std::map<std::string, double>& s) {
                  if (t == 1) s["size"] = 0.1;
                  const double same = g * s["g"];
                  s["size"] = std::clamp(s["size"] * (same > 0 ? 1.5 : same < 0 ? 0.5 : 1), 0.04, 0.2);
                  s["g"] = same < 0 ? 0 : g;
                  return p - (s["g"] > 0 ? s["size"] : s["g"] < 0 ? -s["size"] : 0);
                });
  check_against(
      R"({"type": "ASGD", "lr": 0.125, "lambd": 0.5, "alpha": 0})",
      [](double p, double g, double, std::map<std::string, double>&) { return p * (1 - 0.0625) - 0.125 * g; });
}

}  // namespace
}  // namespace tarn::test_optim_formulas
