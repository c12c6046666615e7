// Layers made of layers: Sequential, Residual and Parallel.
#include "core/count.h"
#include "core/ops.h"
#include "core/tape.h"
#include "layers/model.h"

namespace tarn {
namespace {

class Sequential : public Module {
 public:
  struct Config {
    Json body;
    void fields(Fields& f) {
      f("body", body, "list of layers, as a model's; \"input\" is this layer's input",
        {.required = true, .list_of = "layers"});
    }
  };
  Sequential(const Config& c, Build& build) : body_(c.body, build) {}
  Tensor forward(const Tensor& x, Context& context) override { return body_.forward(x, context); }
  Tensors apply(const Tensors& inputs, Context& context) override { return body_.apply(inputs, context); }
  std::vector<std::string> outputs() const override { return body_.outputs(); }
  void parts(Parts& p) override { body_.parts(p); }
  const Model* inside() const override { return &body_; }
  std::string first_output() const override { return body_.first_output(); }
  int64_t multiply_adds(const std::vector<Shape>& inputs, const Shape& y) const override {
    return body_.multiply_adds(inputs, y);
  }

 private:
  Model body_;
};

class Residual : public Module {
 public:
  struct Config {
    Json body;
    Json shortcut;
    void fields(Fields& f) {
      f("body", body, "list of layers whose result is added to the input", {.required = true, .list_of = "layers"});
      f("shortcut", shortcut, "list of layers that the input passes before it is added; left out: none",
        {.list_of = "layers"});
    }
  };
  Residual(const Config& c, Build& build) : body_(c.body, build.child("body", build.inputs)) {
    Shape skipped = build.shape().with(0, 1);
    if (!c.shortcut.is_null()) {
      shortcut_ = std::make_unique<Model>(c.shortcut, build.child("shortcut", build.inputs));
      skipped = shortcut_->output_shape();
    }
    check(body_.output_shape() == skipped, "the body gives ", body_.output_shape(), ", but the ",
          shortcut_ ? "shortcut gives " : "input is ", skipped, " (for one sample)",
          shortcut_ ? "" : "; give a shortcut that changes the shape likewise");
  }
  Tensor forward(const Tensor& x, Context& context) override {
    Tensor y = scoped("body", body_, x, context);
    return y + (shortcut_ ? scoped("shortcut", *shortcut_, x, context) : x);
  }
  void parts(Parts& p) override {
    p("body", body_);
    if (shortcut_) p("shortcut", *shortcut_);
  }
  int64_t multiply_adds(const std::vector<Shape>& inputs, const Shape& y) const override {
    const int64_t own = body_.multiply_adds(inputs, y);
    return shortcut_ ? count_sum(own, shortcut_->multiply_adds(inputs, y)) : own;
  }

 private:
  static Tensor scoped(const char* name, Model& model, const Tensor& x, Context& context) {
    const Scope scope(name);
    return model.forward(x, context);
  }

  Model body_;
  std::unique_ptr<Model> shortcut_;
};

class Parallel : public Module {
 public:
  struct Config {
    Json branches;
    std::string join = "concat";
    int64_t dim = 1;
    void fields(Fields& f) {
      f("branches", branches, "lists of layers, each of which reads the input; [] is the input itself",
        {.required = true, .list_of = "lists of layers"});
      f("join", join, "how their results become one", {.choices = {"concat", "add", "mul", "stack"}});
      f("dim", dim, "dimension along which concat and stack join");
    }
  };
  Parallel(const Config& c, Build& build) : join_(c.join), dim_(c.dim) {
    check(c.branches.size() > 0, "branches is an empty list; give at least one branch");
    for (const Json& branch : c.branches.items()) {
      const bool empty = branch.is_array() && branch.size() == 0;
      const Build child = build.child(std::to_string(branches_.size()), build.inputs);
      branches_.push_back(empty ? nullptr : std::make_unique<Model>(branch, child));
    }
  }
  Tensor forward(const Tensor& x, Context& context) override {
    Tensors results;
    for (size_t i = 0; i < branches_.size(); ++i) {
      const Scope scope(std::to_string(i));
      results.push_back(branches_[i] ? branches_[i]->forward(x, context) : x);
    }
    if (join_ == "concat") return cat(results, dim_);
    if (join_ == "stack") return stack(results, dim_);
    Tensor y = results.front();
    for (size_t i = 1; i < results.size(); ++i) y = join_ == "add" ? y + results[i] : y * results[i];
    return y;
  }
  void parts(Parts& p) override {
    for (size_t i = 0; i < branches_.size(); ++i)
      if (branches_[i]) p(std::to_string(i), *branches_[i]);
  }
  int64_t multiply_adds(const std::vector<Shape>& inputs, const Shape& y) const override {
    int64_t total = 0;
    for (const auto& branch : branches_) total = branch ? count_sum(total, branch->multiply_adds(inputs, y)) : total;
    return total;
  }

 private:
  std::vector<std::unique_ptr<Model>> branches_;  // null: the input itself
  std::string join_;
  int64_t dim_;
};

const auto& sequential_row =
    add_layer<Sequential>("Sequential", "A list of layers as one layer.",
                          R"({"body": [{"type": "Linear", "out_features": 5}, "Tanh"]})", {{2, 4}})
        .holds_lists({"body"})
        .formula("y = layer_n(… layer_1(x))")
        .source("torch.nn.Sequential");
const auto& residual_row = add_layer<Residual>("Residual", "Adds the result of a list of layers to their input.",
                                               R"({"body": [{"type": "Linear", "out_features": 4}, "Tanh"]})", {{2, 4}})
                               .holds_lists({"body", "shortcut"})
                               .formula("y = body(x) + shortcut(x)")
                               .source("He et al. 2015");
const auto& parallel_row =
    add_layer<Parallel>("Parallel", "Several lists of layers that read the same input, joined.",
                        R"({"branches": [[{"type": "Linear", "out_features": 3}], ["Tanh"], []]})", {{2, 4}})
        .holds_lists({"branches"})
        .formula("y = concat(branch_1(x), branch_2(x), …)")
        .source("Szegedy et al. 2014");

}  // namespace
}  // namespace tarn
