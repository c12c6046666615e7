// LiftPool: a wavelet step whose predictions and updates are learned, and its bands added up.
#include "layers/pooling/lift_pool.h"

#include "core/tape.h"
#include "layers/model.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

/// The net's result for every row along dimension `dim` of x [N, C, spatial]; the net takes rows [rows, C, length].
Tensor along_rows(const LiftNet& net, const Tensor& x, int dim) {
  Dims order{0};
  for (int i = 2; i < x.rank(); ++i)
    if (i != dim) order.push_back(i);
  order.insert(order.end(), {1, dim});
  Dims back(order.size());
  for (size_t i = 0; i < order.size(); ++i) back[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  const Tensor rows = permute(x, order);
  const Shape& s = rows.shape();
  const int r = s.rank();
  const Tensor y = net(reshape(rows, Shape{s.product(0, r - 2), s[r - 2], s[r - 1]}));
  return permute(reshape(y, s), back);
}

}  // namespace

Tensors lift_bands(const Tensor& x, int rank, const LiftNet& predict, const LiftNet& update) {
  check_spatial(x.shape(), rank);
  Tensors bands{x};
  for (int dim = rank + 1; dim >= 2; --dim) {
    check(x.size(dim) > 0, "lift_pool: the input ", x.shape(), " has a dimension of size 0");
    Tensors finer;
    for (Tensor band : bands) {
      if (band.size(dim) % 2 == 1) band = cat(Tensors{band, narrow(band, dim, band.size(dim) - 1, 1)}, dim);
      const Tensor even = slice(band, dim, 0, band.size(dim), 2);
      const Tensor detail = slice(band, dim, 1, band.size(dim), 2) - along_rows(predict, even, dim);
      finer.push_back(even + along_rows(update, detail, dim));
      finer.push_back(detail);
    }
    bands = std::move(finer);
  }
  return bands;
}

Tensor lift_up(const Tensors& bands, int rank, const LiftNet& predict, const LiftNet& update) {
  check(static_cast<int64_t>(bands.size()) == int64_t{1} << rank, "lift_up: ", bands.size(), " bands; expected ",
        1 << rank);
  Tensors coarser = bands;
  for (int dim = 2; dim < rank + 2; ++dim) {
    Tensors joined;
    for (size_t i = 0; i < coarser.size(); i += 2) {
      const Tensor even = coarser[i] - along_rows(update, coarser[i + 1], dim);
      const Tensor odd = coarser[i + 1] + along_rows(predict, even, dim);
      const Shape& s = even.shape();
      joined.push_back(reshape(stack(Tensors{even, odd}, dim + 1), s.with(dim, 2 * s[dim])));
    }
    coarser = std::move(joined);
  }
  return coarser[0];
}

namespace {

/// Depthwise convolution, ReLU, pointwise convolution, tanh.
Json net_layers(int64_t channels, int64_t kernel) {
  Json list = Json::array();
  const auto conv = [&](const char* name, int64_t size) {
    list.push(Json::object()
                  .set("type", "Conv1d")
                  .set("name", name)
                  .set("out_channels", channels)
                  .set("kernel_size", size)
                  .set("padding", size / 2)
                  .set("groups", channels));
  };
  conv("conv1", kernel);
  list.push("ReLU");
  conv("conv2", 1);
  list.push("Tanh");
  return list;
}

template <int rank>
class LiftPool : public Module {
 public:
  struct Config {
    int64_t kernel_size = 5;
    bool return_bands = false;
    void fields(Fields& f) {
      f("kernel_size", kernel_size, "size of the nets' first convolution; odd", {.lo = 1, .hi = 1 << 20});
      f("return_bands", return_bands, "gives a second output, \"bands\": all of them side by side, as channels");
    }
  };
  LiftPool(const Config& c, Build& build)
      : channels_(channels_of(build.shape(), rank)),
        return_bands_(c.return_bands),
        predict_(net(build, "predict", c.kernel_size)),
        update_(net(build, "update", c.kernel_size)) {}
  Tensors apply(const Tensors& inputs, Context& context) override {
    check_planes(name(), inputs.at(0), rank);
    check_channels(name(), inputs[0], rank, channels_);
    const bool sample = inputs[0].rank() == rank + 1;
    const auto run = [&context](const char* name, Model& model) {
      return [&context, &model, name](const Tensor& rows) {
        const Scope scope(name);
        return model.forward(rows, context);
      };
    };
    const Tensors bands = lift_bands(sample ? unsqueeze(inputs[0], 0) : inputs[0], rank, run("predict", predict_),
                                     run("update", update_));
    Tensor sum = bands[0];
    for (size_t i = 1; i < bands.size(); ++i) sum = sum + bands[i];
    Tensors out{sum};
    if (return_bands_) out.push_back(cat(bands, 1));
    if (sample)
      for (Tensor& t : out) t = squeeze(t, 0);
    return out;
  }
  std::vector<std::string> outputs() const override {
    if (return_bands_) return {"bands"};
    return {};
  }
  void parts(Parts& p) override {
    p("predict", predict_);
    p("update", update_);
  }

 private:
  static std::string name() { return with_rank("lift_pool", rank); }
  static Model net(const Build& build, const char* part, int64_t kernel) {
    check(kernel % 2 == 1, "kernel_size is ", kernel, "; expected an odd number, which keeps sizes as they are");
    const Shape& x = build.shape();
    check_planes(name(), x, rank);
    const int64_t channels = channels_of(x, rank);
    return Model(net_layers(channels, kernel), build.child(part, {Shape{1, channels, x[x.rank() - 1]}}));
  }

  int64_t channels_;
  bool return_bands_;
  Model predict_, update_;
};

template <int rank>
LayerInfo& add_lift_pool() {
  return add_layer<LiftPool<rank>>(with_rank("LiftPool", rank),
                                   "A learned wavelet step whose bands, of half the size, are added up.",
                                   R"({"kernel_size": 3})", {spatial_sample(rank)})
      .formula(
          "d = odd - P(even), s = even + U(d) along W, then along H of both; y = the sum of all bands; P and U: "
          "depthwise convolution, ReLU, pointwise convolution, tanh; an odd size repeats its last cell")
      .source("Zhao, Snoek 2021 (arXiv 2104.00996)")
      .pools(PoolGroup::filter, "where downsampling should keep, and can give back, all there is")
      .samples_from(Domain::away_from_ties);
}

const auto& lift1d_row = add_lift_pool<1>();
const auto& lift2d_row = add_lift_pool<2>();

}  // namespace
}  // namespace tarn
