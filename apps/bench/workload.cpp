// The named workloads, and what one step of them does.
#include "apps/bench/workload.h"

#include "core/error.h"
#include "core/ops.h"
#include "core/profile.h"
#include "core/tape.h"
#include "layers/model.h"
#include "layers/module.h"
#include "optim/optimizer.h"

namespace tarn {
namespace {

const Shape pooled_images{32, 64, 56, 56};

Stream stream_of(const char* purpose) {
  return Stream{0, purpose_of(purpose), 0};
}

void add_cost(Cost* cost, const Tape& tape) {
  if (!cost) return;
  const Cost more = cost_of(tape);
  cost->flops += more.flops;
  cost->bytes += more.bytes;
}

Tensor random_classes(int64_t n, int64_t classes) {
  std::vector<int64_t> labels(static_cast<size_t>(n));
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = stream_of("bench/labels").below(i, classes);
  return Tensor({n}, labels);
}

Tensor random_input(const LayerInfo* layer, const Shape& shape, size_t which) {
  const Stream stream{0, purpose_of("bench/input"), which};
  const bool labels = layer && layer->labels.contains(which);
  return labels ? draw_labels(shape, layer->labels.at(which), stream) : normal(shape, stream);
}

Json optimizer_config(const char* type, double lr, double momentum = 0) {
  Json config = Json::object();
  config.set("type", type);
  config.set("lr", lr);
  if (momentum > 0) config.set("momentum", momentum);
  return config;
}

std::shared_ptr<Model> built_model(const Json& list, const Shape& input) {
  Build build;
  build.inputs = {input};
  return std::make_shared<Model>(list, build);
}

/// One step of training with a loss of the model's output.
template <class LossOf>
Step step_of(std::shared_ptr<Model> model, const Json& optimizer_json, Tensor x, LossOf loss_of,
             int64_t checkpoints = 0) {
  std::shared_ptr<Optimizer> optimizer = make_optimizer(optimizer_json, parameters(*model));
  return [=, context = Context{.checkpoints = checkpoints}](Cost* cost) mutable {
    ++context.step;
    context.draws = 0;
    Tape tape;
    const Tensor loss = loss_of(model->forward(x, context));
    add_cost(cost, tape);
    optimizer->step(tape.gradient(loss, optimizer->parameters()));
    Profile::lap("update");
  };
}

Workload training(const char* name, const char* model, const Shape& input, const char* optimizer = "Adam") {
  return {name, [=] {
            const bool adam = std::string_view(optimizer) == "Adam";
            return training_step(bench_model(model), input, 10,
                                 optimizer_config(optimizer, adam ? 1e-3 : 1e-2, adam ? 0 : 0.9));
          }};
}

Workload kernel(const char* name, const char* layer, const Shape& input) {
  return {name, [=] { return layer_step(parse_json(layer, name), {input}); }};
}

/// A batch of one through a small network: what a step costs where nothing is large.
Step tiny_mlp_step() {
  const Tensor y = normal({1, 1}, stream_of("bench/target"));
  return step_of(built_model(bench_model("tiny_mlp"), {1, 2}), optimizer_config("SGD", 0.01),
                 normal({1, 2}, stream_of("bench/input")), [y](const Tensor& out) { return mse_loss(out, y); });
}

/// 10,000 dependent multiplications of a scalar: the cost of one recorded operation, nothing else.
Step scalar_chain_step() {
  const Tensor x = normal({}, stream_of("bench/input")).requires_grad();
  return [x](Cost* cost) {
    Tape tape;
    Tensor y = x;
    for (int i = 0; i < 10000; ++i) y = y * 1.0001;
    add_cost(cost, tape);
    tape.gradient(y, x);
  };
}

}  // namespace

Step layer_step(const Json& layer, const std::vector<Shape>& inputs) {
  const Json* type = layer.is_object() ? layer.find("type") : nullptr;
  const LayerInfo* info = find_layer(layer.is_string()           ? layer.as_string()
                                     : type && type->is_string() ? type->as_string()
                                                                 : "");
  Build build;
  build.inputs = inputs;
  if (info && info->labels.contains(0)) build.input = Dtype::i64;
  const std::shared_ptr<Module> module =
      layer.is_array() ? std::make_shared<Model>(layer, build) : std::shared_ptr<Module>(make_layer(layer, build));
  Tensors x, wrt;
  for (const Shape& shape : inputs) {
    x.push_back(random_input(info, shape, x.size()));
    if (x.back().floating()) wrt.push_back(x.back() = x.back().requires_grad());
  }
  for (const NamedTensor& part : parameters(*module)) wrt.push_back(*part.tensor);
  Context context;
  const Tensor first = module->apply(x, context)[0];
  const Tensor ones = Tensor::ones(first.shape(), first.dtype());
  return [=](Cost* cost) mutable {
    ++context.step;
    context.draws = 0;
    Tape tape;
    const Tensor y = module->apply(x, context)[0];
    add_cost(cost, tape);
    tape.gradient(y, wrt, {.allow_unused = true, .seed = ones});
  };
}

Step training_step(const Json& model, const Shape& input, int64_t classes, const Json& optimizer) {
  const Tensor labels = random_classes(input.rank() ? input[0] : 1, classes);
  return step_of(built_model(model, input), optimizer, normal(input, stream_of("bench/input")),
                 [labels](const Tensor& out) { return cross_entropy(out, labels); });
}

Step experiment_step(const Experiment& experiment, int64_t batch) {
  const Data data = load_data(experiment);
  if (batch == 0) batch = data.batching.batch_size;
  std::vector<int64_t> sizes{batch};
  sizes.insert(sizes.end(), data.input.begin(), data.input.end());
  const Tensor x = normal(Shape{std::span<const int64_t>(sizes)}, stream_of("bench/input"));
  const std::shared_ptr<Loss> loss = make_loss(experiment.loss, data.classes);
  const bool classes = data.task == Task::classification;
  const Tensor y = classes ? random_classes(batch, data.classes) : data.some_targets(batch);
  return step_of(
      build_model(experiment, data), experiment.optimizer, x,
      [loss, y](const Tensor& out) { return loss->value(out, y); }, experiment.train.checkpoint);
}

std::vector<Workload> workloads() {
  return {
      {"overhead/tiny_mlp_b1", tiny_mlp_step},
      {"overhead/scalar_chain_10k", scalar_chain_step},
      training("train/digits_cnn_b32", "digits_cnn", {32, 1, 8, 8}),
      training("train/mlp_784_b128", "mlp", {128, 1, 28, 28}),
      training("train/lenet_mnist_b64", "lenet", {64, 1, 28, 28}),
      training("train/simplenet_b10", "simplenet", {10, 3, 32, 32}),
      training("train/simplenet_b128", "simplenet", {128, 3, 32, 32}),
      training("train/resnet20_cifar_b64", "resnet20", {64, 3, 32, 32}, "SGD"),
      training("train/resnet18_cifar_b32", "resnet18", {32, 3, 32, 32}, "SGD"),
      training("train/se_64_b32", "se", {32, 64, 32, 32}),
      training("train/sk_64_b32", "sk", {32, 64, 32, 32}),
      training("train/mpm_64_b16", "mpm", {16, 64, 32, 32}),
      training("train/vggblock_64_b16", "vggblock", {16, 64, 56, 56}),
      kernel("pool/max2d_k2s2", R"({"type": "MaxPool2d", "kernel_size": 2, "stride": 2})", pooled_images),
      kernel("pool/max2d_k3s2p1", R"({"type": "MaxPool2d", "kernel_size": 3, "stride": 2, "padding": 1})",
             pooled_images),
      kernel("pool/avg2d_k2s2", R"({"type": "AvgPool2d", "kernel_size": 2, "stride": 2})", pooled_images),
      kernel("pool/avg2d_k3s2p1", R"({"type": "AvgPool2d", "kernel_size": 3, "stride": 2, "padding": 1})",
             pooled_images),
      kernel("pool/adaptive_avg2d_7", R"({"type": "AdaptiveAvgPool2d", "output_size": 7})", pooled_images),
      kernel("pool/adaptive_max2d_7", R"({"type": "AdaptiveMaxPool2d", "output_size": 7})", pooled_images),
      kernel("pool/global_avg2d", R"({"type": "AdaptiveAvgPool2d", "output_size": 1})", pooled_images),
      kernel("pool/lp2d_p2_k2s2", R"({"type": "LPPool2d", "norm_type": 2, "kernel_size": 2})", pooled_images),
      kernel("pool/max_unpool2d", R"([{"name": "pool", "type": "MaxPool2d", "kernel_size": 2, "return_indices": true},
                                      {"type": "MaxUnpool2d", "kernel_size": 2, "from": ["pool", "pool.indices"]}])",
             pooled_images),
      kernel("pool/fractional_max2d", R"({"type": "FractionalMaxPool2d", "kernel_size": 2, "output_ratio": 0.7})",
             pooled_images),
      kernel("pool/max3d_k2s2", R"({"type": "MaxPool3d", "kernel_size": 2, "stride": 2})", {8, 32, 16, 32, 32}),
      kernel("pool/avg3d_k2s2", R"({"type": "AvgPool3d", "kernel_size": 2, "stride": 2})", {8, 32, 16, 32, 32}),
      kernel("pool/max1d_k2s2", R"({"type": "MaxPool1d", "kernel_size": 2, "stride": 2})", {32, 64, 3136}),
      kernel("op/conv2d_64_3x3_56_b16", R"({"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 1})",
             {16, 64, 56, 56}),
      kernel("op/batchnorm2d_64_56_b32", R"("BatchNorm2d")", pooled_images),
      kernel("op/relu", R"("ReLU")", pooled_images),
      kernel("op/linear_1024_b256", R"({"type": "Linear", "out_features": 1024})", {256, 1024}),
      kernel("op/softmax_1000_b256", R"({"type": "Softmax", "dim": 1})", {256, 1000}),
  };
}

}  // namespace tarn
