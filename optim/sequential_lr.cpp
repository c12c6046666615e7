// SequentialLR: one schedule after the other.
#include <algorithm>

#include "optim/schedule.h"

namespace tarn {
namespace {

class SequentialLR : public Curve {
 public:
  struct Config {
    Json schedulers = Json::array();
    Sizes milestones;
    void fields(auto& f) {
      f("schedulers", schedulers, "schedules, each counting from 0 when its turn comes",
        {.list_of = "schedules", .inside = check_schedulers});
      f("milestones", milestones, "intervals at which the second, the third, … begins", {.lo = 1});
    }
    void validate() const {
      check(schedulers.size() > 0, "schedulers is empty; give at least one");
      check(milestones.size() + 1 == schedulers.size(), "milestones has ", milestones.size(), " numbers, but ",
            schedulers.size(), " schedulers need ", schedulers.size() - 1);
      for (size_t i = 1; i < milestones.size(); ++i)
        check(milestones[i] > milestones[i - 1], "milestones: ", milestones[i], " does not come after ",
              milestones[i - 1]);
    }
  };

  SequentialLR(Config c, const Horizon& horizon) : milestones_(std::move(c.milestones)) {
    for (size_t i = 0; i < c.schedulers.size(); ++i) {
      Horizon rest = horizon;
      const int64_t end = i < milestones_.size() ? milestones_[i] : horizon.total;
      rest.total = std::max<int64_t>(end - start(i), 0);
      curves_.push_back(make_curve(c.schedulers.items()[i], rest));
    }
  }

  Rates at(int64_t t, size_t group, const Rates& base) const override {
    const size_t turn =
        static_cast<size_t>(std::upper_bound(milestones_.begin(), milestones_.end(), t) - milestones_.begin());
    return curves_[turn]->at(t - start(turn), group, base);
  }

 private:
  /// When curve i begins.
  int64_t start(size_t i) const { return i == 0 ? 0 : milestones_[i - 1]; }

  Sizes milestones_;
  std::vector<std::unique_ptr<Curve>> curves_;
};

const auto& sequential_lr_row =
    add_schedule<SequentialLR>("SequentialLR", "One schedule after the other, changing at the milestones.");

}  // namespace
}  // namespace tarn
