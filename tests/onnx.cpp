// The pooling cases of ONNX's own node tests, where Debian's package libonnx-testdata is installed.
#include "tests/support/onnx.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "core/ops.h"

namespace tarn::test_onnx {
namespace {

namespace fs = std::filesystem;
using test::OnnxNode;

/// Where the package puts its files, or TARN_ONNX.
fs::path corpus() {
  const char* given = std::getenv("TARN_ONNX");
  return given ? fs::path(given) : fs::path("/") / "usr" / "share" / "libonnx-testdata" / "data" / "node";
}

/// Padding before and after one axis.
struct Pads {
  int64_t before = 0, after = 0;
};

Pads pads_of(const OnnxNode& node, size_t axis, size_t rank, int64_t input, int64_t reach, int64_t stride) {
  const auto found = node.strings.find("auto_pad");
  const std::string mode = found == node.strings.end() ? "NOTSET" : found->second;
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    const int64_t output = (input + stride - 1) / stride;
    const int64_t total = std::max<int64_t>((output - 1) * stride + reach - input, 0);
    const int64_t less = total / 2;
    return mode == "SAME_UPPER" ? Pads{less, total - less} : Pads{total - less, less};
  }
  const auto pads = node.list("pads", 2 * rank, 0);
  return {pads[axis], pads[rank + axis]};
}

/// One axis of ONNX's windows, listed: its padding may differ on both sides and be as wide as the kernel.
Axis axis_of(const OnnxNode& node, size_t axis, size_t rank, int64_t input) {
  const int64_t kernel = node.list("kernel_shape", rank, 1)[axis];
  const int64_t stride = node.list("strides", rank, 1)[axis];
  const int64_t dilation = node.list("dilations", rank, 1)[axis];
  const int64_t reach = dilation * (kernel - 1) + 1;
  const Pads pads = pads_of(node, axis, rank, input, reach, stride);
  const int64_t spare = input + pads.before + pads.after - reach;
  const int64_t output = (node.integer("ceil_mode", 0) ? (spare + stride - 1) / stride : spare / stride) + 1;
  std::vector<Span> spans;
  for (int64_t o = 0; o < output; ++o) {
    const int64_t start = o * stride - pads.before;
    Span span{.first = 0, .taps = 0, .skipped = 0, .extent = 0};
    for (int64_t j = 0; j < kernel; ++j) {
      const int64_t at = start + j * dilation;
      if (at < 0) ++span.skipped;
      if (at >= 0 && at < input && span.taps++ == 0) span.first = at;
      span.extent += at < input + pads.after;
    }
    spans.push_back(span);
  }
  Axis listed = listed_axis(input, std::move(spans));
  listed.dilation = dilation;
  listed.kernel = kernel;
  return listed;
}

Windows windows_of(const OnnxNode& node, const Shape& x) {
  const auto rank = static_cast<size_t>(x.rank() - 2);
  if (node.op.starts_with("Global"))
    return adaptive_windows("onnx", x, static_cast<int>(rank), std::vector<std::optional<int64_t>>(rank, 1));
  Windows w;
  w.rank = static_cast<int>(rank);
  for (size_t i = 0; i < rank; ++i) w.axes[3 - rank + i] = axis_of(node, i, rank, x[static_cast<int>(i) + 2]);
  w.count_include_pad = node.integer("count_include_pad", 0) != 0;
  return w;
}

/// ONNX counts over all planes; with storage_order 1 down the columns first.
Tensor onnx_indices(const Tensor& positions, const Shape& x, bool columns) {
  std::vector<int64_t> out;
  const int64_t width = x[x.rank() - 1];
  const int64_t plane = x.product(2, x.rank());
  const int64_t cells = positions.numel() / (x[0] * x[1]);
  for (int64_t i = 0; i < positions.numel(); ++i) {
    int64_t at = positions.data<int64_t>()[i];
    if (columns) at = at % width * (plane / width) + at / width;
    out.push_back(i / cells * plane + at);
  }
  return Tensor(positions.shape(), out);
}

Tensors results(const OnnxNode& node, const Tensors& in) {
  if (node.op == "MaxUnpool") {
    const auto rank = static_cast<size_t>(in[0].rank() - 2);
    const SlidingOptions options{.kernel_size = node.list("kernel_shape", rank, 1),
                                 .stride = node.list("strides", rank, 1)};
    const Windows w = unpooling_windows("onnx", in[0].shape(), static_cast<int>(rank), options, {});
    const Tensor y = max_unpool(in[0], in[1], w);
    if (in.size() < 3) return {y};
    // ONNX's indices count in the plane of default size, PyTorch's and Tarn's in that of the output.
    std::vector<int64_t> sizes;
    for (int d = y.rank() - 1; d >= 2; --d) sizes.insert(sizes.end(), {0, in[2].data<int64_t>()[d] - y.shape()[d]});
    return {pad(y, sizes)};
  }
  const Windows w = windows_of(node, in[0].shape());
  if (node.op == "AveragePool" || node.op == "GlobalAveragePool") return {avg_pool(in[0], w)};
  if (node.op == "GlobalMaxPool") return {max_pool(in[0], w)};
  const Extreme found = max_pool_with_indices(in[0], w);
  return {found.values, onnx_indices(found.indices, in[0].shape(), node.integer("storage_order", 0) != 0)};
}

TEST_CASE("the pooling cases of ONNX's node tests pass") {
  if (!fs::exists(corpus())) {
    MESSAGE("skipped: " << corpus() << " is not there; install libonnx-testdata or set TARN_ONNX");
    return;
  }
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(corpus())) {
    const std::string name = entry.path().filename().string();
    if (name.find("pool") == std::string::npos || name.find("roi") != std::string::npos) continue;
    CAPTURE(name);
    const OnnxNode node = test::read_onnx_node((entry.path() / "model.onnx").string());
    const fs::path data = entry.path() / "test_data_set_0";
    Tensors inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      inputs.push_back(test::read_onnx_tensor((data / text("input_", i, ".pb")).string()));
    const Tensors got = results(node, inputs);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Tensor want = test::read_onnx_tensor((data / text("output_", i, ".pb")).string());
      REQUIRE(got[i].shape() == want.shape());
      for (int64_t k = 0; k < want.numel(); ++k) REQUIRE(got[i].at(k) == doctest::Approx(want.at(k)).epsilon(1e-5));
    }
    ++cases;
  }
  MESSAGE(cases << " cases");
  CHECK(cases >= 34);
}

}  // namespace
}  // namespace tarn::test_onnx
