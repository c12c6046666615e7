// Embedding: rows of a table, chosen by index.
#include "core/ops.h"
#include "layers/init.h"
#include "layers/module.h"

namespace tarn {
namespace {

class Embedding : public Module {
 public:
  struct Config {
    int64_t num_embeddings = 0;
    int64_t embedding_dim = 0;
    std::optional<int64_t> padding_idx;
    std::optional<double> max_norm;
    double norm_type = 2;
    bool scale_grad_by_freq = false;
    void fields(Fields& f) {
      f("num_embeddings", num_embeddings, "rows of the table: indices are below it", {.lo = 1, .required = true});
      f("embedding_dim", embedding_dim, "length of a row", {.lo = 1, .required = true});
      f("padding_idx", padding_idx, "this row starts as zeros and is not trained; negative counts from the end");
      f("max_norm", max_norm, "rows that are looked up and longer than this are shortened, for good", {.lo = 0});
      f("norm_type", norm_type, "the p of the norm that max_norm limits", {.lo = 0, .lo_open = true, .infinite = true});
      f("scale_grad_by_freq", scale_grad_by_freq, "divide a row's gradient by how often the batch looked it up");
    }
  };

  Embedding(const Config& c, Build& build)
      : padding_idx_(c.padding_idx),
        max_norm_(c.max_norm),
        norm_type_(c.norm_type),
        scale_grad_by_freq_(c.scale_grad_by_freq) {
    if (padding_idx_ && *padding_idx_ < 0) *padding_idx_ += c.num_embeddings;
    check(!padding_idx_ || (*padding_idx_ >= 0 && *padding_idx_ < c.num_embeddings), "padding_idx ",
          c.padding_idx.value_or(0), " must be within num_embeddings, ", c.num_embeddings);
    weight_ = build.parameter("weight", {c.num_embeddings, c.embedding_dim},
                              [this](const Shape& shape, const Stream& stream, Dtype dtype) {
                                return without_padding(init::normal(shape, stream, 0, 1, dtype));
                              });
  }
  Tensor forward(const Tensor& x, Context&) override {
    if (max_norm_) assign(weight_, embedding_renorm(weight_, x, *max_norm_, norm_type_));
    return embedding(x, weight_, padding_idx_, scale_grad_by_freq_);
  }
  void parts(Parts& p) override { p("weight", weight_); }

 private:
  Tensor without_padding(Tensor table) const {
    if (!padding_idx_) return table;
    dispatch_floating(table.dtype(), "Embedding", [&](auto zero) {
      using T = decltype(zero);
      const int64_t columns = table.size(1);
      std::fill_n(table.template fill<T>() + *padding_idx_ * columns, columns, T{0});
    });
    return table;
  }

  std::optional<int64_t> padding_idx_;
  std::optional<double> max_norm_;
  double norm_type_;
  bool scale_grad_by_freq_;
  Tensor weight_;
};

const auto& embedding_row = add_layer<Embedding>("Embedding", "Looks up rows of a table by index.",
                                                 R"({"num_embeddings": 5, "embedding_dim": 3})", {{2, 4}})
                                .reads_indices(5)
                                .formula("y[…, :] = W[x[…], :]; W [num_embeddings, embedding_dim], initially normal")
                                .source("torch.nn.Embedding");

}  // namespace
}  // namespace tarn
