// Poolings by attention: queries that look at every position of a plane.
#include <cmath>

#include "layers/alias.h"
#include "layers/init.h"
#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Tensor attend(const Tensor& queries, const Tensor& keys, const Tensor& values, int64_t heads) {
  const int64_t batch = keys.size(0);
  check(heads > 0 && queries.size(2) % heads == 0 && values.size(2) % heads == 0, "attend: ", heads,
        " heads do not divide the ", queries.size(2), " channels");
  const auto split = [&](const Tensor& t) {
    return transpose(reshape(t, Shape{batch, t.size(1), heads, t.size(2) / heads}), 1, 2);
  };
  const double scale = 1 / std::sqrt(static_cast<double>(queries.size(2) / heads));
  const Tensor scores = matmul(split(queries * scale), transpose(split(keys), -2, -1));
  const Tensor seen = matmul(softmax(scores, -1), split(values));
  return reshape(transpose(seen, 1, 2), Shape{batch, queries.size(1), values.size(2)});
}

namespace {

/// A linear map of a module: its weight, its bias, and how they start.
struct Projection {
  Tensor weight, bias;
  Projection() = default;
  Projection(Build& build, const std::string& name, int64_t out, int64_t in, const Initial& initial) {
    weight = build.parameter(name + ".weight", {out, in}, initial);
    bias = build.parameter(name + ".bias", {out}, init::uniform_within(1 / std::sqrt(static_cast<double>(in))));
  }
  Tensor operator()(const Tensor& x) const { return linear(x, weight, bias); }
  void parts(Parts& p, const std::string& name) {
    p(name + ".weight", weight);
    p(name + ".bias", bias);
  }
};

Initial normal_with(double deviation) {
  return [deviation](const Shape& shape, const Stream& stream, Dtype dtype) {
    return init::normal(shape, stream, 0, deviation, dtype);
  };
}

class AttentionPool2d : public Module {
 public:
  struct Config {
    int64_t num_heads = 1;
    std::optional<int64_t> output_dim;
    void fields(Fields& f) {
      f("num_heads", num_heads, "heads of the attention; they divide the channels", {.lo = 1});
      f("output_dim", output_dim, "length of the output; left out: the number of channels", {.lo = 1, .hi = 1 << 24});
    }
  };

  AttentionPool2d(const Config& c, Build& build) : heads_(c.num_heads) {
    const int64_t channels = channels_of(build, 2);
    check(channels % heads_ == 0, "num_heads is ", heads_, "; it has to divide the ", channels, " channels");
    const Shape& x = build.shape();
    height_ = x[x.rank() - 2];
    width_ = x[x.rank() - 1];
    const double deviation = 1 / std::sqrt(static_cast<double>(channels));
    const Initial initial = normal_with(deviation);
    positions_ = build.parameter("positional_embedding", {height_ * width_ + 1, channels}, initial);
    k_ = {build, "k_proj", channels, channels, initial};
    q_ = {build, "q_proj", channels, channels, initial};
    v_ = {build, "v_proj", channels, channels, initial};
    c_ = {build, "c_proj", c.output_dim.value_or(channels), channels, initial};
  }
  Tensor forward(const Tensor& x, Context&) override {
    return with_batch("attention_pool2d", x, 2, [this](const Tensor& t) { return pool(t); });
  }
  void parts(Parts& p) override {
    p("positional_embedding", positions_);
    k_.parts(p, "k_proj");
    q_.parts(p, "q_proj");
    v_.parts(p, "v_proj");
    c_.parts(p, "c_proj");
  }

 private:
  Tensor pool(const Tensor& x) const {
    check_channels("attention_pool2d", x, 2, positions_.size(1));
    check(x.size(2) == height_ && x.size(3) == width_, "attention_pool2d: the input ", x.shape(),
          " has planes of another size than the positional embedding's, ", height_, " × ", width_);
    const Tensor cells = as_tokens(x);
    const Tensors all{mean(cells, {1}, true), cells};
    const Tensor tokens = cat(all, 1) + positions_;
    return c_(select(attend(q_(slice(tokens, 1, 0, 1)), k_(tokens), v_(tokens), heads_), 1, 0));
  }

  int64_t heads_, height_ = 0, width_ = 0;
  Tensor positions_;
  Projection k_, q_, v_, c_;
};

class AttentionPoolLatent : public Module {
 public:
  struct Config {
    int64_t latent_len = 1;
    int64_t num_heads = 1;
    bool mlp = true;
    double mlp_ratio = 4;
    void fields(Fields& f) {
      f("latent_len", latent_len, "how many learned queries look at the input", {.lo = 1, .hi = 1 << 24});
      f("num_heads", num_heads, "heads of the attention; they divide the channels", {.lo = 1});
      f("mlp", mlp, "add a network of two layers on the normalised result to it");
      f("mlp_ratio", mlp_ratio, "width of that network by the number of channels",
        {.lo = 0, .hi = 1 << 16, .lo_open = true});
    }
  };

