// FractionalMaxPool and FractionalAvgPool: pooling by a ratio that need not be whole.
#include <cmath>

#include "layers/pooling.h"
#include "layers/pooling/fractional.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

template <int rank, bool averages>
class FractionalPool : public Module {
 public:
  struct Config {
    std::optional<Sizes> kernel_size;
    std::optional<Sizes> output_size;
    std::optional<Numbers> output_ratio;
    bool return_indices = false;
    std::string mode = "torch";
    bool overlapping = false;
    std::string eval_mode = "random";
    void fields(Fields& f) {
      f("kernel_size", kernel_size, "size of the window; needed for mode \"torch\"", size_rule(rank, 1));
      f("output_size", output_size, "size of the output; either this or output_ratio", size_rule(rank, 1));
      f("output_ratio", output_ratio, "size of the output as a part of the input's, rounded down",
        {.lo = 0, .hi = 1, .lo_open = true, .hi_open = true, .rank = rank});
      if constexpr (!averages)
        f("return_indices", return_indices, "gives a second output, \"indices\": where in its plane each value stood");
      f("mode", mode,
        "\"torch\": windows of kernel_size, drawn for each plane; \"random\" and \"pseudo\": windows that divide the "
        "plane, drawn once for all planes, by random sizes or by a random offset",
        {.choices = {"torch", "random", "pseudo"}});
      f("overlapping", overlapping, "for \"random\" and \"pseudo\": neighbours share their border cells");
      f("eval_mode", eval_mode, "when not training: \"random\" draws too, \"fixed\" takes the sample 0.5",
        {.choices = {"random", "fixed"}});
    }
  };

  FractionalPool(Config c, Build&) : config_(std::move(c)) {
    check(config_.output_size.has_value() != config_.output_ratio.has_value(), "give output_size or output_ratio, ",
          config_.output_size ? "not both" : "one of them");
    check(config_.mode != "torch" || config_.kernel_size.has_value(), "kernel_size must be given for mode \"torch\"");
    check(config_.mode != "torch" || !config_.overlapping,
          "overlapping is for modes \"random\" and \"pseudo\"; windows of mode \"torch\" lie as kernel_size says");
    check(config_.mode == "torch" || config_.eval_mode == "random",
          "eval_mode \"fixed\" is for mode \"torch\", whose sample it fixes");
  }
  std::vector<std::string> outputs() const override {
    return config_.return_indices ? std::vector<std::string>{"indices"} : std::vector<std::string>{};
  }

  /// A second input, [N, C, rank], is taken for the samples.
  Tensors apply(const Tensors& inputs, Context& context) override {
    const Tensor& x = inputs.at(0);
    check_planes(name(), x, rank);
    check(inputs.size() <= 2, name(), ": takes the input and, if they are not to be drawn, samples; got ",
          inputs.size(), " inputs");
    const PlaneWindows w = windows(x, inputs.size() > 1 ? &inputs[1] : nullptr, context);
    if constexpr (averages) return {fractional_avg_pool(x, w)};
    if (!config_.return_indices) return {max_pool_by_plane(x, w)};
    Extreme found = fractional_max_pool(x, w);
    return {found.values, found.indices};
  }

