// Unpooling: max unpooling by the indices of a max pooling, average unpooling, and the two around a list of layers.
#include <numeric>

#include "core/ops.h"
#include "core/tape.h"
#include "layers/init.h"
#include "layers/model.h"
#include "layers/pooling.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

/// The pooling that is undone.
template <int rank>
struct UnpoolingSettings {
  Sizes kernel_size;
  std::optional<Sizes> stride;
  Sizes padding{0};
  std::optional<Sizes> output_size;

  void fields(Fields& f) {
    f("kernel_size", kernel_size, "size of the pooling's window", size_rule(rank, 1, true));
    f("stride", stride, "steps between its windows; left out: the kernel's size", size_rule(rank, 1));
    f("padding", padding, "cells that it added at both sides", size_rule(rank, 0));
    f("output_size", output_size,
      "spatial sizes of the output, or its whole shape; left out: those of one more input, if \"from\" names "
      "one, or else (O - 1) · stride - 2 · padding + kernel_size",
      {.lo = 0, .hi = 1 << 30});
  }
  /// `like`, where there is one, is a tensor of the wanted spatial sizes.
  Windows windows(const std::string& layer, const Tensor& x, const Tensor* like) const {
    check_planes(layer, x, rank);
    check(!like || !output_size, layer, ": output_size is given, and so is an input that says the same; leave one out");
    std::optional<Sizes> size = output_size;
    if (like) {
      const bool planes = like->rank() >= rank + 1;
      check(planes, layer, ": the size cannot be taken from an input ", batch_text(like->shape()));
      size = Sizes(like->shape().end() - rank, like->shape().end());
    }
    const SlidingOptions options{.kernel_size = kernel_size, .stride = stride.value_or(Sizes{}), .padding = padding};
    return unpooling_windows(layer.c_str(), x.shape(), rank, options, size);
  }
};

struct DuplicatesSetting {
  std::string duplicates = "last";
  void fields(Fields& f) {
    f("duplicates", duplicates,
      "what several values with one index become: \"last\", the last of them, though all get the gradient, as in "
      "PyTorch; \"error\"; or their \"sum\"",
      {.choices = {"last", "error", "sum"}});
  }
  Duplicates value() const {
    return duplicates == "last" ? Duplicates::last : duplicates == "sum" ? Duplicates::sum : Duplicates::error;
  }
};

template <int rank>
class MaxUnpool : public Module {
 public:
  struct Config {
    UnpoolingSettings<rank> pooling;
    DuplicatesSetting duplicates;
    void fields(Fields& f) {
      pooling.fields(f);
      duplicates.fields(f);
    }
  };
  MaxUnpool(Config c, Build&) : config_(std::move(c)) {}
  Tensors apply(const Tensors& inputs, Context&) override {
    const Tensor* like = inputs.size() > 2 ? &inputs[2] : nullptr;
    const Windows w = config_.pooling.windows(with_rank("max_unpool", rank), inputs.at(0), like);
    return {max_unpool(inputs[0], inputs.at(1), w, config_.duplicates.value())};
  }

 private:
  Config config_;
};

template <int rank>
class AvgUnpool : public Module {
 public:
  struct Config {
    UnpoolingSettings<rank> pooling;
    std::string mode = "copy";
    bool affine = false;
    void fields(Fields& f) {
      pooling.fields(f);
      f("mode", mode,
        "\"copy\": every cell gets the mean of the values whose windows cover it; \"adjoint\": the sum of their shares "
        "in an average pooling, whose transpose this is",
        {.choices = {"copy", "adjoint"}});
      f("affine", affine, "whether each channel has a learned factor (weight) and addend (bias)");
    }
  };
  AvgUnpool(Config c, Build& build) : config_(std::move(c)) {
    if (!config_.affine) return;
    const Shape& x = build.shape();
    check_planes(with_rank("avg_unpool", rank), x, rank);
    const int64_t channels = x[x.rank() - rank - 1];
    weight_ = build.parameter("weight", {channels}, init::constant(1));
    bias_ = build.parameter("bias", {channels}, init::constant(0));
  }
  Tensors apply(const Tensors& inputs, Context&) override {
    const Tensor* like = inputs.size() > 1 ? &inputs[1] : nullptr;
    const Windows w = config_.pooling.windows(with_rank("avg_unpool", rank), inputs.at(0), like);
    const auto mode = config_.mode == "copy" ? UnpoolMode::copy : UnpoolMode::adjoint;
    const Tensor y = avg_unpool(inputs[0], w, mode);
    if (!weight_.defined()) return {y};
    check_channels(with_rank("avg_unpool", rank), y, rank, weight_.numel());
    std::vector<int64_t> sizes(rank + 1, 1);
    sizes[0] = weight_.numel();
    return {y * reshape(weight_, sizes) + reshape(bias_, sizes)};
  }
  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
  }

 private:
  Config config_;
  Tensor weight_, bias_;
};

