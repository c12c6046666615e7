// The models of the training workloads, as configs.
#include <array>

#include "apps/bench/workload.h"
#include "core/error.h"

namespace tarn {
namespace {

constexpr const char* simplenet = R"([
  {"type": "Conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1}, "BatchNorm2d", "ReLU",
  {"type": "Conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1}, "BatchNorm2d", "ReLU",
  {"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 1}, "BatchNorm2d", "ReLU",
  {"type": "AdaptiveMaxPool2d", "output_size": 1}, "Flatten", {"type": "Linear", "out_features": 10},
  {"type": "LogSoftmax", "dim": 1}
])";

constexpr const char* mlp = R"([
  "Flatten",
  {"type": "Linear", "out_features": 512}, "ReLU", {"type": "Dropout", "p": 0.2},
  {"type": "Linear", "out_features": 512}, "ReLU", {"type": "Dropout", "p": 0.2},
  {"type": "Linear", "out_features": 10}
])";

constexpr const char* lenet = R"([
  {"type": "Conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1}, "ReLU",
  {"type": "MaxPool2d", "kernel_size": 2},
  {"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 1}, "ReLU",
  {"type": "MaxPool2d", "kernel_size": 2},
  "Flatten", {"type": "Linear", "out_features": 128}, "ReLU", {"type": "Dropout", "p": 0.5},
  {"type": "Linear", "out_features": 10}
])";

constexpr const char* digits_cnn = R"([
  {"type": "Conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1}, "BatchNorm2d", "ReLU",
  {"type": "MaxPool2d", "kernel_size": 2},
  {"type": "Conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1}, "BatchNorm2d", "ReLU",
  {"type": "AdaptiveMaxPool2d", "output_size": 2}, "Flatten", {"type": "Linear", "out_features": 10}
])";

constexpr const char* tiny_mlp = R"([
  {"type": "Linear", "out_features": 16}, "Tanh", {"type": "Linear", "out_features": 16}, "Tanh",
  {"type": "Linear", "out_features": 1}
])";

constexpr const char* vggblock = R"([
  {"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 1}, "ReLU",
  {"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 1}, "ReLU",
  {"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 1}, "ReLU",
  {"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 1}, "ReLU",
  {"type": "AdaptiveAvgPool2d", "output_size": 1}, "Flatten", {"type": "Linear", "out_features": 10}
])";

constexpr const char* squeeze_excite = R"([
  {"type": "AdaptiveAvgPool2d", "output_size": 1}, "Flatten",
  {"type": "Linear", "out_features": 4, "bias": false}, "ReLU",
  {"type": "Linear", "out_features": 64, "bias": false}, "Sigmoid",
  {"type": "Unflatten", "dim": 1, "sizes": [64, 1, 1]}, {"type": "Mul", "from": ["input", "-1"]},
  {"type": "AdaptiveAvgPool2d", "output_size": 1}, "Flatten", {"type": "Linear", "out_features": 10}
])";

constexpr const char* selective_kernel = R"([
  {"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 1, "groups": 32, "bias": false},
  "BatchNorm2d", {"name": "a", "type": "ReLU"},
  {"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 2, "dilation": 2, "groups": 32, "bias": false,
   "from": "input"},
  "BatchNorm2d", {"name": "b", "type": "ReLU"},
  {"type": "Add", "from": ["a", "b"]}, {"type": "AdaptiveAvgPool2d", "output_size": 1},
  {"type": "Conv2d", "out_channels": 32, "kernel_size": 1, "bias": false}, "BatchNorm2d", "ReLU",
  {"type": "Conv2d", "out_channels": 128, "kernel_size": 1, "bias": false},
  {"type": "Reshape", "sizes": [2, 64, 1, 1]}, {"name": "weights", "type": "Softmax", "dim": 1},
  {"name": "for_a", "type": "Select", "dim": 1, "index": 0, "from": "weights"},
  {"name": "for_b", "type": "Select", "dim": 1, "index": 1, "from": "weights"},
  {"name": "part_a", "type": "Mul", "from": ["a", "for_a"]}, {"name": "part_b", "type": "Mul", "from": ["b", "for_b"]},
  {"type": "Add", "from": ["part_a", "part_b"]},
  {"type": "AdaptiveAvgPool2d", "output_size": 1}, "Flatten", {"type": "Linear", "out_features": 10}
])";

