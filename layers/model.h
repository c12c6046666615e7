// The model: a graph of layers made from a list of config items, each of which reads earlier ones.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layers/blocks.h"
#include "layers/module.h"

namespace tarn {

/// What a model says of one of its items. Shapes and counts are for one sample: a batch dimension is written as 1.
struct ItemInfo {
  /// One thing that an item reads.
  struct Read {
    size_t item;    ///< of the same model; `input` for what the model itself was given
    size_t output;  ///< which of that item's outputs, or of the model's inputs
    static constexpr size_t input = SIZE_MAX;
  };
  std::string name;
  std::string path;  ///< with the names of the models around it: "stage1.conv2"
  std::string type;
  std::vector<Shape> inputs;
  std::vector<Shape> outputs;  ///< the first, then second outputs such as "indices"
  int64_t parameters = 0;      ///< elements of its own parameters; 0 where it shares an earlier item's
  int64_t multiply_adds = 0;
  std::vector<Read> reads = {};
  const Model* inside = nullptr;  ///< the list that a block or a Sequential is
};

/// A list of layers, run from the top down. Each item is a layer's or a block's config, or its bare name, with keys
/// more:
///   "name": what others call it and its parameters' prefix (default: its position);
///   "from": the item, or list of items, it reads (default: the one before it); "input" is the model's input, "-1" the
///           item before, "pool.indices" a second output, "branch*" all earlier items of such a name;
///   "size_of": one more item that it reads, for its size;
///   "shared": an earlier item of the same type whose parameters, and whatever settings are left out, it uses again;
///   "init": other initial values, by part: {"weight": "xavier_uniform"};
///   "when": an expression; where it is false the item is left out.
/// {"for": "i", "in": LIST, "body": [ITEM, …]} stands for the items of the body, once for each value. Any setting may
/// be an expression, "=channels // 2", and names may hold some in braces, "branch{i}".
/// An item that nobody reads is an error, unless it is a result: the last one, or those that a block's "outputs" name.
class Model : public Module {
 public:
  /// Builds every item and finds its shapes by running it on an empty batch. Throws located errors.
  Model(const Json& list, const Build& build);
  /// A block with these values of its parameters.
  Model(const BlockDefinition& block, const Json& values, const Build& build);
  ~Model() override;

  Tensor forward(const Tensor& x, Context& context) override;
  Tensors apply(const Tensors& inputs, Context& context) override;
  std::vector<std::string> outputs() const override;
  std::string first_output() const override;
  void parts(Parts& parts) override;
  int64_t multiply_adds(const std::vector<Shape>& inputs, const Shape& output) const override;
  const Model* inside() const override { return this; }

  const std::vector<ItemInfo>& items() const { return infos_; }
  /// What the model's inputs are called.
  const std::vector<std::string>& input_names() const { return input_names_; }
  /// Who gives the model's outputs.
  const std::vector<ItemInfo::Read>& results() const { return result_reads_; }
  /// The layer of item `i`.
  Module& layer(size_t i);
  /// Shape of the result, its batch dimension written as 1.
  const Shape& output_shape() const { return output_shape_; }

 private:
  struct Step;
  struct Builder;
  struct Cut;
  void build(const Json& list, const Json& outputs, const Build& build);
  void find_last_reads();
  void run(const Step& step, std::vector<Tensor>& slots, Context& context) const;
  Cut cut_between(size_t first, size_t last) const;
  void run_segment(const Cut& cut, std::vector<Tensor>& slots, Context& context) const;
  void run_segments(std::vector<Tensor>& slots, Context& context) const;
  void run_all(std::vector<Tensor>& slots, Context& context) const;

  std::vector<Step> steps_;
  std::vector<ItemInfo> infos_;
  std::vector<std::string> input_names_{"input"};
  size_t slot_count_ = 1;                  // the model's inputs, then the outputs of all steps
  std::vector<size_t> result_slots_;       // the model's outputs
  std::vector<std::string> result_names_;  // of all outputs; the first may be empty
  std::vector<ItemInfo::Read> result_reads_;
  Shape output_shape_;
};

/// The model of a config: a list of layers, or the use of one of `build.shared->blocks`, which is then the model.
std::unique_ptr<Model> make_model(const Json& model, const Build& build);

/// Checks a model without building it: types, settings, expressions, initialisers, and those of nested lists. All
/// mistakes are added to `problems`. Returns it with every default written out; expressions stay as they are.
Json resolve_model(const Json& model, const Blocks& blocks, Problems& problems);
/// The same of a section "blocks".
Json resolve_blocks(const Json& section, const Blocks& blocks, Problems& problems);

}  // namespace tarn
