// Tests of the schedules: against closed formulas, and of what they do to an optimizer.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <string>

#include "optim/schedule.h"

namespace tarn::test_optim_schedule {
namespace {

Json json(const std::string& text) {
  return parse_json(text, "test.json");
}

/// An optimizer whose rates can be watched: base rates 0.1 and 0.02, momentum 0.9.
struct Watched {
  std::vector<Tensor> tensors{Tensor::ones({1}), Tensor::ones({1})};
  std::unique_ptr<Optimizer> optimizer =
      make_optimizer(json(R"({"type": "SGD", "lr": 0.1, "momentum": 0.9, "groups": [{"params": "b", "lr": 0.02}]})"),
                     {{"a", &tensors[0]}, {"b", &tensors[1]}});
  double a() const { return optimizer->lr(1); }
  double b() const { return optimizer->lr(0); }
  double momentum() const { return *optimizer->momentum(0); }
};

/// Compares `steps` rates with factor(t) times the base rate.
void check_factor(const std::string& config, const std::function<double(int64_t)>& factor, int64_t steps = 40,
                  ScheduleContext context = {20, 10}) {
  CAPTURE(config);
  Watched w;
  const auto schedule = make_schedule(json(config), *w.optimizer, context);
  for (int64_t t = 0; t <= steps; ++t) {
    CAPTURE(t);
    CHECK(w.a() == doctest::Approx(0.1 * factor(t)).epsilon(1e-12));
    CHECK(w.b() == doctest::Approx(0.02 * factor(t)).epsilon(1e-12));
    CHECK(w.momentum() == 0.9);
    CHECK(schedule->count() == t);
    schedule->step();
  }
}

TEST_CASE("multiplying schedules follow their formulas") {
  const auto power = [](double base, int64_t n) { return std::pow(base, static_cast<double>(n)); };
  check_factor(R"({"type": "StepLR", "step_size": 5, "gamma": 0.5})", [&](int64_t t) { return power(0.5, t / 5); });
  check_factor(R"({"type": "MultiStepLR", "milestones": [9, 4, 4], "gamma": 0.5})",
               [&](int64_t t) { return power(0.5, (t >= 9) + 2 * (t >= 4)); });
  check_factor(R"({"type": "ExponentialLR", "gamma": 0.9})", [&](int64_t t) { return power(0.9, t); });
  check_factor(R"({"type": "ConstantLR", "factor": 0.3, "total_iters": 5})",
               [](int64_t t) { return t < 5 ? 0.3 : 1.0; });
  check_factor(R"({"type": "LinearLR", "start_factor": 0.25, "end_factor": 0.75, "total_iters": 8})",
               [](int64_t t) { return 0.25 + 0.5 * static_cast<double>(std::min<int64_t>(t, 8)) / 8; });
  check_factor(R"({"type": "PolynomialLR", "total_iters": 10, "power": 0.5})",
               [](int64_t t) { return std::sqrt(1 - static_cast<double>(std::min<int64_t>(t, 10)) / 10); });
  check_factor(R"({"type": "CosineAnnealingLR", "T_max": 10})",
               [](int64_t t) { return (1 + std::cos(std::numbers::pi * static_cast<double>(t) / 10)) / 2; });
  check_factor(R"({"type": "ChainedScheduler", "schedulers": [{"type": "ConstantLR", "factor": 0.1, "total_iters": 2},
                   {"type": "ExponentialLR", "gamma": 0.9}]})",
               [&](int64_t t) { return (t < 2 ? 0.1 : 1) * power(0.9, t); });
}

TEST_CASE("warm restarts begin again, each time longer") {
  check_factor(R"({"type": "CosineAnnealingWarmRestarts", "T_0": 3, "T_mult": 2})", [](int64_t t) {
    int64_t length = 3;
    while (t >= length) {
      t -= length;
      length *= 2;
    }
    return (1 + std::cos(std::numbers::pi * static_cast<double>(t) / static_cast<double>(length))) / 2;
  });
}

