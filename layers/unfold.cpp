// Unfold and Fold: the blocks of images as columns, and columns added back to images.
#include "core/ops.h"
#include "layers/spatial.h"

namespace tarn {
namespace {

std::array<int64_t, 2> pair(const Sizes& sizes) {
  const Sizes both = expand(sizes, 2);
  return {both[0], both[1]};
}

/// Fields that both layers have.
struct UnfoldBlocks {
  Sizes kernel_size;
  Sizes dilation{1};
  Sizes padding{0};
  Sizes stride{1};
  void fields(Fields& f) {
    f("kernel_size", kernel_size, "size of a block", size_rule(2, 1, true));
    f("dilation", dilation, "distance between the cells of a block", size_rule(2, 1));
    f("padding", padding, "zeros added at both sides of the image", size_rule(2, 0));
    f("stride", stride, "steps between blocks", size_rule(2, 1));
  }
  UnfoldOptions options() const { return {pair(kernel_size), pair(dilation), pair(padding), pair(stride)}; }
};

class Unfold : public Module {
 public:
  using Config = UnfoldBlocks;
  Unfold(const Config& c, Build&) : options_(c.options()) {}
  Tensor forward(const Tensor& x, Context&) override { return unfold(x, options_); }

 private:
  UnfoldOptions options_;
};

class Fold : public Module {
 public:
  struct Config {
    Sizes output_size;
    UnfoldBlocks blocks;
    void fields(Fields& f) {
      f("output_size", output_size, "height and width of the image", size_rule(2, 1, true));
      blocks.fields(f);
    }
  };
  Fold(const Config& c, Build&) : size_(pair(c.output_size)), options_(c.blocks.options()) {}
  Tensor forward(const Tensor& x, Context&) override { return fold(x, size_, options_); }

 private:
  std::array<int64_t, 2> size_;
  UnfoldOptions options_;
};

const auto& unfold_row =
    add_layer<Unfold>("Unfold", "The blocks of an image as columns (im2col).", R"({"kernel_size": 2, "stride": 2})",
                      {{2, 3, 4, 6}})
        .formula("[N, C, H, W] to [N, C · taps, L]: column l holds what block l sees, channel by channel")
        .source("torch.nn.Unfold");
const auto& fold_row =
    add_layer<Fold>("Fold", "Adds columns to an image as its blocks (col2im).",
                    R"({"output_size": [4, 5], "kernel_size": 2, "padding": 1})", {{2, 8, 30}})
        .formula("[N, C · taps, L] to [N, C, output_size]: the transpose of Unfold, which sums where blocks overlap")
        .source("torch.nn.Fold");

}  // namespace
}  // namespace tarn
