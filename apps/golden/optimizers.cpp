// Reference cases of optimizers: whole trajectories, states, and gradient clipping.
#include "apps/golden/compare.h"
#include "apps/golden/layer.h"
#include "apps/golden/table.h"
#include "core/error.h"
#include "core/ops.h"
#include "optim/optimizer.h"

namespace tarn::golden {
namespace {

/// The config of the case's optimizer; its parameters are called p0, p1, …
Json optimizer_config(const Case& c, const std::string& type) {
  Json config = layer_config(c);
  config.set("type", type);
  const Json* groups = c.json().find("param_groups");
  if (!groups || groups->is_null()) return config;
  Json list = Json::array();
  for (const Json& group : groups->items()) {
    Json entry = group;
    Json names = Json::array();
    for (const Json& index : group.at("params").items()) names.push(text("p", index.as_integer()));
    entry.set("params", std::move(names));
    list.push(std::move(entry));
  }
  config.set("groups", std::move(list));
  return config;
}

/// Copies of the case's parameters, for an optimizer to change; two elements where the case lists none.
struct Trained {
  Tensors tensors;
  std::vector<NamedTensor> names() {
    std::vector<NamedTensor> list;
    for (size_t i = 0; i < tensors.size(); ++i) list.push_back({text("p", i), &tensors[i]});
    return list;
  }
};

Trained trained(const Case& c) {
  Trained result;
  for (const Role& role : c.params()) result.tensors.push_back(role.tensor.clone());
  if (result.tensors.empty()) result.tensors.push_back(Tensor::ones({2}, c.dtype()));
  return result;
}

std::unique_ptr<Optimizer> built_optimizer(const Case& c, const std::string& type, Trained& trained) {
  if (!Registry<OptimizerInfo>::all().find(type)) throw Skip{"no optimizer " + type};
  return make_optimizer(optimizer_config(c, type), trained.names());
}

Call optimizer(const std::string& type) {
  return [type](Case& c) {
    Trained parameters = trained(c);
    built_optimizer(c, type, parameters);
    return Tensors{};
  };
}

/// Row `t` of each gradient, undefined where the parameter has none at that step.
Tensors gradients_at(const Case& c, const Tensors& gradients, int64_t t) {
  Tensors row;
  const Json* present = c.json().find("grad_present");
  for (size_t i = 0; i < gradients.size(); ++i) {
    const bool there =
        !present || present->is_null() || present->items().at(i).items().at(static_cast<size_t>(t)).as_integer() != 0;
    row.push_back(there ? select(gradients[i], 0, t) : Tensor());
  }
  return row;
}

void compare_state(const Case& c, const Optimizer& optimizer, Tolerance tolerance) {
  const Json* expected = c.json().find("state_after");
  if (!expected || expected->is_null()) return;
  tolerance.any_dtype = true;  // the reference counts steps in floating point
  const NamedValues state = optimizer.state();
  for (const Member& entry : expected->members()) {
    const Tensor want = c.group().tensor(entry.value);
    Tensor got;
    for (const auto& [name, value] : state)
      if (name == "p" + entry.key) got = value;
    if (!got.defined()) throw Mismatch{"no state " + entry.key};
    if (want.numel() == 1 && got.numel() == 1) got = reshape(got, want.shape());
    compare("state " + entry.key, got, want, tolerance);
  }
}

Check trajectory(const std::string& type) {
  return [type](Case& c) {
    Trained parameters = trained(c);
    const std::unique_ptr<Optimizer> optimizer = built_optimizer(c, type, parameters);
    const Tolerance tolerance{read_number(c.json().at("tolerance").at("rtol")),
                              read_number(c.json().at("tolerance").at("atol"))};
    const Tensors gradients = c.tensors("grads");
    const Tensors after = c.tensors("params_after");
    for (int64_t t = 0; t < c.json().at("steps").as_integer(); ++t) {
      optimizer->step(gradients_at(c, gradients, t));
      for (size_t i = 0; i < after.size(); ++i)
        compare(text("parameter ", i, " after step ", t), parameters.tensors[i], select(after[i], 0, t), tolerance);
    }
    compare_state(c, *optimizer, tolerance);
  };
}

Row optimizer_row(const char* op, const char* type) {
  return {op, optimizer(type), trajectory(type)};
}

const Rows optimizer_rows{
    optimizer_row("sgd", "SGD"),         optimizer_row("adam", "Adam"),       optimizer_row("adamw", "AdamW"),
    optimizer_row("rmsprop", "RMSprop"), optimizer_row("adagrad", "Adagrad"), optimizer_row("adadelta", "Adadelta"),
    optimizer_row("adamax", "Adamax"),   optimizer_row("nadam", "NAdam"),     optimizer_row("radam", "RAdam"),
    optimizer_row("rprop", "Rprop"),     optimizer_row("asgd", "ASGD"),
};

const Rows clipping_rows{
    {"clip_grad_norm",
     [](Case& c) {
       Tensors gradients;
       for (const Tensor& g : c.inputs()) gradients.push_back(g.clone());
       const Attributes& a = c.attributes();
       const double norm_before = clip_grad_norm(gradients, a.number("max_norm"), a.number("norm_type", 2));
       gradients.insert(gradients.begin(), Tensor::full({}, norm_before, c.dtype()));
       return gradients;
     }},
    {"clip_grad_value",
     [](Case& c) {
       Tensors gradients;
       for (const Tensor& g : c.inputs()) gradients.push_back(g.clone());
       clip_grad_value(gradients, c.attributes().number("clip_value"));
       return gradients;
     }},
};

}  // namespace
}  // namespace tarn::golden
