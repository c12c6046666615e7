// Settings that several losses share.
#pragma once

#include <string>
#include <vector>

#include "core/ops.h"
#include "layers/loss.h"

namespace tarn {

/// "reduction" is the same in almost every loss.
inline void reduction_field(Fields& f, std::string& reduction) {
  f("reduction", reduction, "what the losses of all elements become", {.choices = {"none", "mean", "sum"}});
}

/// Weights kept in float64, as the prediction's dtype; undefined where there are none.
class Weights {
 public:
  Weights() = default;
  explicit Weights(const std::vector<double>& values) {
    if (!values.empty()) values_ = Tensor({static_cast<int64_t>(values.size())}, values);
  }
  Tensor like(const Tensor& x) const { return values_.defined() ? values_.to(x.dtype()) : values_; }

 private:
  Tensor values_;
};

inline void check_class_weights(const std::vector<double>& weight, int64_t classes) {
  check(weight.empty() || classes == 0 || static_cast<int64_t>(weight.size()) == classes, "weight has ", weight.size(),
        " numbers, but the data has ", classes, " classes; give one for each");
}

/// A floating target in the prediction's dtype, whole numbers as they are.
inline Tensor target_like(const Tensor& target, const Tensor& prediction) {
  return target.floating() ? target.to(prediction.dtype()) : target;
}

/// A loss with no setting but its reduction.
template <Tensor (*function)(const Tensor&, const Tensor&, Reduction)>
class PlainLoss : public Loss {
 public:
  struct Config {
    std::string reduction = "mean";
    void fields(Fields& f) { reduction_field(f, reduction); }
  };
  PlainLoss(const Config& c, const LossBuild&) : reduction_(reduction_named(c.reduction)) {}
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return function(prediction, target_like(target, prediction), reduction_);
  }

 private:
  Reduction reduction_;
};

}  // namespace tarn
