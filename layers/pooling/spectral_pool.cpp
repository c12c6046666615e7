// SpectralPool: the lowest frequencies of a plane, seen on a smaller grid.
#include <cmath>
#include <numbers>

#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

/// (1/n) Σ cos(2πk φ) over the `kept` lowest frequencies k, φ = numerator / denominator, in closed form. The two
/// highest of an even number of them are one cosine.
double lowest_frequencies(int64_t kept, int64_t numerator, int64_t denominator, int64_t n) {
  const auto wave = [&](double half_turns) {  // π · half_turns · φ, reduced where that is exact
    return std::numbers::pi * half_turns * static_cast<double>(numerator) / static_cast<double>(denominator);
  };
  const int64_t pairs = (kept - 1) / 2;
  const double all = static_cast<double>(2 * pairs + 1);
  double sum = numerator % denominator == 0 ? all : std::sin(wave(all)) / std::sin(wave(1));
  if (kept % 2 == 0) sum += std::cos(wave(static_cast<double>(kept)));
  return sum / static_cast<double>(n);
}

/// The map from n values to m of which the `kept` lowest frequencies are those of the input.
Tensor resampling_matrix(int64_t n, int64_t m, int64_t kept, bool unitary, Dtype dtype) {
  const double scale = unitary ? std::sqrt(static_cast<double>(n) / static_cast<double>(m)) : 1;
  std::vector<double> values;
  values.reserve(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) values.push_back(scale * lowest_frequencies(kept, i * n - j * m, m * n, n));
  return Tensor(Shape{m, n}, values).to(dtype);
}

}  // namespace

Tensor spectral_pool(const Tensor& x, int rank, const Sizes& sizes, bool unitary, const Sizes& kept) {
  const std::string name = with_rank("spectral_pool", rank);
  check_planes(name, x, rank);
  const Sizes target = expand(sizes, rank);
  const Sizes lowest = kept.empty() ? target : expand(kept, rank);
  Tensor y = x;
  for (int i = 0; i < rank; ++i) {
    const int64_t n = x.size(i - rank);
    const int64_t m = target[static_cast<size_t>(i)];
    const int64_t k = lowest[static_cast<size_t>(i)];
    check(m >= 1 && m <= n, name, ": output_size is ", m, " where the input ", x.shape(), " has ", n,
          "; expected 1 to ", n);
    check(k >= 1 && k <= m, name, ": ", k, " frequencies cannot be kept on a grid of ", m);
    if (k == n) continue;
    y = transpose(linear(transpose(y, i - rank, -1), resampling_matrix(n, m, k, unitary, x.dtype())), i - rank, -1);
  }
  return y;
}

namespace {

template <int rank>
class SpectralPool : public Module {
 public:
  struct Config {
    std::optional<Sizes> output_size;
    std::optional<Numbers> ratio;
    std::string norm = "mean";
    double frequency_dropout = 0;
    void fields(Fields& f) {
      f("output_size", output_size, "size of the output, at most the input's; or give ratio", size_rule(rank, 1));
      f("ratio", ratio, "share of each size that is kept, rounded down, at least 1 cell",
        {.lo = 0, .hi = 1, .lo_open = true, .rank = rank});
      f("norm", norm, "\"mean\" keeps the mean of a plane, \"ortho\" is the unitary transform's",
        {.choices = {"mean", "ortho"}});
      f("frequency_dropout", frequency_dropout,
        "in training, each pass keeps a random number of the output's frequencies, at least this share less than all",
        {.lo = 0, .hi = 1});
    }
  };

  SpectralPool(Config c, Build&) : config_(std::move(c)) {
    check(config_.output_size.has_value() != config_.ratio.has_value(),
          "give output_size or ratio, and not both of them");
  }
  Tensor forward(const Tensor& x, Context& context) override {
    check_planes(with_rank("spectral_pool", rank), x, rank);
    Sizes sizes = config_.output_size ? expand(*config_.output_size, rank) : Sizes{};
    if (config_.ratio) {
      const std::vector<double> ratios = expand(*config_.ratio, rank);
      for (int i = 0; i < rank; ++i)
        sizes.push_back(std::max<int64_t>(
            1, static_cast<int64_t>(ratios[static_cast<size_t>(i)] * static_cast<double>(x.size(i - rank)))));
    }
    Sizes kept = sizes;
    if (config_.frequency_dropout > 0) {
      const double u = context.stream().uniform(0);
      if (context.training)
        for (int64_t& k : kept) k = drawn(k, u);
    }
    return spectral_pool(x, rank, sizes, config_.norm == "ortho", kept);
  }

 private:
  /// A number of frequencies from ⌈(1 - frequency_dropout) · all⌉, at least 1, up to all; one draw for all dimensions.
  int64_t drawn(int64_t all, double u) const {
    const double least = std::ceil((1 - config_.frequency_dropout) * static_cast<double>(all));
    const int64_t low = std::max<int64_t>(1, static_cast<int64_t>(least));
    return low + static_cast<int64_t>(u * static_cast<double>(all - low + 1));
  }

  Config config_;
};

template <int rank>
LayerInfo& add_spectral_pool() {
  return add_layer<SpectralPool<rank>>(with_rank("SpectralPool", rank),
                                       "The lowest frequencies of each plane, seen on a smaller grid.",
                                       R"({"ratio": 0.7, "frequency_dropout": 0.5})", {spatial_sample(rank)})
      .formula(
          "y = P x along each dimension, P[m, n] = (1/N) (1 + 2 Σ_k cos 2πkφ + [M even] cos πMφ), φ = m/M - n/N, "
          "k = 1 … ⌊(M-1)/2⌋; times √(N/M) for \"ortho\"; the identity where M = N")
      .source("Rippel, Snoek, Adams 2015 (arXiv 1506.03767)")
      .pools(PoolGroup::filter,
             "downsampling to any size that keeps as much of the signal as can be; outputs may ring below 0")
      .draws_random_numbers();
}

const auto& spectral1d_row = add_spectral_pool<1>();
const auto& spectral2d_row = add_spectral_pool<2>();
const auto& spectral3d_row = add_spectral_pool<3>();

}  // namespace
}  // namespace tarn
