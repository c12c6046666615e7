// Layers that only arrange values anew: Flatten, Unflatten, Reshape, Permute and Identity.
#include <numeric>

#include "core/ops.h"
#include "layers/module.h"

namespace tarn {
namespace {

class Identity : public Module {
 public:
  struct Config {
    void fields(Fields&) {}
  };
  Identity(const Config&, Build&) {}
  Tensor forward(const Tensor& x, Context&) override { return x; }
};

class Flatten : public Module {
 public:
  struct Config {
    int64_t start_dim = 1;
    int64_t end_dim = -1;
    void fields(Fields& f) {
      f("start_dim", start_dim, "first dimension that is merged");
      f("end_dim", end_dim, "last dimension that is merged");
    }
  };
  Flatten(const Config& c, Build&) : config_(c) {}
  Tensor forward(const Tensor& x, Context&) override { return flatten(x, config_.start_dim, config_.end_dim); }

 private:
  Config config_;
};

/// `x` with dimensions from `first` up to `last` replaced by `sizes`, one of which may be -1. An empty batch does not
/// keep a -1 from being found, as it would in `reshape`.
Tensor with_sizes(const Tensor& x, int first, int last, std::vector<int64_t> sizes) {
  const int64_t available = x.shape().product(first, last);
  int64_t known = 1;
  int64_t* open = nullptr;
  for (int64_t& size : sizes) {
    check(size >= -1, "size ", size, " is negative; only one -1 may stand for \"the rest\"");
    check(size != -1 || !open, "two sizes are -1; only one can be found from the others");
    if (size == -1) open = &size;
    if (size != -1) check(!__builtin_mul_overflow(known, size, &known), "the sizes ", sizes, " are too large");
  }
  check(open ? known > 0 && available % known == 0 : available == known, "the sizes ", sizes, " do not make the ",
        available, " values of dimensions ", first, " to ", last - 1, " of ", batch_text(x.shape()));
  if (open) *open = available / known;
  std::vector<int64_t> all(x.shape().begin(), x.shape().begin() + first);
  all.insert(all.end(), sizes.begin(), sizes.end());
  all.insert(all.end(), x.shape().begin() + last, x.shape().end());
  return reshape(x, Shape(std::span<const int64_t>(all)));
}

class Unflatten : public Module {
 public:
  struct Config {
    int64_t dim = 1;
    Sizes sizes;
    Sizes unflattened_size;
    void fields(Fields& f) {
      f("dim", dim, "dimension that is cut into several", {.required = true});
      f("sizes", sizes, "its new sizes; one may be -1", {.inferred = true});
      f("unflattened_size", unflattened_size, "PyTorch's name for sizes; give one of them", {.inferred = true});
    }
  };
  Unflatten(const Config& c, Build&) : dim_(c.dim), sizes_(c.sizes.empty() ? c.unflattened_size : c.sizes) {
    check(c.sizes.empty() != c.unflattened_size.empty(), "give either sizes or unflattened_size");
  }
  Tensor forward(const Tensor& x, Context&) override {
    const int at = x.shape().axis(dim_, "Unflatten");
    return with_sizes(x, at, at + 1, sizes_);
  }

 private:
  int64_t dim_;
  std::vector<int64_t> sizes_;
};

class Reshape : public Module {
 public:
  struct Config {
    Sizes sizes;
    void fields(Fields& f) {
      f("sizes", sizes, "sizes of one sample; one may be -1. The batch dimension stays", {.required = true});
    }
  };
  Reshape(const Config& c, Build&) : sizes_(c.sizes) {}
  Tensor forward(const Tensor& x, Context&) override { return with_sizes(x, 1, x.rank(), sizes_); }

 private:
  std::vector<int64_t> sizes_;
};

class Permute : public Module {
 public:
  struct Config {
    Sizes dims;
    void fields(Fields& f) {
      f("dims", dims, "which dimension of the input each dimension of the output is", {.required = true});
    }
  };
  Permute(const Config& c, Build&) : dims_(c.dims) {}
  Tensor forward(const Tensor& x, Context&) override { return permute(x, dims_); }

 private:
  std::vector<int64_t> dims_;
};

const auto& identity_row = add_layer<Identity>("Identity", "Hands its input on unchanged.", "{}", {{2, 3}})
                               .formula("y = x")
                               .source("torch.nn.Identity");
const auto& flatten_row =
    add_layer<Flatten>("Flatten", "Merges dimensions into one, all but the batch's by default.", "{}", {{2, 3, 2, 2}})
        .formula("[N, C, H, W] to [N, C · H · W]")
        .source("torch.nn.Flatten");
const auto& unflatten_row = add_layer<Unflatten>("Unflatten", "Cuts one dimension into several.",
                                                 R"({"dim": 1, "sizes": [2, -1]})", {{2, 6, 3}})
                                .formula("[N, C · G, …] to [N, C, G, …]")
                                .source("torch.nn.Unflatten");
const auto& reshape_row = add_layer<Reshape>("Reshape", "Gives every sample another shape with as many values.",
                                             R"({"sizes": [4, -1]})", {{2, 3, 2, 2}})
                              .formula("[N, …] to [N, sizes]")
                              .source("torch.Tensor.reshape, the batch dimension aside");
const auto& permute_row =
    add_layer<Permute>("Permute", "Puts dimensions in another order.", R"({"dims": [0, 2, 1]})", {{2, 3, 4}})
        .formula("y's dimension i is x's dimension dims[i]")
        .source("torch.permute");

}  // namespace
}  // namespace tarn
