// Layers: what one is, how it is built from a config, how it names its parts, and the registry that knows them all.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/random.h"
#include "core/registry.h"
#include "core/tensor.h"

namespace tarn {

class Blocks;
class Model;
class Module;
class Variables;

/// What a forward pass carries: the mode, and where its random numbers come from. There is no other hidden state.
struct Context {
  bool training = true;
  uint64_t seed = 0;
  uint64_t step = 0;
  uint64_t draws = 0;  ///< random layers met so far in this pass
  /// Whether this pass moves running statistics; a pass that is run again for its gradients must not.
  bool update_buffers = true;
  /// The outermost model runs its items in so many checkpointed segments where a tape is open; 0 or 1: none.
  int64_t checkpoints = 0;

  /// A stream of its own for each random layer that a pass meets: the same seed, step and place give the same bits.
  Stream stream();
};

/// Visits the parts of a module once each; saving, loading, counting, freezing and training are made from it. An
/// undefined tensor is a part that this module does not have (a bias switched off) and is skipped.
class Parts {
 public:
  virtual ~Parts() = default;
  void operator()(std::string_view name, Tensor& parameter) {
    if (parameter.defined()) visit_parameter(name, parameter);
  }
  void buffer(std::string_view name, Tensor& value) {
    if (value.defined()) visit_buffer(name, value);
  }
  void operator()(std::string_view name, Module& child) { visit_child(name, child); }

 protected:
  virtual void visit_parameter(std::string_view name, Tensor& parameter) = 0;
  virtual void visit_buffer(std::string_view name, Tensor& value) = 0;
  virtual void visit_child(std::string_view name, Module& child) = 0;
};

/// A layer or a composition of layers. One thread at a time runs it.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;  // a copy would share its parameters without saying so
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;
  /// One input, one output. A layer overrides this or `apply`.
  virtual Tensor forward(const Tensor& x, Context& context);
  /// Several inputs or outputs; the first output is the one that a reader of the layer's name gets, the others follow
  /// in the order of `outputs()`.
  virtual Tensors apply(const Tensors& inputs, Context& context);
  /// Names of the outputs after the first: {"indices"} for a max pooling that was asked for them.
  virtual std::vector<std::string> outputs() const { return {}; }
  /// A name for the first output, by which it may be read besides the layer's own; empty where it has none.
  virtual std::string first_output() const { return {}; }
  virtual void parts(Parts&) {}
  /// Multiply-adds for one call with these input and output shapes; 0 where they do not count.
  virtual int64_t multiply_adds(const std::vector<Shape>& inputs, const Shape& output) const;
  /// The list of layers that this one is, where it is nothing else: for tables and pictures.
  virtual const Model* inside() const { return nullptr; }
};

/// How the initial value of a parameter is drawn.
using Initial = std::function<Tensor(const Shape& shape, const Stream& stream, Dtype dtype)>;

/// What all parts of one model share while they are built.
struct Shared {
  int64_t parameter_bytes = 0;                ///< of all parameters made so far
  int64_t items = 0;                          ///< of all lists, loops and blocks written out
  std::shared_ptr<const Blocks> blocks = {};  ///< that items may use; may be null
  bool checked = false;                       ///< what can be seen without shapes was checked already
};

/// What a layer is told when it is built.
struct Build {
  std::vector<Shape> inputs;        ///< shapes of the inputs; the batch dimension may be 0
  std::string path = {};            ///< names from the model down to this layer: "stage1.conv2"
  uint64_t seed = 0;                ///< of the initial values
  Dtype dtype = Dtype::f32;         ///< of the parameters
  std::optional<Dtype> input = {};  ///< dtype of the model's input, where it is not the parameters'
  int64_t classes = 0;              ///< of the data; 0: not known
  bool allocate_only = false;       ///< parameters need shapes but no values (checking a config)
  std::map<std::string, Initial, std::less<>> initial = {};  ///< initial values that the config asked for, by part name
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::shared_ptr<const Variables> variables = {};  ///< what expressions in lists of layers see; may be null
  int blocks_around = 0;                            ///< how many blocks this is in

  /// Shape of input `i`; throws where there is none.
  const Shape& shape(size_t i = 0) const;
  /// Size of dimension `dimension` of the first input, for `in_channels` and its kin; `given`, where it is there, must
  /// agree with it. Throws naming `field`.
  int64_t inferred(const char* field, std::optional<int64_t> given, int dimension = 1) const;
  /// A parameter with its initial value: the config's choice for `name`, or `initial_value`. Throws where it, or the
  /// model so far, is too large for this machine's memory.
  Tensor parameter(std::string_view name, const Shape& shape, const Initial& initial_value);
  /// A value that is saved with the model but not trained.
  Tensor buffer(const Shape& shape, double value, std::optional<Dtype> other = {});
  /// The same for a child of this module with other inputs.
  Build child(std::string_view name, std::vector<Shape> child_inputs) const;