 private:
  static std::string name() { return with_rank(averages ? "fractional_avg_pool" : "fractional_max_pool", rank); }
  /// The output's sizes. Throws where windows of that number, and of the kernel's size, do not fit.
  std::vector<int64_t> output_for(const Shape& x) const {
    std::vector<int64_t> output(rank);
    const Sizes sizes = config_.output_size ? expand(*config_.output_size, rank) : Sizes(rank, 0);
    const std::vector<double> ratios =
        config_.output_ratio ? expand(*config_.output_ratio, rank) : std::vector<double>();
    for (int d = 0; d < rank; ++d) {
      const auto i = static_cast<size_t>(d);
      const int64_t input = x[x.rank() - rank + d];
      output[i] = ratios.empty() ? sizes[i] : static_cast<int64_t>(static_cast<double>(input) * ratios[i]);
      check(output[i] >= 1, name(), ": output_ratio is ", ratios.empty() ? 0.0 : ratios[i], ", which of ", input,
            " cells leaves none; the ratio or the input is too small");
      check(output[i] <= input, name(), ": output_size is ", output[i], "; allowed are 1 to ", input,
            ", the input's size");
      const int64_t kernel = config_.mode == "torch" ? expand(*config_.kernel_size, rank)[i] : 1;
      check(kernel <= input - output[i] + 1, name(), ": kernel_size is ", kernel, "; allowed are 1 to ",
            input - output[i] + 1, ", so that ", output[i], " windows can start at different ones of ", input,
            " cells");
    }
    return output;
  }

  PlaneWindows windows(const Tensor& x, const Tensor* samples, Context& context) const {
    const std::vector<int64_t> output = output_for(x.shape());
    const bool batched = x.rank() == rank + 2;
    if (config_.mode == "torch") {
      const Shape shape{batched ? x.shape()[0] : 1, x.shape()[batched ? 1 : 0], rank};
      Tensor u = Tensor::full(shape, 0.5, x.dtype());
      if (samples)
        u = *samples;
      else if (context.training || config_.eval_mode == "random")
        u = uniform(shape, context.stream(), 0, 1, x.dtype());
      return fractional_windows(x, rank, expand(*config_.kernel_size, rank), output, u, name().c_str());
    }
    check(!samples, name(), ": samples are for mode \"torch\"");
    const FractionalMode mode = config_.mode == "random" ? FractionalMode::random : FractionalMode::pseudo;
    const Stream stream = context.stream();
    std::vector<std::vector<Span>> spans;
    for (int d = 0; d < rank; ++d)
      spans.push_back(dividing_intervals(mode, x.shape()[x.rank() - rank + d], output[static_cast<size_t>(d)],
                                         config_.overlapping, stream.child(static_cast<uint64_t>(d))));
    const std::string layer = name();
    return {adaptive_windows(layer.c_str(), x.shape(), rank, {output.begin(), output.end()}),
            {listed_windows(layer.c_str(), x.shape(), spans)}};
  }

  Config config_;
};

template <int rank, bool averages>
LayerInfo& add_fractional() {
  return add_layer<FractionalPool<rank, averages>>(
             with_rank(averages ? "FractionalAvgPool" : "FractionalMaxPool", rank),
             averages ? "The mean of each of some windows that are drawn to give any output size."
                      : "The largest value of each of some windows that are drawn to give any output size.",
             R"({"kernel_size": 2, "output_ratio": 0.6})", {spatial_sample(rank)})
      .formula(
          "windows of k cells start at trunc((j + u) α) - trunc(u α), α = (I - k) / (O - 1), the last at I - k; u is "
          "drawn for each plane and dimension")
      .source(averages ? "tf.nn.fractional_avg_pool; Graham 2014 (arXiv 1412.6071)"
                       : "torch.nn.FractionalMaxPool2d, tf.nn.fractional_max_pool; Graham 2014 (arXiv 1412.6071)")
      .pools(PoolGroup::random,
             "where halving is too coarse: many gentle reductions, and the noise of the draw as a regulariser")
      .takes(1, 2)
      .samples_from(Domain::away_from_ties)
      .draws_random_numbers();
}

const auto& fractional_max1d_row = add_fractional<1, false>();
const auto& fractional_max2d_row = add_fractional<2, false>();
const auto& fractional_max3d_row = add_fractional<3, false>();
const auto& fractional_avg1d_row = add_fractional<1, true>();
const auto& fractional_avg2d_row = add_fractional<2, true>();
const auto& fractional_avg3d_row = add_fractional<3, true>();

}  // namespace
}  // namespace tarn