TEST_CASE("schedules in sequence count from their milestone on") {
  check_factor(R"({"type": "SequentialLR", "milestones": [3, 12], "schedulers": [
                   {"type": "ConstantLR", "factor": 0.1, "total_iters": 3}, {"type": "ExponentialLR", "gamma": 0.9},
                   {"type": "StepLR", "step_size": 4, "gamma": 0.5}]})",
               [](int64_t t) {
                 if (t < 3) return 0.1;
                 if (t < 12) return std::pow(0.9, static_cast<double>(t - 3));
                 return std::pow(0.5, static_cast<double>((t - 12) / 4));
               });
}

TEST_CASE("lengths that are left out are the training's") {
  const auto cosine = [](double length) {
    return [length](int64_t t) { return (1 + std::cos(std::numbers::pi * static_cast<double>(t) / length)) / 2; };
  };
  check_factor(R"("CosineAnnealingLR")", cosine(20), 20);
  check_factor(R"({"type": "CosineAnnealingLR", "interval": "step"})", cosine(200), 50);
  check_factor(R"({"type": "CosineAnnealingLR", "warmup": 4, "warmup_factor": 0.2})",
               [&](int64_t t) { return t < 4 ? 0.2 + 0.8 * static_cast<double>(t) / 4 : cosine(16)(t - 4); });
}

TEST_CASE("OneCycleLR rises to max_lr and falls, the momentum the other way, batch by batch") {
  Watched w;
  const auto schedule = make_schedule(json(R"({"type": "OneCycleLR", "max_lr": [0.1, 0.5]})"), *w.optimizer, {3, 10});
  CHECK(schedule->interval() == Interval::step);
  CHECK(w.a() == doctest::Approx(0.5 / 25));
  CHECK(w.b() == doctest::Approx(0.1 / 25));
  CHECK(w.momentum() == doctest::Approx(0.95));
  for (int64_t t = 1; t < 30; ++t) {
    const double before = w.a();
    schedule->step();
    CHECK((t <= 8 ? w.a() > before : w.a() < before));
    if (t != 8) continue;
    CHECK(w.a() == doctest::Approx(0.5));
    CHECK(w.momentum() == doctest::Approx(0.85));
  }
  CHECK(w.a() == doctest::Approx(0.5 / 25 / 1e4));
  CHECK(w.momentum() == doctest::Approx(0.95));
  schedule->step();
  CHECK_THROWS_AS(schedule->step(), Error);
}

TEST_CASE("CyclicLR goes up and down") {
  Watched w;
  const auto schedule =
      make_schedule(json(R"({"type": "CyclicLR", "base_lr": 0.1, "max_lr": 0.5, "step_size_up": 2, "step_size_down": 4,
               "mode": "triangular2"})"),
                    *w.optimizer, {});
  const std::vector<double> heights{0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0.25, 0.5, 0.375};
  for (const double height : heights) {
    CHECK(w.a() == doctest::Approx(0.1 + 0.4 * height));
    CHECK(w.momentum() == doctest::Approx(0.9 - 0.1 * height));
    schedule->step();
  }
}

TEST_CASE("ReduceLROnPlateau waits for its patience and remembers it when it is resumed") {
  const std::string config = R"({"type": "ReduceLROnPlateau", "factor": 0.5, "patience": 1, "min_lr": [0.015, 0.03]})";
  Watched w;
  const auto schedule = make_schedule(json(config), *w.optimizer, {});
  const std::vector<double> metrics{1.0, 1.0, std::nan(""), 0.5, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6};
  const std::vector<double> rates{0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03};
  for (size_t t = 0; t < metrics.size(); ++t) {
    schedule->step(metrics[t]);
    CAPTURE(t);
    CHECK(w.a() == doctest::Approx(rates[t]));
    Watched other;
    const auto resumed = make_schedule(json(config), *other.optimizer, {});
    resumed->load_state(schedule->state());
    CHECK(other.a() == w.a());
    CHECK(other.b() == w.b());
    resumed->step(5.0);
    Watched third;
    const auto again = make_schedule(json(config), *third.optimizer, {});
    for (size_t k = 0; k <= t; ++k) again->step(metrics[k]);
    again->step(5.0);
    CHECK(other.a() == third.a());
  }
  CHECK(w.b() == doctest::Approx(0.015));
}

