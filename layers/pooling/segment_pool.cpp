// Maxima of parts of a sequence: of chunks, of the pieces between two positions, and of all that is there.
#include <limits>

#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// x [N, C, L] or [C, L] where from[n] <= position < to[n], and -inf elsewhere; from and to [N, 1, 1] or [1, 1].
Tensor cut_out(const Tensor& x, const Tensor& from, const Tensor& to) {
  const Tensor at = Tensor::arange(x.size(-1));
  const Tensor inside = ge(at, from).to(x.dtype()) * lt(at, to).to(x.dtype());
  return where(inside, x, Tensor::full({}, -std::numeric_limits<double>::infinity(), x.dtype()));
}

/// An int64 tensor of `shape`, [N] or [N, 2] without N for one sample, with values in [least, most].
void check_positions(const char* op, const char* name, const Tensor& t, const Shape& shape, int64_t least,
                     int64_t most) {
  check(t.dtype() == Dtype::i64 && t.shape() == shape, op, ": ", name, " are ", t.dtype(), " ", t.shape(),
        "; int64 values ", shape, " are needed");
  for (int64_t i = 0; i < t.numel(); ++i)
    check(least <= t.data<int64_t>()[i] && t.data<int64_t>()[i] <= most, op, ": ", name, " hold ", t.data<int64_t>()[i],
          "; allowed are ", least, " to ", most);
}

}  // namespace

Tensor chunk_max_pool1d(const Tensor& x, int64_t chunks, bool equal) {
  check_planes("chunk_max_pool1d", x, 1);
  if (!equal) return max_pool(x, adaptive_windows("chunk_max_pool1d", x.shape(), 1, {chunks}));
  const int64_t length = x.size(-1);
  const int64_t size = (length + chunks - 1) / chunks;
  check((chunks - 1) * size < length, "chunk_max_pool1d: ", chunks, " chunks of ", size, " values leave nothing of ",
        length, " for the last; take fewer, or split \"adaptive\"");
  return max_pool(x, sliding_windows("chunk_max_pool1d", x.shape(), 1, {.kernel_size = {size}, .ceil_mode = true}));
}

Tensor piecewise_max_pool1d(const Tensor& x, const Tensor& positions) {
  check_planes("piecewise_max_pool1d", x, 1);
  const Windows w = global_windows("piecewise_max_pool1d", x.shape(), 1);
  const bool one = x.rank() == 2;
  const int64_t length = x.size(-1);
  check_positions("piecewise_max_pool1d", "positions", positions, one ? Shape{2} : Shape{x.size(0), 2}, 0, length - 1);
  const Shape each = one ? Shape{1, 1} : Shape{x.size(0), 1, 1};
  std::vector<int64_t> first;
  std::vector<int64_t> second;
  for (int64_t n = 0; n < each.numel(); ++n) {
    first.push_back(positions.data<int64_t>()[2 * n] + 1);
    second.push_back(positions.data<int64_t>()[2 * n + 1] + 1);
    check(first.back() <= second.back(), "piecewise_max_pool1d: positions hold ", second.back() - 1, " after ",
          first.back() - 1, "; the second may not lie before the first");
  }
  const Tensors bounds{Tensor::zeros(each, Dtype::i64), Tensor(each, first), Tensor(each, second),
                       Tensor::full(each, length, Dtype::i64)};
  Tensors parts;
  for (size_t i = 0; i < 3; ++i) {
    const Tensor most = max_pool(cut_out(x, bounds[i], bounds[i + 1]), w);
    parts.push_back(where(lt(bounds[i], bounds[i + 1]), most, Tensor::zeros({}, x.dtype())));
  }
  return squeeze(cat(parts, -2), -1);
}

Tensor max_over_time_pool1d(const Tensor& x, const Tensor& lengths) {
  check_planes("max_over_time_pool1d", x, 1);
  const Windows w = global_windows("max_over_time_pool1d", x.shape(), 1);
  if (!lengths.defined()) return max_pool(x, w);
  const bool one = x.rank() == 2;
  check_positions("max_over_time_pool1d", "lengths", lengths, one ? Shape{} : Shape{x.size(0)}, 1, x.size(-1));
  const Shape each = one ? Shape{1, 1} : Shape{x.size(0), 1, 1};
  return max_pool(cut_out(x, Tensor::zeros(each, Dtype::i64), reshape(lengths, each)), w);
}