  AttentionPoolLatent(const Config& c, Build& build) : heads_(c.num_heads), mlp_(c.mlp) {
    spatial_rank(build.shape(), 0);  // or throws
    const int64_t channels = build.shape()[1];
    check(channels % heads_ == 0, "num_heads is ", heads_, "; it has to divide the ", channels, " channels");
    const double deviation = 1 / std::sqrt(static_cast<double>(channels));
    const auto truncated = [deviation](const Shape& s, const Stream& stream, Dtype dtype) {
      return init::trunc_normal(s, stream, 0, deviation, -2, 2, dtype);
    };
    const Initial initial = init::uniform_within(deviation);
    latent_ = build.parameter("latent", {1, c.latent_len, channels}, truncated);
    q_ = {build, "q", channels, channels, initial};
    kv_ = {build, "kv", 2 * channels, channels, initial};
    proj_ = {build, "proj", channels, channels, initial};
    if (!mlp_) return;
    const auto hidden = static_cast<int64_t>(c.mlp_ratio * static_cast<double>(channels));
    check(hidden > 0, "mlp_ratio ", c.mlp_ratio, " leaves no width for ", channels, " channels");
    norm_weight_ = build.parameter("norm.weight", {channels}, init::constant(1));
    norm_bias_ = build.parameter("norm.bias", {channels}, init::constant(0));
    fc1_ = {build, "mlp.fc1", hidden, channels, initial};
    fc2_ = {build, "mlp.fc2", channels, hidden, init::uniform_within(1 / std::sqrt(static_cast<double>(hidden)))};
  }
  Tensor forward(const Tensor& x, Context&) override {
    check_planes("attention_pool_latent", x, 0);
    check_channels("attention_pool_latent", x, x.rank() - 2, latent_.size(2));
    const Tensor tokens = as_tokens(x);
    const Tensors kv = chunk(kv_(tokens), 2, -1);
    const int64_t batch = x.size(0);
    const Tensor queries = broadcast_to(q_(latent_), Shape{batch, latent_.size(1), latent_.size(2)});
    const Tensor y = proj_(attend(queries, kv[0], kv[1], heads_));
    if (!mlp_) return y;
    return y + fc2_(gelu(fc1_(layer_norm(y, Shape{y.size(2)}, norm_weight_, norm_bias_))));
  }
  void parts(Parts& p) override {
    p("latent", latent_);
    q_.parts(p, "q");
    kv_.parts(p, "kv");
    proj_.parts(p, "proj");
    p("norm.weight", norm_weight_);
    p("norm.bias", norm_bias_);
    fc1_.parts(p, "mlp.fc1");
    fc2_.parts(p, "mlp.fc2");
  }

 private:
  int64_t heads_;
  bool mlp_;
  Tensor latent_, norm_weight_, norm_bias_;
  Projection q_, kv_, proj_, fc1_, fc2_;
};

const auto& attention_pool2d_row =
    add_layer<AttentionPool2d>("AttentionPool2d", "The mean of each plane asks all its positions, by attention.",
                               R"({"num_heads": 2, "output_dim": 3})", {{2, 4, 2, 3}})
        .formula(
            "T = (mean, positions) + P; y = W_c concat over heads of softmax(q_0 kᵀ / √d) v + b_c, q_0 from the mean, "
            "k and v from all of T; weights and P start normal with deviation 1/√C")
        .source("Radford et al. 2021 (arXiv 2103.00020), clip/model.py")
        .pools(PoolGroup::attention,
               "at the end of an image encoder, in place of the global mean; the size of the planes is fixed");

const auto& attention_pool_latent_row =
    add_layer<AttentionPoolLatent>("AttentionPoolLatent", "Learned queries ask all positions, by attention.",
                                   R"({"latent_len": 2, "num_heads": 2, "mlp_ratio": 1.5})", {{2, 4, 2, 3}})
        .formula(
            "y = W softmax(q(S) k(T)ᵀ / √d) v(T) + b, S [latent_len, C] learned; then y + MLP(LayerNorm(y)); "
            "[N, latent_len, C]")
        .source("Lee et al. 2018 (arXiv 1810.00825), PMA; timm AttentionPoolLatent")
        .pools(PoolGroup::attention, "for sets and planes of any size: a few vectors that sum them up");
const bool attention_pool_named = add_layer_alias("PMA", "AttentionPoolLatent");

}  // namespace
}  // namespace tarn
