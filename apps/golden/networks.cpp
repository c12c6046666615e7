// Reference cases of whole networks: built from the blocks that configs use, by the names of the reference's state;
// then output, loss, every gradient, and the state after some steps of SGD.
#include "apps/config_file.h"
#include "apps/golden/compare.h"
#include "apps/golden/table.h"
#include "core/error.h"
#include "core/ops.h"
#include "core/tape.h"
#include "layers/loss.h"
#include "layers/model.h"
#include "optim/optimizer.h"

namespace tarn::golden {
namespace {

std::shared_ptr<const Blocks> builtin_blocks() {
  static const std::shared_ptr<const Blocks> blocks = [] {
    Problems problems;
    const Json root = load_config("builtin:blocks/all").root;
    auto all = std::make_shared<const Blocks>(root.at("blocks"), problems);
    problems.throw_any();
    return all;
  }();
  return blocks;
}

/// {"type": OP, …}, with the case's attributes and `more` settings.
Json block_use(const Case& c, const Json& more) {
  Json use = Json::object().set("type", c.op());
  for (const Member& attribute : c.attributes().json().members()) use.set(attribute.key, attribute.value);
  for (const Member& member : more.members()) use.set(member.key, member.value);
  return use;
}

std::unique_ptr<Model> built_model(const Case& c, const Json& more) {
  Build build;
  build.inputs = {c.input().shape()};
  build.dtype = c.dtype();
  build.classes = c.attributes().integer("classes", 0);
  build.shared->blocks = builtin_blocks();
  return make_model(block_use(c, more), build);
}

/// Every parameter and buffer, by name.
std::vector<NamedTensor> state_of(Model& model) {
  std::vector<NamedTensor> state = parameters(model);
  for (const NamedTensor& buffer : buffers(model)) state.push_back(buffer);
  return state;
}

const std::string& tensor_name(const Json& names, const std::string& name) {
  const Json* found = names.find(name);
  if (!found) throw Mismatch{"the reference has no '" + name + "'"};
  return found->as_string();
}

void load(const Case& c, Model& model) {
  const Json& names = c.json().at("state");
  const std::vector<NamedTensor> state = state_of(model);
  if (state.size() != names.size())
    throw Mismatch{text("the model has ", state.size(), " parameters and buffers, the reference ", names.size())};
  for (const NamedTensor& t : state) {
    const Tensor& value = c.group().tensor(tensor_name(names, t.name));
    if (value.shape() != t.tensor->shape())
      throw Mismatch{text(t.name, " is ", t.tensor->shape(), ", in the reference ", value.shape())};
    assign(*t.tensor, value.to(t.tensor->dtype()));
  }
}

/// Runs the case's network through its checks, one after the other.
class Training {
 public:
  Training(Case& c, const Json& more) : case_(c), tolerance_(c.tolerance()), model_(built_model(c, more)) {
    const Json& loss = c.json().at("loss");
    const bool classify = loss.at("type").as_string() == "cross_entropy";
    Json config = Json::object().set("type", classify ? "CrossEntropyLoss" : "MSELoss");
    config.set("reduction", loss.at("reduction"));
    loss_ = make_loss(config, c.attributes().integer("classes", 0));
    target_ = c.group().tensor(loss.at("target"));
    load(c, *model_);
  }

  void check_first_pass() {
    Tape tape;
    Context context;
    context.update_buffers = false;
    const Tensor y = model_->forward(case_.input(), context);
    compare("output", y, case_.tensors("outputs").at(0), tolerance_);
    const Tensor loss = loss_->value(y, target_);
    compare("loss", loss, case_.group().tensor(case_.json().at("loss").at("value")), tolerance_);
    Tensors wrt{case_.input()};
    const std::vector<NamedTensor> named = parameters(*model_);
    for (const NamedTensor& p : named) wrt.push_back(*p.tensor);
    const Tensors gradients = tape.gradient(loss, wrt);
    compare("gradient of the input", gradients[0], case_.tensors("grad_inputs").at(0), tolerance_);
    for (size_t i = 0; i < named.size(); ++i)
      compare("gradient of " + named[i].name, gradients[i + 1],
              case_.group().tensor(tensor_name(case_.json().at("grad_params"), named[i].name)), tolerance_);
  }

  void check_steps() {
    const Json& settings = case_.json().at("optimizer");
    Json config = Json::object().set("type", "SGD");
    for (const char* key : {"lr", "momentum", "weight_decay"}) config.set(key, settings.at(key));
    const auto optimizer = make_optimizer(config, parameters(*model_));
    std::vector<double> losses;
    for (int64_t t = 0; t < case_.json().at("steps").as_integer(); ++t) losses.push_back(step(*optimizer));
    const Tensor& expected = case_.group().tensor(case_.json().at("losses"));
    compare("losses", Tensor(expected.shape(), losses).to(expected.dtype()), expected, tolerance_);
    for (const NamedTensor& t : state_of(*model_))
      compare(t.name + " after training", *t.tensor,
              case_.group().tensor(tensor_name(case_.json().at("state_after"), t.name)), tolerance_);
    Context context{.training = false};
    const NoRecord quiet;
    compare("output in evaluation", model_->forward(case_.input(), context),
            case_.group().tensor(case_.json().at("eval_output")), tolerance_);
  }

 private:
  double step(Optimizer& optimizer) {
    Tape tape;
    Context context;
    const Tensor loss = loss_->value(model_->forward(case_.input(), context), target_);
    Tensors wrt;
    for (const NamedTensor& p : parameters(*model_)) wrt.push_back(*p.tensor);
    const Tensors gradients = tape.gradient(loss, wrt);
    const double value = loss.item();
    optimizer.step(gradients);
    return value;
  }

  Case& case_;
  Tolerance tolerance_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Loss> loss_;
  Tensor target_;
};

Row network(const char* op, const char* more = "{}") {
  const Json settings = parse_json(more, op);
  return {op,
          [settings](Case& c) {
            Context context;
            return Tensors{built_model(c, settings)->forward(c.input(), context)};
          },
          [settings](Case& c) {
            Training training(c, settings);
            training.check_first_pass();
            training.check_steps();
          }};
}

const Rows network_rows{
    network("SimpleNet"),
    network("SELayer"),
    network("SqueezeAndExcite"),
    network("SKConv"),
    network("MPMBlock", R"({"variant": "seed"})"),
    network("StripPooling"),
    network("PPM"),
    network("ResNetToy"),
    network("KeyPointsModel"),
    network("KpClassify"),
    network("HRExchange"),
};

}  // namespace
}  // namespace tarn::golden
