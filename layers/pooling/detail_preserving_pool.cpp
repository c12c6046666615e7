// DetailPreservingPool (DPP): values that stand out from their window weigh more.
#include <cmath>

#include "layers/alias.h"
#include "layers/init.h"
#include "layers/pooling.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/taps.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Tensor dpp_pool(const Tensor& x, const Windows& w, const Tensor& alpha, const Tensor& lambda, const Tensor& reference,
                bool asymmetric) {
  const Taps t = taps_of(x, w);
  const Tensor floor = exp(clamp(along_channels("dpp_pool: alpha", alpha, x.shape(), w), {}, 10));
  const Tensor power = exp(along_channels("dpp_pool: lambda", lambda, x.shape(), w)) * 0.5;
  const Tensor low = mean_taps(t.values, t);
  const Tensor difference = t.values - (reference.defined() ? reshape(reference, low.shape()) : low);
  const Tensor q = square(asymmetric ? relu(difference) : difference) + 1e-3;
  const Tensor weights = pow(q / mean_taps(q, t), power) + floor;
  return as_output(sum_taps(weights * t.values) / sum_taps(weights), t);
}

namespace {

template <int rank>
class DetailPreservingPool : public Module {
 public:
  struct Config {
    int64_t kernel_size = 2;
    std::string reference = "lite";
    std::string penalty = "sym";
    void fields(Fields& f) {
      f("kernel_size", kernel_size, "size of the window, and the step between windows; divides the input's sizes",
        {.lo = 2, .hi = 1 << 30});
      f("reference", reference,
        "what values are compared with: \"lite\" the window's mean, \"full\" a learned filter of size 3 per channel",
        {.choices = {"lite", "full"}});
      f("penalty", penalty, "\"sym\": values below the reference stand out, too; \"asym\": only those above it",
        {.choices = {"sym", "asym"}});
    }
  };

  DetailPreservingPool(const Config& c, Build& build) : kernel_(c.kernel_size), asymmetric_(c.penalty == "asym") {
    channels_ = channels_of(build.shape(), rank);
    const auto within = [](double n) { return init::uniform_within(1 / std::sqrt(n)); };
    alpha_ = build.parameter("alpha", {channels_}, within(static_cast<double>(channels_)));
    lambda_ = build.parameter("lambda", {channels_}, within(static_cast<double>(channels_)));
    if (c.reference == "lite") return;
    std::vector<int64_t> sizes(rank, 3);
    sizes.insert(sizes.begin(), {channels_, 1});
    weight_ = build.parameter("weight", Shape(sizes), within(std::pow(3, rank)));
    bias_ = build.parameter("bias", {channels_}, within(std::pow(3, rank)));
  }
  Tensor forward(const Tensor& x, Context&) override {
    const std::string name = with_rank("detail_preserving_pool", rank);
    check_planes(name, x, rank);
    check_channels(name, x, rank, channels_);
    for (int i = 1; i <= rank; ++i)
      check(x.size(-i) % kernel_ == 0, name, ": kernel_size ", kernel_, " does not divide every size of the input ",
            x.shape(), "; pad or crop it first");
    const Windows& w = windows_.get(x.shape(), rank, [&](const Shape& s) {
      return sliding_windows(name.c_str(), s, rank, {.kernel_size = {kernel_}});
    });
    return dpp_pool(x, w, alpha_, lambda_, reference(x), asymmetric_);
  }
  void parts(Parts& p) override {
    p("alpha", alpha_);
    p("lambda", lambda_);
    p("weight", weight_);
    p("bias", bias_);
  }

 private:
  Tensor reference(const Tensor& x) const {
    if (!weight_.defined()) return {};
    ConvGeometry geometry{.groups = channels_};
    for (size_t i = 0; i < rank; ++i) {
      geometry.stride[i] = kernel_;
      geometry.before[i] = geometry.after[i] = 1;
    }
    return conv(is_sample(x.shape(), rank) ? unsqueeze(x, 0) : x, weight_, bias_, geometry);
  }

  int64_t kernel_;
  bool asymmetric_;
  int64_t channels_ = 0;
  Tensor alpha_, lambda_, weight_, bias_;
  KeptWindows windows_;
};

template <int rank>
LayerInfo& add_detail_preserving_pool() {
  return add_layer<DetailPreservingPool<rank>>(
             with_rank("DetailPreservingPool", rank),
             "The mean of each window (DPP), weighed by how far a value is from a reference, as far as is learned.",
             R"({"reference": "full"})", {even_sample(rank)})
      .formula(
          "y = Σ w_i x_i / Σ w_i, w = (q / mean q)^(e^λ / 2) + e^min(α, 10), q = δ² + 0.001, δ = x - reference; "
          "α large: the mean, λ large: the value that stands out most")
      .source("Saeedan, Weber, Goesele, Roth 2018 (arXiv 1804.04076), as its code computes it")
      .pools(PoolGroup::soft, "images where detail must survive downsampling")
      .samples_from(Domain::any);
}

const auto& detail_preserving1d_row = add_detail_preserving_pool<1>();
const auto& detail_preserving2d_row = add_detail_preserving_pool<2>();
const auto& detail_preserving3d_row = add_detail_preserving_pool<3>();
const bool detail_preserving_pool_named = add_layer_alias("DPP", "DetailPreservingPool2d");

}  // namespace
}  // namespace tarn