constexpr const char* mixed_pooling = R"([
  {"type": "Conv2d", "out_channels": 16, "kernel_size": 1, "bias": false, "from": "input"},
  "BatchNorm2d", {"name": "square", "type": "ReLU"},
  {"type": "Conv2d", "out_channels": 16, "kernel_size": 1, "bias": false, "from": "input"},
  "BatchNorm2d", {"name": "strips", "type": "ReLU"},
  {"name": "pool20", "type": "AdaptiveAvgPool2d", "output_size": 20, "from": "square"},
  {"type": "Conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1, "bias": false, "from": "pool20"},
  {"name": "n20", "type": "BatchNorm2d"}, {"name": "up20", "type": "Interpolate", "size": [32, 32]},
  {"name": "pool12", "type": "AdaptiveAvgPool2d", "output_size": 12, "from": "square"},
  {"type": "Conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1, "bias": false, "from": "pool12"},
  {"name": "n12", "type": "BatchNorm2d"}, {"name": "up12", "type": "Interpolate", "size": [32, 32]},
  {"type": "Conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1, "bias": false, "from": "square"},
  {"name": "n32", "type": "BatchNorm2d"},
  {"type": "Add", "from": ["up20", "up12", "n32"]}, {"name": "short", "type": "ReLU"},
  {"type": "Conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1, "bias": false, "from": "short"},
  "BatchNorm2d", {"name": "short_range", "type": "ReLU"},
  {"name": "row", "type": "AdaptiveAvgPool2d", "output_size": [1, null], "from": "strips"},
  {"type": "Conv2d", "out_channels": 16, "kernel_size": [1, 3], "padding": [0, 1], "bias": false, "from": "row"},
  {"name": "nrow", "type": "BatchNorm2d"}, {"name": "rows", "type": "Interpolate", "size": [32, 32]},
  {"name": "column", "type": "AdaptiveAvgPool2d", "output_size": [null, 1], "from": "strips"},
  {"type": "Conv2d", "out_channels": 16, "kernel_size": [3, 1], "padding": [1, 0], "bias": false, "from": "column"},
  {"name": "ncolumn", "type": "BatchNorm2d"}, {"name": "columns", "type": "Interpolate", "size": [32, 32]},
  {"type": "Add", "from": ["rows", "columns"]}, {"name": "long", "type": "ReLU"},
  {"type": "Conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1, "bias": false, "from": "long"},
  "BatchNorm2d", {"name": "long_range", "type": "ReLU"},
  {"name": "both", "type": "Concat", "from": ["short_range", "long_range"]},
  {"type": "Conv2d", "out_channels": 64, "kernel_size": 1, "bias": false}, "BatchNorm2d", "ReLU",
  {"type": "Add", "from": ["-1", "input"]},
  {"type": "AdaptiveAvgPool2d", "output_size": 1}, "Flatten", {"type": "Linear", "out_features": 10}
])";

Json item(const std::string& name, const char* type) {
  Json layer = Json::object();
  layer.set("name", name);
  layer.set("type", type);
  return layer;
}

Json convolution(const std::string& name, int64_t out, int64_t kernel, int64_t stride) {
  Json layer = item(name, "Conv2d");
  layer.set("out_channels", out);
  layer.set("kernel_size", kernel);
  layer.set("stride", stride);
  layer.set("padding", kernel / 2);
  layer.set("bias", false);
  return layer;
}

/// conv, norm, relu, conv, norm, plus the input (through a 1×1 convolution where sizes change), relu.
void add_basic_block(Json& model, const std::string& name, const std::string& input, int64_t in, int64_t out,
                     int64_t stride) {
  Json first = convolution(name + ".c1", out, 3, stride);
  first.set("from", input);
  model.push(std::move(first));
  model.push(item(name + ".b1", "BatchNorm2d"));
  model.push(item(name + ".r1", "ReLU"));
  model.push(convolution(name + ".c2", out, 3, 1));
  model.push(item(name + ".b2", "BatchNorm2d"));
  const bool same = stride == 1 && in == out;
  if (!same) {
    Json shortcut = convolution(name + ".d.0", out, 1, stride);
    shortcut.set("from", input);
    model.push(std::move(shortcut));
    model.push(item(name + ".d.1", "BatchNorm2d"));
  }
  Json sum = item(name + ".sum", "Add");
  Json from = Json::array();
  from.push(name + ".b2");
  from.push(same ? input : name + ".d.1");
  sum.set("from", std::move(from));
  model.push(std::move(sum));
  model.push(item(name, "ReLU"));
}

/// A residual network for small images; each stage after the first halves them.
Json resnet(const std::vector<int64_t>& widths, int64_t blocks) {
  Json model = Json::array();
  model.push(convolution("conv", widths[0], 3, 1));
  model.push(item("norm", "BatchNorm2d"));
  model.push(item("stem", "ReLU"));
  std::string input = "stem";
  int64_t in = widths[0];
  for (size_t stage = 0; stage < widths.size(); ++stage)
    for (int64_t block = 0; block < blocks; ++block) {
      const std::string name = text("stage", stage, "_", block);
      add_basic_block(model, name, input, in, widths[stage], stage > 0 && block == 0 ? 2 : 1);
      input = name;
      in = widths[stage];
    }
  Json pool = item("pool", "AdaptiveAvgPool2d");
  pool.set("output_size", 1);
  model.push(std::move(pool));
  model.push(item("flat", "Flatten"));
  Json head = item("head", "Linear");
  head.set("out_features", 10);
  model.push(std::move(head));
  return model;
}

}  // namespace

Json bench_model(const std::string& name) {
  if (name == "resnet20") return resnet({16, 32, 64}, 3);
  if (name == "resnet18") return resnet({64, 128, 256, 512}, 2);
  const std::array<std::pair<const char*, const char*>, 9> written{{{"simplenet", simplenet},
                                                                    {"mlp", mlp},
                                                                    {"lenet", lenet},
                                                                    {"digits_cnn", digits_cnn},
                                                                    {"tiny_mlp", tiny_mlp},
                                                                    {"vggblock", vggblock},
                                                                    {"se", squeeze_excite},
                                                                    {"sk", selective_kernel},
                                                                    {"mpm", mixed_pooling}}};
  for (const auto& [known, json] : written)
    if (name == known) return parse_json(json, name);
  fail("bench: unknown model ", quote(name));
}

}  // namespace tarn