TEST_CASE("a schedule that is resumed by its count sets the same rates") {
  for (const std::string config :
       {R"("OneCycleLR")", R"({"type": "CosineAnnealingLR", "warmup": 3})", R"({"type": "StepLR", "step_size": 2})"}) {
    CAPTURE(config);
    Watched w;
    const auto schedule = make_schedule(json(config), *w.optimizer, {4, 5});
    for (int t = 0; t < 7; ++t) schedule->step();
    Watched other;
    const auto resumed = make_schedule(json(config), *other.optimizer, {4, 5});
    resumed->load_state(schedule->state());
    CHECK(other.a() == w.a());
    CHECK(other.momentum() == w.momentum());
    CHECK(resumed->count() == 7);
  }
}

TEST_CASE("impossible schedules are located errors") {
  const auto says = [](const std::string& config, const std::string& part) {
    CAPTURE(config);
    Watched w;
    std::string found = "nothing was thrown";
    try {
      make_schedule(json(config), *w.optimizer, {});
    } catch (const Error& error) {
      found = error.what();
    }
    CAPTURE(found);
    CHECK(found.starts_with("test.json:1:"));
    CHECK(found.find(part) != std::string::npos);
  };
  says(R"({"type": "OneCycle"})", "did you mean 'OneCycleLR'");
  says(R"({"type": "OneCycleLR", "max_lr": 0.1})", "total_steps is missing");
  says(R"({"type": "OneCycleLR", "total_steps": -3})", "/total_steps");
  says(R"({"type": "OneCycleLR", "total_steps": 9, "pct_start": 1.5})", "/pct_start");
  says(R"({"type": "OneCycleLR", "total_steps": 9, "max_lr": [0.1, 0.2, 0.3]})", "3 values for 2 groups");
  says(R"({"type": "CyclicLR", "mode": "square"})", "/mode");
  says(R"({"type": "CosineAnnealingLR", "T_max": 0})", "/T_max");
  says(R"({"type": "CosineAnnealingLR"})", "T_max is missing");
  says(R"({"type": "StepLR", "step_size": 0})", "/step_size");
  says(R"({"type": "LinearLR", "start_factor": 0.0})", "/start_factor");
  says(R"({"type": "LinearLR", "end_factor": -0.1})", "/end_factor");
  says(R"({"type": "ConstantLR", "factor": 1.5})", "/factor");
  says(R"({"type": "ReduceLROnPlateau", "factor": 1.0})", "/factor");
  says(R"({"type": "ReduceLROnPlateau", "mode": "down"})", "/mode");
  says(R"({"type": "SequentialLR", "milestones": [3, 5], "schedulers": ["ExponentialLR", "ExponentialLR"]})",
       "milestones has 2 numbers, but 2 schedulers need 1");
  says(R"({"type": "SequentialLR", "milestones": [0], "schedulers": ["ExponentialLR", "ExponentialLR"]})",
       "0 must be >= 1");
  says(R"({"type": "SequentialLR", "milestones": [3, 3], "schedulers": ["StepLR", "StepLR", "StepLR"]})",
       "3 does not come after 3");
  says(R"({"type": "SequentialLR", "milestones": [3], "schedulers": ["ExponentialLR", "ReduceLROnPlateau"]})",
       "watches a metric");
  says(R"({"type": "StepLR", "interval": "week"})", "/interval");
}

}  // namespace
}  // namespace tarn::test_optim_schedule
