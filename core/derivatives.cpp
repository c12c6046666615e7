// Products with Jacobians and Hessians, each on a tape of its own.
#include "core/derivatives.h"

#include "core/ops.h"
#include "core/tape.h"

namespace tarn {

namespace {

/// f recorded on a tape of its own, every floating input a variable.
class Run {
 public:
  Run(const char* what, const Function& f, const Tensors& inputs) : what_(what), variables_(inputs) {
    for (Tensor& x : variables_) {
      check(x.defined(), what, ": input ", &x - variables_.data(), " is undefined");
      if (x.floating()) x = tape_.variable(x);
    }
    y_ = f(variables_);
    check(y_.defined() && y_.floating(), what, ": the function's value must be floating-point");
  }

  const Tensor& value() const { return y_; }
  Tape& tape() { return tape_; }
  const Tensors& variables() const { return variables_; }

  void check_scalar() const {
    check(y_.numel() == 1, what_, ": the function's value has shape ", y_.shape(), "; one element is needed");
  }
  /// Gradients of `y`, undefined where it does not depend on an input.
  Tensors gradients(const Tensor& y, const Tensor& seed, bool again, bool keep = false) {
    if (y.place().tape != tape_.id()) return Tensors(variables_.size());
    return tape_.gradient(y, variables_, {.create_graph = again, .keep = keep, .allow_unused = true, .seed = seed});
  }
  /// Zeros for what is undefined.
  Tensors filled(Tensors gradients) const {
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (!variables_[i].floating()) continue;
      gradients[i] =
          gradients[i].defined() ? gradients[i].detach() : Tensor::zeros(variables_[i].shape(), variables_[i].dtype());
    }
    return gradients;
  }
  /// Checks a direction.
  void check_direction(const Tensors& v) const {
    check(v.size() == variables_.size(), what_, ": ", v.size(), " directions for ", variables_.size(), " inputs");
    for (size_t i = 0; i < v.size(); ++i)
      check(!v[i].defined() || (variables_[i].floating() && v[i].shape() == variables_[i].shape() &&
                                v[i].dtype() == variables_[i].dtype()),
            what_, ": direction ", i, " is ", v[i].shape(), " of ", v[i].dtype(), ", input ", i, " is ",
            variables_[i].shape(), " of ", variables_[i].dtype());
  }

 private:
  const char* what_;
  Tape tape_;
  Tensors variables_;
  Tensor y_;
};

/// Σ <a_i, b_i> over those that are both defined; undefined where there are none.
Tensor inner(const Tensors& a, const Tensors& b) {
  Tensor total;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!a[i].defined() || !b[i].defined()) continue;
    const Tensor term = sum(a[i] * b[i].detach());
    total = total.defined() ? total + term : term;
  }
  return total;
}

Tensor unit(const Shape& shape, Dtype dtype, int64_t position) {
  Tensor e = Tensor::zeros(shape, dtype);
  dispatch_floating(dtype, "unit", [&](auto zero) { e.fill<decltype(zero)>()[position] = 1; });
  return e;
}

Shape joined_shape(const char* what, const Shape& a, const Shape& b) {
  check(a.rank() + b.rank() <= Shape::max_rank, what, ": ", a, " by ", b, " would need ", a.rank() + b.rank(),
        " dimensions, more than ", Shape::max_rank, "; flatten the input or the value");
  std::vector<int64_t> sizes;
  for (int d = 0; d < a.rank(); ++d) sizes.push_back(a[d]);
  for (int d = 0; d < b.rank(); ++d) sizes.push_back(b[d]);
  return Shape{std::span<const int64_t>(sizes)};
}

/// Writes `row` into row `at` of a matrix with `step` between the row's elements.
void put_row(Tensor& matrix, const Tensor& row, int64_t first, int64_t step) {
  dispatch_floating(matrix.dtype(), "jacobian", [&](auto zero) {
    using T = decltype(zero);
    T* to = matrix.fill<T>();
    const T* from = row.data<T>();
    for (int64_t i = 0; i < row.numel(); ++i) to[first + i * step] = from[i];
  });
}