 private:
  void reserve(std::string_view name, const Shape& shape) const;
};

/// A shape for messages and tables: a first dimension of size 0 is the batch's and is written N.
std::string batch_text(const Shape& shape);

/// An error that already says which layer, and which place of which file, it is about.
class LayerError : public Error {
 public:
  using Error::Error;
  LayerError(Where where, const std::string& line) : Error(line), where_(std::move(where)) {}
  /// Of the mistake, where it is known.
  const Where& where() const { return where_; }

 private:
  Where where_;
};
/// Runs `build`; an Error that does not say where it arose becomes a LayerError with the place of `json`, the layer's
/// path and its inputs.
std::unique_ptr<Module> located(const Json& json, const Build& build,
                                const std::function<std::unique_ptr<Module>()>& make);

/// The families of poolings, in the order of the manual.
enum class PoolGroup : uint8_t {
  sliding,
  adaptive,  ///< and global
  norm,
  soft,  ///< weighed by the values themselves
  random,
  rank,
  learned,
  channels,
  filter,  ///< frequencies, wavelets, blurs
  region,  ///< pyramids, strips, boxes
  second_order,
  attention,  ///< and statistics
  unpooling,
  other,
};

/// A row of the layer registry.
struct LayerInfo {
  static constexpr const char* kind = "layer";
  std::string name, doc;
  std::function<std::unique_ptr<Module>(const Json& config, Build&)> make;  ///< reads the config, throws located errors
  ConfigInfo config;          ///< fields, defaults, schema and checking, without building
  std::string sample_config;  ///< JSON text without "type"
  std::vector<Shape> sample_inputs;
  int inputs_min = 1, inputs_max = 1;  ///< how many inputs it takes; inputs_max -1: any number
  std::string formula_text, source_text;
  std::string use_text;  ///< of a pooling: when to use it
  bool is_pooling = false;
  PoolGroup group = PoolGroup::other;
  /// What the manual shows in place of the sample: a config, and a list of inputs of which null ones are made up.
  std::string shown_config, shown_inputs;
  bool random = false;          ///< draws random numbers while training
  Domain domain = Domain::any;  ///< of the sample inputs
  /// By input: the int64 values that are tried where it reads no floating numbers.
  std::map<size_t, std::vector<int64_t>> labels = {};

  std::vector<std::string> lists = {};  ///< fields that hold a list of layers, or a list of such lists

  LayerInfo& formula(std::string text);
  LayerInfo& source(std::string text);
  /// Marks a pooling, which has a page in the manual that says when to use it.
  LayerInfo& pools(PoolGroup family, std::string when);
  LayerInfo& pools(std::string when) { return pools(PoolGroup::other, std::move(when)); }
  /// Both as JSON text; an empty one leaves the choice to the manual. Inputs are nested lists, or null.
  LayerInfo& shown_with(std::string config_text, std::string inputs_text);
  LayerInfo& takes(int least, int most);
  LayerInfo& draws_random_numbers();
  LayerInfo& samples_from(Domain values);
  LayerInfo& reads_indices(int64_t below);
  LayerInfo& reads_labels(size_t input, std::vector<int64_t> values);
  LayerInfo& holds_lists(std::vector<std::string> fields);
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
    auto config = read_registered<typename L::Config>(json);
    return located(json, build, [&] { return std::make_unique<L>(std::move(config), build); });
  };
  return add_layer_row(std::move(row));
}

/// Inputs of these shapes to try the layer on: its labels, or float64 values from its domain. `variant` gives others.
Tensors sample_inputs(const LayerInfo& row, const std::vector<Shape>& shapes, uint64_t variant = 0);
/// int64 values drawn from `labels`.
Tensor draw_labels(const Shape& shape, const std::vector<int64_t>& labels, const Stream& stream);

const LayerInfo* find_layer(std::string_view name);
/// All rows, sorted by name.
std::vector<const LayerInfo*> all_layers();
std::vector<std::string> layer_names();
/// The name that a layer is registered under, where it is called by another one; else the name itself.
std::string_view own_layer_name(std::string_view name);
/// `json` as an object with "type", a bare name too, under the layer's own name. Throws located errors.
Json layer_object(const Json& json);
/// The row of the object's "type"; throws a located error that names the nearest.
const LayerInfo& layer_row(const Json& object);
/// Removes "init" from a layer's object and returns it; null where there is none.
Json take_initial(Json& object);
/// Builds the layer that `json` describes: an object with "type", or just the name. "init" chooses other initial values
/// by part name: {"weight": {"type": "kaiming_normal", "mode": "fan_out"}, "bias": "zeros"}. Throws located errors.
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
/// Converts every parameter and floating buffer. Tensors that were shared stay so.
void convert(Module& module, Dtype dtype);
/// Makes `module` use the parameters and buffers of `other`, which has the same parts with the same shapes.
void share_parts(Module& module, Module& other);

}  // namespace tarn