/// Pools, runs a list of layers on the result, and puts theirs back where the largest values stood.
template <int rank>
class MaxPoolUnpool : public Module {
 public:
  struct Config {
    SlidingSettings<rank> sliding;
    DuplicatesSetting duplicates;
    Json body;
    void fields(Fields& f) {
      sliding.fields(f, true);
      duplicates.fields(f);
      f("body", body, "list of layers between pooling and unpooling; they keep the shape",
        {.required = true, .list_of = "layers"});
    }
  };
  MaxPoolUnpool(Config c, Build& build)
      : config_(std::move(c)),
        body_(config_.body,
              build.child("body", {config_.sliding.windows(name(), build.shape()).output_shape(build.shape())})) {
    const Shape pooled = windows_for(build.shape()).output_shape(build.shape()).with(0, 1);
    check(body_.output_shape() == pooled, "the body gives ", body_.output_shape(), ", but unpooling needs ", pooled,
          ", the shape that it was given (for one sample)");
  }
  Tensor forward(const Tensor& x, Context& context) override {
    check_planes(name(), x, rank);
    const Windows& w = windows_for(x.shape());
    const Extreme pooled = max_pool_with_indices(x, w);
    const Scope scope("body");
    return max_unpool(body_.forward(pooled.values, context), pooled.indices, w, config_.duplicates.value());
  }
  void parts(Parts& p) override { p("body", body_); }
  int64_t multiply_adds(const std::vector<Shape>& inputs, const Shape& y) const override {
    return body_.multiply_adds(inputs, y);
  }

 private:
  static std::string name() { return with_rank("max_pool_unpool", rank); }
  const Windows& windows_for(const Shape& x) {
    return windows_.get(x, rank, [this](const Shape& s) { return config_.sliding.windows(name(), s); });
  }

  Config config_;
  Model body_;
  KeptWindows windows_;
};

/// What 2 x 2 cells, or as many in other ranks, were pooled to.
Shape pooled_sample(int rank) {
  return rank == 1 ? Shape{2, 2, 4} : rank == 2 ? Shape{2, 2, 2, 3} : Shape{1, 2, 2, 1, 2};
}

template <int rank>
bool add_unpooling() {
  const Shape pooled = pooled_sample(rank);
  Shape one = pooled;  // of one value a plane, so that no index can occur twice
  for (int i = 0; i < rank; ++i) one = one.with(2 + i, 1);
  std::vector<int64_t> cells(size_t{1} << rank);
  std::iota(cells.begin(), cells.end(), 0);
  add_layer<MaxUnpool<rank>>(with_rank("MaxUnpool", rank),
                             "Puts values back where a max pooling found them; reads the values and \"NAME.indices\".",
                             R"({"kernel_size": 2})", {one, one})
      .takes(2, 3)
      .reads_labels(1, cells)
      .formula("y[n, c, indices[n, c, o]] = x[n, c, o], zeros elsewhere; indices are flat in the plane of the output")
      .source(text("torch.nn.", with_rank("MaxUnpool", rank), "; Zeiler and Fergus 2014 (arXiv 1311.2901)"))
      .shown_with("", rank == 2 ? "[[[[[4, 5], [7, 6]]]], [[[[4, 2], [8, 15]]]]]" : "")
      .pools(PoolGroup::unpooling,
             "in decoders that must put details back where the encoder saw them, such as segmentation");
  add_layer<AvgUnpool<rank>>(with_rank("AvgUnpool", rank),
                             "Spreads each value over the window that it was pooled from.",
                             R"({"kernel_size": 3, "stride": 2, "padding": 1, "affine": true})", {pooled})
      .takes(1, 2)
      .formula(
          "y[i] = mean of x[o] over the windows o that cover i, or Σ x[o] / divisor(o); with affine, y · weight + bias")
      .source("tiny-dnn, average_unpooling_layer")
      .pools(PoolGroup::unpooling,
             "for a decoder's upsampling where the encoder averaged, or as the exact transpose of an average pooling");
  add_layer<MaxPoolUnpool<rank>>(with_rank("MaxPoolUnpool", rank),
                                 "Max pooling, a list of layers, and the unpooling to the size before.",
                                 R"({"kernel_size": 2, "ceil_mode": true, "body": ["Tanh"]})", {spatial_sample(rank)})
      .holds_lists({"body"})
      .formula("y[n, c, indices[n, c, o]] = body(max_pool(x))[n, c, o], zeros elsewhere")
      .source("Badrinarayanan et al. 2015 (arXiv 1511.00561)")
      .pools(PoolGroup::unpooling, "for encoders and decoders that mirror each other, whatever the size of the input")
      .samples_from(Domain::away_from_ties);
  return true;
}

const bool unpool_added = add_unpooling<1>() && add_unpooling<2>() && add_unpooling<3>();

}  // namespace
}  // namespace tarn
