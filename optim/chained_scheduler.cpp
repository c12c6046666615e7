// ChainedScheduler: several schedules at once, each applied to what the one before makes of the rate.
#include "optim/schedule.h"

namespace tarn {
namespace {

class ChainedScheduler : public Curve {
 public:
  struct Config {
    Json schedulers = Json::array();
    void fields(auto& f) {
      f("schedulers", schedulers, "schedules that multiply the rate",
        {.list_of = "schedules", .inside = check_schedulers});
    }
    void validate() const { check(schedulers.size() > 0, "schedulers is empty; give at least one"); }
  };

  ChainedScheduler(Config c, const Horizon& horizon) {
    for (const Json& json : c.schedulers.items()) curves_.push_back(make_curve(json, horizon));
  }

  Rates at(int64_t t, size_t group, const Rates& base) const override {
    Rates rates = base;
    for (const auto& curve : curves_) {
      const Rates next = curve->at(t, group, rates);
      rates.lr = next.lr;
      if (next.momentum) rates.momentum = next.momentum;
    }
    return rates;
  }

 private:
  std::vector<std::unique_ptr<Curve>> curves_;
};

const auto& chained_scheduler_row =
    add_schedule<ChainedScheduler>("ChainedScheduler", "Several schedules at once: their factors are multiplied.");

}  // namespace
}  // namespace tarn
