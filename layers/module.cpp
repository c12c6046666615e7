// Implements what all layers have in common: the default passes, the visits of parts, and what a layer is told when
// built.
#include "layers/module.h"

#include <unistd.h>

#include <unordered_map>
#include <unordered_set>

namespace tarn {
namespace {

/// Calls a function for each parameter and buffer below a module, with its full name.
class Walk : public Parts {
 public:
  using Visit = std::function<void(const std::string& name, Tensor& tensor, bool is_buffer)>;
  explicit Walk(Visit visit) : visit_(std::move(visit)) {}

 protected:
  void visit_parameter(std::string_view name, Tensor& parameter) override { visit_(joined(name), parameter, false); }
  void visit_buffer(std::string_view name, Tensor& value) override { visit_(joined(name), value, true); }
  void visit_child(std::string_view name, Module& child) override {
    const std::string outer = path_;
    path_ = joined(name);
    child.parts(*this);
    path_ = outer;
  }

 private:
  std::string joined(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }
  Visit visit_;
  std::string path_;
};

/// Parameters or buffers with their names; a tensor that several modules share is listed under its first name.
std::vector<NamedTensor> named(Module& module, bool want_buffers) {
  std::vector<NamedTensor> found;
  std::unordered_set<const Block*> seen;
  Walk walk([&](const std::string& name, Tensor& tensor, bool is_buffer) {
    if (is_buffer == want_buffers && seen.insert(tensor.storage().block()).second) found.push_back({name, &tensor});
  });
  module.parts(walk);
  return found;
}

/// What the parameters of one model may take: this machine's memory.
int64_t memory_limit() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? pages * page : int64_t{1} << 36;
}

}  // namespace

Stream Context::stream() {
  static const uint64_t purpose = purpose_of("forward");
  return Stream{seed, purpose, step}.child(draws++);
}

Tensor Module::forward(const Tensor& x, Context& context) {
  return apply({x}, context).front();
}

Tensors Module::apply(const Tensors& inputs, Context& context) {
  check(inputs.size() == 1, "a layer with one input was given ", inputs.size());
  return {forward(inputs.front(), context)};
}

int64_t Module::multiply_adds(const std::vector<Shape>&, const Shape&) const {
  return 0;
}

const Shape& Build::shape(size_t i) const {
  check(i < inputs.size(), "needs input number ", i + 1, ", has ", inputs.size());
  return inputs[i];
}

int64_t Build::inferred(const char* field, std::optional<int64_t> given, int dimension) const {
  const Shape& x = shape();
  const int at = dimension < 0 ? x.rank() + dimension : dimension;
  check(at >= 0 && at < x.rank(), "needs an input with more dimensions: ", field, " is the size of dimension ",
        dimension, ", but the input is ", batch_text(x));
  check(at > 0 || x[0] > 0, field, " cannot be taken from the batch dimension of the input ", batch_text(x));
  check(!given || *given == x[at], field, " is ", given.value_or(0), ", but the input ", batch_text(x), " has ", x[at],
        "; leave ", field, " out to take it from the input");
  return x[at];
}

void Build::reserve(std::string_view name, const Shape& shape) const {
  const int64_t limit = memory_limit();
  const int64_t bytes = shape.numel() * dtype_size(dtype);
  check(bytes <= limit - shared->parameter_bytes, "parameter '", name, "' ", shape, " takes ", bytes >> 20,
        " MiB, with those before it more than this machine's memory (", limit >> 20, " MiB)");
  shared->parameter_bytes += bytes;
}

Tensor Build::parameter(std::string_view name, const Shape& shape, const Initial& initial_value) {
  reserve(name, shape);
  const auto chosen = initial.find(name);
  const Initial value = chosen != initial.end() ? chosen->second : initial_value;
  if (chosen != initial.end()) initial.erase(chosen);
  if (allocate_only) return Tensor(shape, dtype).requires_grad();
  const Stream stream{seed, purpose_of("init/" + path + "." + std::string(name)), 0};
  return value(shape, stream, dtype).requires_grad();
}

Tensor Build::buffer(const Shape& shape, double value, std::optional<Dtype> other) {
  reserve("buffer", shape);
  return Tensor::full(shape, value, other.value_or(dtype));
}

Build Build::child(std::string_view name, std::vector<Shape> child_inputs) const {
  Build build = *this;
  build.inputs = std::move(child_inputs);
  build.initial.clear();
  if (!build.path.empty()) build.path += ".";
  build.path += name;
  return build;
}

std::string batch_text(const Shape& shape) {
  std::string out = shape.text();
  if (shape.rank() > 0 && shape[0] == 0) out.replace(1, 1, "N");
  return out;
}

std::vector<NamedTensor> parameters(Module& module) {
  return named(module, false);
}

std::vector<NamedTensor> buffers(Module& module) {
  return named(module, true);
}

int64_t parameter_count(Module& module) {
  int64_t count = 0;
  for (const NamedTensor& parameter : parameters(module)) count += parameter.tensor->numel();
  return count;
}

void convert(Module& module, Dtype dtype) {
  std::unordered_map<const Block*, Tensor> done;
  std::vector<Tensor> kept_alive;  // so that no new storage takes an old one's address
  Walk walk([&](const std::string&, Tensor& tensor, bool is_buffer) {
    if (!tensor.floating() || tensor.dtype() == dtype) return;
    Tensor& converted = done[tensor.storage().block()];
    if (!converted.defined()) {
      converted = is_buffer ? tensor.to(dtype) : tensor.to(dtype).requires_grad();
      kept_alive.push_back(tensor);
    }
    tensor = converted;
  });
  module.parts(walk);
}

void share_parts(Module& module, Module& other) {
  std::vector<std::pair<std::string, Tensor>> theirs;
  Walk collect([&](const std::string& name, Tensor& tensor, bool) { theirs.emplace_back(name, tensor); });
  other.parts(collect);
  size_t next = 0;
  Walk bind([&](const std::string& name, Tensor& tensor, bool) {
    check(next < theirs.size() && theirs[next].first == name, "cannot share: '", name, "' has no counterpart");
    const Tensor& value = theirs[next++].second;
    check(value.shape() == tensor.shape(), "cannot share '", name, "': it is ", value.shape(), " there, but ",
          tensor.shape(), " is needed here");
    tensor = value;
  });
  module.parts(bind);
  check(next == theirs.size(), "cannot share: only ", next, " of ", theirs.size(), " parts have a counterpart");
}

}  // namespace tarn
