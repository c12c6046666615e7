// Lp pooling: the p-norm of what each window sees.
#include "core/ops.h"
#include "layers/pooling.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

/// What Lp pooling is besides its windows.
struct LpSettings {
  std::string sign_mode = "abs";

  void fields(Fields& f) {
    f("sign_mode", sign_mode,
      "what a negative x counts: \"abs\" |x|^p; \"signed\" -|x|^p, the root keeping the sum's sign; \"torch\" x^p, NaN "
      "for a p that is not whole, as is the root of a negative sum for p > 1",
      {.choices = {"abs", "signed", "torch"}});
  }
  LpSign sign() const {
    return sign_mode == "abs" ? LpSign::absolute : sign_mode == "signed" ? LpSign::with_sign : LpSign::plain;
  }
};

Rule exponent_rule() {
  return {.lo = 0, .lo_open = true, .required = true, .infinite = true};
}

template <int rank>
class LPPool : public Module {
 public:
  struct Config {
    double norm_type = 2;
    SlidingSettings<rank> sliding;
    LpSettings lp;
    std::string partial_window = "sum";
    void fields(Fields& f) {
      f("norm_type", norm_type, "the exponent p; \"inf\", with sign_mode \"abs\", is the largest |x|", exponent_rule());
      sliding.fields(f);
      lp.fields(f);
      f("partial_window", partial_window,
        "windows that reach over an edge: \"sum\" adds up what is there, \"torch\" scales that sum up to a whole "
        "window",
        {.choices = {"sum", "torch"}});
    }
  };
  LPPool(Config c, Build&) : config_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override {
    const std::string name = with_rank("lp_pool", rank);
    check_planes(name, x, rank);
    const Windows& w = windows_.get(x.shape(), rank, [&](const Shape& s) { return config_.sliding.windows(name, s); });
    return lp_pool(x, w, config_.norm_type, config_.lp.sign(), config_.partial_window == "torch");
  }

 private:
  Config config_;
  KeptWindows windows_;
};

/// `rank` 0: any.
template <int rank>
class GlobalLPPool : public Module {
 public:
  struct Config {
    double p = 2;
    LpSettings lp;
    bool keepdim = true;
    void fields(Fields& f) {
      Rule rule = exponent_rule();
      rule.required = false;
      f("p", p, "the exponent; \"inf\", with sign_mode \"abs\", is the largest |x|", rule);
      lp.fields(f);
      keepdim_field(f, keepdim);
    }
  };
  GlobalLPPool(const Config& c, Build&) : config_(c) {}
  Tensor forward(const Tensor& x, Context&) override {
    const std::string name = with_any_rank("global_lp_pool", rank);
    check_planes(name, x, rank);
    const Windows w = global_windows(name, x.shape(), rank);
    return plane_values(lp_pool(x, w, config_.p, config_.lp.sign()), w.rank, config_.keepdim);
  }

 private:
  Config config_;
};

template <int rank>
LayerInfo& add_lp_pool() {
  return add_layer<LPPool<rank>>(with_rank("LPPool", rank), "The p-norm of each window.",
                                 R"({"norm_type": 3, "kernel_size": 3, "stride": 2, "ceil_mode": true})",
                                 {spatial_sample(rank)})
      .formula("y[o] = (Σ |x|^p)^(1/p) over window o; derivatives are 0 where y is 0, and where x is 0 and p < 1")
      .source(
          text("torch.nn.", with_rank("LPPool", rank),
               ", which is sign_mode \"torch\" with partial_window \"torch\"; Sermanet et al. 2012 (arXiv 1204.3968)"))
      .samples_from(Domain::away_from_zero)
      .pools(PoolGroup::norm, "for something between the mean (p = 1) and the maximum (large p), fixed beforehand");
}

template <int rank>
LayerInfo& add_global_lp_pool() {
  return add_layer<GlobalLPPool<rank>>(with_any_rank("GlobalLPPool", rank), "The p-norm of each plane.", R"({"p": 3})",
                                       {spatial_sample(rank == 0 ? 2 : rank)})
      .formula("y[n, c] = (Σ |x[n, c, …]|^p)^(1/p); derivatives are 0 where y is 0, and where x is 0 and p < 1")
      .source("ONNX GlobalLpPool")
      .samples_from(Domain::away_from_zero)
      .pools(PoolGroup::norm, "for one descriptor a channel that large values dominate more than in a mean");
}

const auto& lp_pool1d_row = add_lp_pool<1>();
const auto& lp_pool2d_row = add_lp_pool<2>();
const auto& lp_pool3d_row = add_lp_pool<3>();
const auto& global_lp_pool_row = add_global_lp_pool<0>();
const auto& global_lp_pool1d_row = add_global_lp_pool<1>();
const auto& global_lp_pool2d_row = add_global_lp_pool<2>();
const auto& global_lp_pool3d_row = add_global_lp_pool<3>();

}  // namespace
}  // namespace tarn
