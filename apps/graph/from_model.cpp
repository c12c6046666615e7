// Walking through a model and its blocks, from the top down.
#include "apps/graph/from_model.h"

#include <algorithm>

#include "apps/model_table.h"
#include "core/error.h"

namespace tarn {

namespace {

/// A value while the model is walked through: where it comes from, and what stands on its line.
struct Wire {
  size_t node = 0;
  size_t output = 0;
  std::string label = {};
};

struct Walk {
  Graph& graph;
  int64_t depth;

  std::vector<Wire> add(const Model& model, const std::vector<Wire>& inputs, size_t group, int64_t level);

 private:
  std::vector<Wire> add_item(const ItemInfo& item, const std::vector<Wire>& inputs, size_t group, int64_t level);
};

bool is_number(const std::string& name) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
}

std::vector<std::string> facts(const ItemInfo& item) {
  std::vector<std::string> lines{item.path, item.type};
  for (const Shape& shape : item.inputs) lines.push_back("in " + sample_shape(shape));
  for (const Shape& shape : item.outputs) lines.push_back("out " + sample_shape(shape));
  if (item.parameters > 0) lines.push_back(grouped(item.parameters) + " parameters");
  if (item.multiply_adds > 0) lines.push_back(grouped(item.multiply_adds) + " multiply-adds");
  return lines;
}

GraphNode node_of(const ItemInfo& item, size_t group) {
  GraphNode node{item.name, item.type, {}, facts(item), kind_of_layer(item.type), group};
  if (item.parameters > 0) node.details.push_back(short_count(item.parameters));
  if (item.inside) {
    node.kind = GraphKind::block;
    if (node.details.empty()) node.details.push_back("no parameters");
    node.details.push_back(text(layer_count(*item.inside), " layers inside"));
  } else if (is_number(item.name)) {  // nobody named it
    node.name = item.type;
    node.type.clear();
  }
  return node;
}

/// The values of an item: the results of its block where it is opened, else its own.
std::vector<Wire> Walk::add_item(const ItemInfo& item, const std::vector<Wire>& inputs, size_t group, int64_t level) {
  if (item.inside && level < depth) {
    graph.groups.push_back({item.name, item.type, facts(item), group});
    return add(*item.inside, inputs, graph.groups.size() - 1, level + 1);
  }
  const size_t node = graph.nodes.size();
  graph.nodes.push_back(node_of(item, group));
  for (const Wire& input : inputs) graph.edges.push_back({input.node, node, input.output, input.label});
  std::vector<Wire> values;
  for (size_t k = 0; k < item.outputs.size(); ++k) {
    const bool same = k < item.inputs.size() && item.outputs[k] == item.inputs[k];
    values.push_back({node, k, same ? "" : sample_shape(item.outputs[k])});
  }
  return values;
}

std::vector<Wire> Walk::add(const Model& model, const std::vector<Wire>& inputs, size_t group, int64_t level) {
  std::vector<std::vector<Wire>> values;  // by item
  const auto wires = [&](const std::vector<ItemInfo::Read>& reads) {
    std::vector<Wire> out;
    for (const ItemInfo::Read& r : reads)
      out.push_back(r.item == ItemInfo::Read::input ? inputs.at(r.output) : values.at(r.item).at(r.output));
    return out;
  };
  for (const ItemInfo& item : model.items()) values.push_back(add_item(item, wires(item.reads), group, level));
  return wires(model.results());
}

/// Shapes of the model's inputs, as the items that read them tell.
std::vector<Shape> input_shapes(const Model& model) {
  std::vector<Shape> shapes;
  for (const ItemInfo& item : model.items())
    for (size_t k = 0; k < item.reads.size(); ++k) {
      if (item.reads[k].item != ItemInfo::Read::input) continue;
      shapes.resize(std::max(shapes.size(), item.reads[k].output + 1));
      shapes[item.reads[k].output] = item.inputs[k];
    }
  return shapes;
}

}  // namespace

Graph model_graph(const Model& model, const std::string& title, int64_t depth) {
  Graph graph{
      title,
      {model_summary(model), "numbers behind types are parameters; shapes of one sample stand where they change"}};
  std::vector<Wire> inputs;
  const std::vector<Shape> shapes = input_shapes(model);
  for (size_t k = 0; k < shapes.size(); ++k) {
    const std::string name = shapes.size() == 1 ? "input" : text("input ", k);
    inputs.push_back({graph.nodes.size(), 0, sample_shape(shapes[k])});
    graph.nodes.push_back({name, "", {}, {"what the model is given", sample_shape(shapes[k])}, GraphKind::input});
  }
  const std::vector<Wire> results = Walk{graph, depth}.add(model, inputs, no_group, 1);
  std::vector<std::string> facts{"the model's result"};
  for (const ItemInfo::Read& r : model.results())
    facts.push_back(sample_shape(r.item == ItemInfo::Read::input ? shapes.at(r.output)
                                                                 : model.items()[r.item].outputs.at(r.output)));
  graph.nodes.push_back({"output", "", {}, std::move(facts), GraphKind::output});
  for (const Wire& result : results)
    graph.edges.push_back({result.node, graph.nodes.size() - 1, result.output, result.label});
  return graph;
}

}  // namespace tarn
