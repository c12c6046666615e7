// The rows of PyTorch's initialisers.
#include "layers/init.h"
#include "layers/initializer.h"

namespace tarn {
namespace {

struct Uniform {
  double a = 0;
  double b = 1;
  void fields(Fields& f) {
    f("a", a, "least value");
    f("b", b, "upper end, itself not drawn");
  }
  Tensor operator()(const Shape& shape, const Stream& stream, Dtype dtype) const {
    return init::uniform(shape, stream, a, b, dtype);
  }
};

struct Normal {
  double mean = 0;
  double std = 1;
  void fields(Fields& f) {
    f("mean", mean, "mean");
    f("std", std, "standard deviation", {.lo = 0});
  }
  Tensor operator()(const Shape& shape, const Stream& stream, Dtype dtype) const {
    return init::normal(shape, stream, mean, std, dtype);
  }
};

struct TruncNormal {
  double mean = 0;
  double std = 1;
  double a = -2;
  double b = 2;
  void fields(Fields& f) {
    f("mean", mean, "mean before cutting off");
    f("std", std, "standard deviation before cutting off", {.lo = 0, .lo_open = true});
    f("a", a, "least value");
    f("b", b, "greatest value");
  }
  Tensor operator()(const Shape& shape, const Stream& stream, Dtype dtype) const {
    return init::trunc_normal(shape, stream, mean, std, a, b, dtype);
  }
};

struct Constant {
  double val = 0;
  void fields(Fields& f) { f("val", val, "the value of every element", {.required = true}); }
  Tensor operator()(const Shape& shape, const Stream&, Dtype dtype) const { return Tensor::full(shape, val, dtype); }
};

/// zeros and ones.
template <int value>
struct Fixed {
  void fields(Fields&) {}
  Tensor operator()(const Shape& shape, const Stream&, Dtype dtype) const { return Tensor::full(shape, value, dtype); }
};

struct Eye {
  void fields(Fields&) {}
  Tensor operator()(const Shape& shape, const Stream&, Dtype dtype) const { return init::eye(shape, dtype); }
};

struct Dirac {
  int64_t groups = 1;
  void fields(Fields& f) { f("groups", groups, "groups of the convolution", {.lo = 1}); }
  Tensor operator()(const Shape& shape, const Stream&, Dtype dtype) const { return init::dirac(shape, groups, dtype); }
};

/// Those that a gain scales.
template <Tensor (*draw)(const Shape&, const Stream&, double, Dtype)>
struct Scaled {
  double gain = 1;
  void fields(Fields& f) { f("gain", gain, "factor"); }
  Tensor operator()(const Shape& shape, const Stream& stream, Dtype dtype) const {
    return draw(shape, stream, gain, dtype);
  }
};

template <Tensor (*draw)(const Shape&, const Stream&, const init::Kaiming&, Dtype)>
struct KaimingSettings {
  init::Kaiming options;
  void fields(Fields& f) {
    f("a", options.a, "negative slope of the leaky_relu that follows");
    f("mode", options.mode, "keep the variance of values (fan_in) or of gradients (fan_out)",
      {.choices = {"fan_in", "fan_out"}});
    f("nonlinearity", options.nonlinearity, "what follows the layer");
  }
  Tensor operator()(const Shape& shape, const Stream& stream, Dtype dtype) const {
    return draw(shape, stream, options, dtype);
  }
};

struct Sparse {
  double sparsity = 0.1;
  double std = 0.01;
  void fields(Fields& f) {
    f("sparsity", sparsity, "share of zeros in every column", {.lo = 0, .hi = 1, .required = true});
    f("std", std, "standard deviation of the others", {.lo = 0});
  }
  Tensor operator()(const Shape& shape, const Stream& stream, Dtype dtype) const {
    return init::sparse(shape, stream, sparsity, std, dtype);
  }
};

const auto& uniform_row = add_initializer<Uniform>("uniform", "Uniform in [a, b).");
const auto& normal_row = add_initializer<Normal>("normal", "Normal.");
const auto& trunc_normal_row = add_initializer<TruncNormal>("trunc_normal", "Normal, cut off outside [a, b].");
const auto& constant_row = add_initializer<Constant>("constant", "One value everywhere.");
const auto& zeros_row = add_initializer<Fixed<0>>("zeros", "Zeros.");
const auto& ones_row = add_initializer<Fixed<1>>("ones", "Ones.");
const auto& eye_row = add_initializer<Eye>("eye", "The unit matrix.");
const auto& dirac_row = add_initializer<Dirac>("dirac", "A convolution that hands its input channels on.");
const auto& xavier_uniform_row = add_initializer<Scaled<init::xavier_uniform>>(
    "xavier_uniform", "Uniform within ±gain · √(6 / (fan_in + fan_out)).");
const auto& xavier_normal_row = add_initializer<Scaled<init::xavier_normal>>(
    "xavier_normal", "Normal with deviation gain · √(2 / (fan_in + fan_out)).");
const auto& kaiming_uniform_row = add_initializer<KaimingSettings<init::kaiming_uniform>>(
    "kaiming_uniform", "Uniform within ±√3 · gain(nonlinearity) / √fan.");
const auto& kaiming_normal_row = add_initializer<KaimingSettings<init::kaiming_normal>>(
    "kaiming_normal", "Normal with deviation gain(nonlinearity) / √fan.");
const auto& orthogonal_row =
    add_initializer<Scaled<init::orthogonal>>("orthogonal", "gain times a matrix with orthonormal rows or columns.");
const auto& sparse_row = add_initializer<Sparse>("sparse", "Normal, with a share of zeros in every column.");

}  // namespace

InitializerInfo& add_initializer_row(InitializerInfo row) {
  const std::string name = row.name;
  return Registry<InitializerInfo>::all().add(name, std::move(row));
}

Initial make_initializer(const Json& json) {
  const Json& type = json.is_string() ? json : json.at("type");
  return Registry<InitializerInfo>::all().get(type.as_string(), type.where()).make(json);
}

}  // namespace tarn
