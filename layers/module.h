// Layers: what one is, how it is built from a config, how it names its parts, and the registry that knows them all.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/random.h"
#include "core/tensor.h"

namespace tarn {

class Module;

/// What a forward pass carries: the mode, and where its random numbers come from. There is no other hidden state.
struct Context {
  bool training = true;
  uint64_t seed = 0;
  uint64_t step = 0;
  uint64_t draws = 0;  ///< random layers met so far in this pass

  /// A stream of its own for each random layer that a pass meets: the same seed, step and place give the same bits.
  Stream stream();
};

/// Visits the parts of a module once each; saving, loading, counting, freezing and training are made from it. An
/// undefined tensor is a part that this module does not have (a bias switched off) and is skipped.
class Parts {
 public:
  virtual ~Parts() = default;
  void operator()(std::string_view name, Tensor& parameter) { visit_parameter(name, parameter); }
  void buffer(std::string_view name, Tensor& value) { visit_buffer(name, value); }
  void operator()(std::string_view name, Module& child) { visit_child(name, child); }

 protected:
  virtual void visit_parameter(std::string_view name, Tensor& parameter) = 0;
  virtual void visit_buffer(std::string_view name, Tensor& value) = 0;
  virtual void visit_child(std::string_view name, Module& child) = 0;
};

/// A layer or a composition of layers.
class Module {
 public:
  virtual ~Module() = default;
  /// One input, one output. A layer overrides this or `apply`.
  virtual Tensor forward(const Tensor& x, Context& context);
  /// Several inputs or outputs; the outputs are in the order of `outputs()`.
  virtual Tensors apply(const Tensors& inputs, Context& context);
  /// Names of the outputs after the first: {"indices"} for a max pooling that was asked for them.
  virtual std::vector<std::string> outputs() const { return {}; }
  virtual void parts(Parts&) {}
  /// Multiply-adds for one call with these input and output shapes; 0 where they do not count.
  virtual int64_t multiply_adds(const std::vector<Shape>& inputs, const Shape& output) const;
};

/// What a layer is told when it is built.
struct Build {
  std::vector<Shape> inputs;  ///< shapes of the inputs; the batch dimension may be 0
  std::string path;           ///< names from the model down to this layer: "stage1.conv2"
  uint64_t seed = 0;          ///< of the initial values
  Dtype dtype = Dtype::f32;
  int64_t classes = 0;         ///< of the data; 0: not known
  bool allocate_only = false;  ///< parameters need shapes but no values (checking a config)

  /// Shape of the first input; throws where there is none.
  const Shape& input() const;
  /// Size of dimension 1 of the first input, for `in_channels` and its kin; `given` (0: left out) must agree with it.
  int64_t channels(const char* field, int64_t given, int dimension = 1) const;
  /// Random numbers for the initial value of one parameter.
  Stream stream(std::string_view parameter) const;
  /// The same for a child of this module with other inputs.
  Build child(std::string_view name, std::vector<Shape> child_inputs) const;
};

/// A row of the layer registry.
struct LayerInfo {
  std::string name, doc;
  std::function<std::unique_ptr<Module>(const Json& config, Build&)> make;  ///< reads the config, throws located errors
  ConfigInfo config;          ///< fields, defaults, schema and checking, without building
  std::string sample_config;  ///< JSON text without "type"
  std::vector<Shape> sample_inputs;
  int inputs_min = 1, inputs_max = 1;  ///< how many inputs it takes; -1: any number
  std::string formula_text, source_text;
  bool random = false;

  LayerInfo& formula(std::string text);
  LayerInfo& source(std::string text);
  LayerInfo& takes(int least, int most);
  LayerInfo& draws_random_numbers();
};

LayerInfo& add_layer_row(LayerInfo row);

/// Registers layer L, which has a `Config` struct and a constructor L(Config, Build&): call it at namespace scope in
/// L's own file. The sample config and inputs are what tests, benchmark and manual use.
template <class L>
LayerInfo& add_layer(std::string name, std::string doc, std::string sample_config, std::vector<Shape> sample_inputs) {
  LayerInfo row;
  row.name = std::move(name);
  row.doc = std::move(doc);
  row.sample_config = std::move(sample_config);
  row.sample_inputs = std::move(sample_inputs);
  row.config = config_info<typename L::Config>();
  row.make = [](const Json& json, Build& build) -> std::unique_ptr<Module> {
    return std::make_unique<L>(read_registered<typename L::Config>(json), build);
  };
  return add_layer_row(std::move(row));
}

const LayerInfo* find_layer(std::string_view name);
std::vector<const LayerInfo*> all_layers();
std::vector<std::string> layer_names();
/// Builds the layer that `json` describes: an object with "type", or just the name. Throws located errors.
std::unique_ptr<Module> make_layer(const Json& json, Build& build);

/// One named tensor of a module, by the path of names: "conv1.weight".
struct NamedTensor {
  std::string name;
  Tensor* tensor;
};
/// All parameters in order of their parts; those that are shared appear once.
std::vector<NamedTensor> parameters(Module& module);
std::vector<NamedTensor> buffers(Module& module);
int64_t parameter_count(Module& module);
/// Converts every parameter and floating buffer.
void convert(Module& module, Dtype dtype);

}  // namespace tarn
