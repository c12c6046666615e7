// The model: a graph of layers made from a list of config items, each of which reads earlier ones.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layers/module.h"

namespace tarn {

class Model;

/// What a model says of one of its items. Shapes and counts are for one sample: a batch dimension is written as 1.
struct ItemInfo {
  /// One value that it reads: output number `output` of an item, or, where `item` is SIZE_MAX, the model's own input of
  /// that number.
  struct Read {
    size_t item;
    size_t output;
  };
  std::string name;
  std::string path;  ///< with the names of the models around it: "stage1.conv2"
  std::string type;
  std::vector<Shape> inputs;
  std::vector<Shape> outputs;  ///< the first, then second outputs such as "indices"
  int64_t parameters = 0;      ///< elements of its own parameters; 0 where it shares an earlier item's
  int64_t multiply_adds = 0;
  std::vector<Read> reads = {};   ///< as many as `inputs`
  const Model* inside = nullptr;  ///< the model that a block is; null for a layer
};

/// A list of layers, run from the top down. Each item is a layer's config, or its bare name, with four keys more:
///   "name": what others call it and its parameters' prefix (default: its position);
///   "from": the item, or list of items, it reads (default: the one before it); "input" is the model's input, "-1" the
///           item before, "pool.indices" a second output;
///   "shared": an earlier item of the same type whose parameters, and whatever settings are left out, it uses again;
///   "init": other initial values, by part: {"weight": "xavier_uniform"}.
/// An item that nobody reads is an error, unless it is the last: its outputs are the model's.
class Model : public Module {
 public:
  /// Builds every item and finds its shapes by running it on an empty batch. Throws located errors.
  Model(const Json& list, const Build& build);
  ~Model() override;

  Tensor forward(const Tensor& x, Context& context) override;
  Tensors apply(const Tensors& inputs, Context& context) override;
  std::vector<std::string> outputs() const override;
  void parts(Parts& parts) override;
  int64_t multiply_adds(const std::vector<Shape>& inputs, const Shape& output) const override;

  const std::vector<ItemInfo>& items() const { return infos_; }
  /// The layer of item `i`.
  Module& layer(size_t i);
  /// Shape of the result, its batch dimension written as 1.
  const Shape& output_shape() const;

 private:
  struct Step;
  struct Builder;
  struct Cut;
  void run(const Step& step, std::vector<Tensor>& slots, Context& context) const;
  Cut cut_between(size_t first, size_t last) const;
  void run_segment(const Cut& cut, std::vector<Tensor>& slots, Context& context) const;
  void run_segments(std::vector<Tensor>& slots, Context& context) const;
  void run_all(std::vector<Tensor>& slots, Context& context) const;

  std::vector<Step> steps_;
  std::vector<ItemInfo> infos_;
  size_t slot_count_ = 1;  // the model's input, then the outputs of all steps
};

/// Checks a model's list of items without building it: types, settings, initialisers, and those of nested lists. All
/// mistakes are added to `problems`. Returns the list with every default written out and "=classes" replaced.
Json resolve_model(const Json& list, int64_t classes, Problems& problems);

}  // namespace tarn