namespace {

class ChunkMaxPool1d : public Module {
 public:
  struct Config {
    int64_t chunks = 0;
    std::string split = "adaptive";
    void fields(Fields& f) {
      f("chunks", chunks, "how many values each sequence becomes", {.lo = 1, .hi = 1 << 24, .required = true});
      f("split", split,
        "chunks as long as each other as can be (\"adaptive\", they may share a value), or \"equal\" "
        "ones of which the last may be shorter",
        {.choices = {"adaptive", "equal"}});
    }
  };
  ChunkMaxPool1d(Config c, Build&) : config_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override {
    return chunk_max_pool1d(x, config_.chunks, config_.split == "equal");
  }

 private:
  Config config_;
};

class PiecewiseMaxPool1d : public Module {
 public:
  struct Config {
    void fields(Fields&) {}
  };
  PiecewiseMaxPool1d(const Config&, Build&) {}
  Tensors apply(const Tensors& x, Context&) override { return {piecewise_max_pool1d(x.at(0), x.at(1))}; }
};

class MaxOverTimePool1d : public Module {
 public:
  struct Config {
    bool keepdim = true;
    void fields(Fields& f) { f("keepdim", keepdim, "keep the dimension of time, with size 1"); }
  };
  MaxOverTimePool1d(const Config& c, Build&) : keepdim_(c.keepdim) {}
  Tensors apply(const Tensors& x, Context&) override {
    return {plane_values(max_over_time_pool1d(x.at(0), x.size() > 1 ? x[1] : Tensor()), 1, keepdim_)};
  }

 private:
  bool keepdim_;
};

const auto& chunk_max_pool_row =
    add_layer<ChunkMaxPool1d>("ChunkMaxPool1d", "The largest value of each chunk of a sequence.", R"({"chunks": 4})",
                              {{2, 4, 6}})
        .formula(
            "y[o] = max of x over floor(o · L / chunks) … ceil((o + 1) · L / chunks) - 1; with split \"equal\" "
            "over ⌈L / chunks⌉ values from o ⌈L / chunks⌉ on")
        .source("event extraction and text classification by convolutions")
        .pools(PoolGroup::region, "on sentences, where it counts roughly where something was said")
        .samples_from(Domain::away_from_ties);
const auto& piecewise_max_pool_row =
    add_layer<PiecewiseMaxPool1d>("PiecewiseMaxPool1d",
                                  "The largest values before, between and behind two positions of each sequence.", "{}",
                                  {{2, 4, 6}, {2, 2}})
        .takes(2, 2)
        .reads_labels(1, {2})
        .shown_with("", "[null, [[1, 3]]]")
        .formula(
            "inputs x [N, C, L] and int64 positions [N, 2], e1 ≤ e2; y [N, 3C] = maxima over 0 … e1, e1 + 1 … e2 "
            "and e2 + 1 … L - 1, one after the other; 0 for an empty part")
        .source("Zeng, Liu, Chen, Zhao 2015 (EMNLP, D15-1203), PCNN, who take its tanh")
        .pools(PoolGroup::region, "for relations between two words of a sentence, whose places are the positions")
        .samples_from(Domain::away_from_ties);
const auto& max_over_time_pool_row =
    add_layer<MaxOverTimePool1d>("MaxOverTimePool1d", "The largest value of each sequence, as far as it goes.", "{}",
                                 {{2, 4, 6}, {2}})
        .takes(1, 2)
        .reads_labels(1, {3, 5})
        .formula("y[n, c] = max of x[n, c, t], t < length[n]; the lengths are an int64 input [N] that may be left out")
        .source("Collobert et al. 2011 (arXiv 1103.0398); Kim 2014 (arXiv 1408.5882)")
        .pools(PoolGroup::region, "as the head of a convolutional network over sentences of different lengths")
        .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