/// d y / d variables, y recorded on the run's tape: a sweep for each element of y.
Tensors rows_of(const char* what, Run& run, const Tensor& y) {
  Tensors result(run.variables().size());
  for (size_t i = 0; i < result.size(); ++i) {
    const Tensor& x = run.variables()[i];
    if (x.floating()) result[i] = Tensor::zeros(joined_shape(what, y.shape(), x.shape()), x.dtype());
  }
  for (int64_t row = 0; row < y.numel(); ++row) {
    const Tensors gradients = run.gradients(y, unit(y.shape(), y.dtype(), row), false, true);
    for (size_t i = 0; i < result.size(); ++i)
      if (gradients[i].defined()) put_row(result[i], gradients[i], row * gradients[i].numel(), 1);
  }
  return result;
}

/// The same by columns: the derivative along each unit vector of each variable.
Tensors columns_of(const char* what, Run& run) {
  const Tensor& y = run.value();
  Tensors result(run.variables().size());
  const Tensor u = run.tape().variable(Tensor::zeros(y.shape(), y.dtype()));
  const Tensors gradients = run.gradients(y, u, true);
  for (size_t i = 0; i < result.size(); ++i) {
    const Tensor& x = run.variables()[i];
    if (!x.floating()) continue;
    result[i] = Tensor::zeros(joined_shape(what, y.shape(), x.shape()), x.dtype());
    if (!gradients[i].defined() || gradients[i].place().tape != run.tape().id()) continue;
    for (int64_t column = 0; column < x.numel(); ++column) {
      const GradientOptions options{.keep = true, .allow_unused = true, .seed = unit(x.shape(), x.dtype(), column)};
      const Tensor derivative = run.tape().gradient(gradients[i], u, options);
      if (derivative.defined()) put_row(result[i], derivative, column, x.numel());
    }
  }
  return result;
}

}  // namespace

Tensor joined(const Tensors& outputs) {
  Tensors rows;
  for (const Tensor& y : outputs)
    if (y.floating()) rows.push_back(y);
  check(!rows.empty(), "there is no floating output to differentiate");
  if (rows.size() == 1) return rows[0];
  for (Tensor& row : rows) row = flatten(row);
  return cat(rows);
}

Valued gradient(const Function& f, const Tensors& inputs) {
  Run run("gradient", f, inputs);
  run.check_scalar();
  return {run.value().detach(), run.filled(run.gradients(run.value(), {}, false))};
}

Valued vjp(const Function& f, const Tensors& inputs, const Tensor& v) {
  Run run("vjp", f, inputs);
  check(v.defined() && v.shape() == run.value().shape() && v.dtype() == run.value().dtype(),
        "vjp: the vector must be like the function's value, ", run.value().shape(), " of ", run.value().dtype());
  return {run.value().detach(), run.filled(run.gradients(run.value(), v, false))};
}

Tangent jvp(const Function& f, const Tensors& inputs, const Tensors& v) {
  Run run("jvp", f, inputs);
  run.check_direction(v);
  const Tensor& y = run.value();
  const Tensor u = run.tape().variable(Tensor::zeros(y.shape(), y.dtype()));
  const Tensor along = inner(run.gradients(y, u, true), v);
  Tensor derivative;
  if (along.defined() && along.place().tape == run.tape().id())
    derivative = run.tape().gradient(along, u, {.allow_unused = true});
  if (!derivative.defined()) derivative = Tensor::zeros(y.shape(), y.dtype());
  return {y.detach(), derivative};
}

Valued hvp(const Function& f, const Tensors& inputs, const Tensors& v) {
  Run run("hvp", f, inputs);
  run.check_scalar();
  run.check_direction(v);
  const Tensor along = inner(run.gradients(run.value(), {}, true), v);
  Tensors second(inputs.size());
  if (along.defined()) second = run.gradients(along, {}, false);
  return {run.value().detach(), run.filled(std::move(second))};
}

Tensors jacobian(const Function& f, const Tensors& inputs) {
  Run run("jacobian", f, inputs);
  int64_t columns = 0;
  for (const Tensor& x : inputs) columns += x.floating() ? x.numel() : 0;
  if (columns < run.value().numel()) return columns_of("jacobian", run);
  return rows_of("jacobian", run, run.value());
}

std::vector<Tensors> hessian(const Function& f, const Tensors& inputs) {
  Run run("hessian", f, inputs);
  run.check_scalar();
  Tensors first = run.gradients(run.value(), {}, true);
  std::vector<Tensors> result(inputs.size(), Tensors(inputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].floating()) continue;
    if (!first[i].defined()) first[i] = Tensor::zeros(inputs[i].shape(), inputs[i].dtype());
    result[i] = rows_of("hessian", run, first[i]);
  }
  return result;
}

}  // namespace tarn
