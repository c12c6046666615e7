// Idx: images and labels in the format of MNIST (LeCun, Cortes, Burges: big-endian header, then bytes), plain or gzip.
#include "data/idx.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "data/dataset.h"
#include "data/pixels.h"

namespace tarn {
namespace {

/// Reads exactly n bytes from byte `at` on.
void read_exactly(Input& in, std::span<char> out, size_t at) {
  const size_t n = in.read(out);
  check(n == out.size(), in.name(), ": byte ", at + n, ": the file ends here, expected ", out.size() - n,
        " more bytes");
}

IdxFile read_idx_file(const std::string& path, int ranks_from, int ranks_to) {
  Input in = Input::file(path);
  return read_idx(in, ranks_from, ranks_to);
}

struct Idx {
  struct Config {
    std::string images, labels;
    std::string test_images, test_labels;
    void fields(auto& f) {
      f("images", images, "file of the images, plain or gzip; ${NAME} and ${NAME:-text} are taken from the environment",
        {.required = true});
      f("labels", labels, "file of their labels", {.required = true});
      f("test_images", test_images, "file of the test part's images; without it the test part is cut from the images");
      f("test_labels", test_labels, "file of their labels");
    }
  };

  static Examples read_pair(const std::string& images, const std::string& labels, const DataContext& context) {
    check(!images.empty() && !labels.empty(), "Idx: ", images.empty() ? "images" : "labels",
          " is missing: images and labels come as two files");
    const std::string images_path = resolve_path(images, context.folder);
    const std::string labels_path = resolve_path(labels, context.folder);
    const IdxFile x = read_idx_file(images_path, 2, 4);
    const IdxFile y = read_idx_file(labels_path, 1, 1);
    check(x.sizes[0] == y.sizes[0], images_path, ": ", x.sizes[0], " images, but ", labels_path, " has ", y.sizes[0],
          " labels");
    std::vector<int64_t> sizes = x.sizes;
    if (sizes.size() == 3) sizes.insert(sizes.begin() + 1, 1);  // images without a channel dimension
    Examples examples{Tensor{Shape{std::span<const int64_t>(sizes)}}, Tensor({y.sizes[0]}, Dtype::i64)};
    scale_bytes(x.bytes, examples.x.fill<float>());
    int64_t* classes = examples.y.fill<int64_t>();
    for (size_t i = 0; i < y.bytes.size(); ++i) classes[i] = static_cast<unsigned char>(y.bytes[i]);
    return examples;
  }

  static int64_t classes(const Examples& examples) {
    int64_t most = -1;
    const int64_t* y = examples.y.defined() ? examples.y.data<int64_t>() : nullptr;
    for (int64_t i = 0; i < examples.size(); ++i) most = std::max(most, y[i]);
    return most + 1;
  }

  static Samples load(const Config& c, const DataContext& context) {
    Samples samples;
    samples.all = read_pair(c.images, c.labels, context);
    if (!c.test_images.empty() || !c.test_labels.empty())
      samples.test = read_pair(c.test_images, c.test_labels, context);
    const int64_t n = std::max(classes(samples.all), classes(samples.test));
    for (int64_t i = 0; i < n; ++i) samples.class_names.push_back(text(i));
    samples.description = text(std::filesystem::path(c.images).filename().string(), ": ", samples.all.size(),
                               " images of ", Shape(samples.all.x.shape().span().subspan(1)));
    return samples;
  }
};

const auto& idx_row =
    add_dataset<Idx>("Idx", "Images and labels in MNIST's format, scaled to [0, 1]; plain or gzip.", TestBy::tail);

}  // namespace

IdxFile read_idx(Input& in, int ranks_from, int ranks_to) {
  const std::string& path = in.name();
  std::array<unsigned char, 4> magic{};
  read_exactly(in, {reinterpret_cast<char*>(magic.data()), 4}, 0);
  check(magic[0] == 0 && magic[1] == 0, path, ": byte 0: this is not an IDX file: it must begin with two zero bytes");
  check(magic[2] == 8, path, ": byte 2: element type ", int{magic[2]}, ", expected 8 (unsigned bytes)");
  const int rank = magic[3];
  check(rank >= ranks_from && rank <= ranks_to, path, ": byte 3: ", rank, " dimensions, expected ", ranks_from,
        ranks_to > ranks_from ? text(" to ", ranks_to) : "", "; were images and labels exchanged?");
  IdxFile file;
  int64_t total = 1;
  for (int d = 0; d < rank; ++d) {
    std::array<unsigned char, 4> b{};
    const size_t at = 4 + 4 * static_cast<size_t>(d);
    read_exactly(in, {reinterpret_cast<char*>(b.data()), 4}, at);
    const int64_t size = int64_t{b[0]} << 24 | int64_t{b[1]} << 16 | int64_t{b[2]} << 8 | int64_t{b[3]};
    check(size > 0, path, ": byte ", at, ": dimension ", d, " has size 0");
    file.sizes.push_back(size);
    check(!__builtin_mul_overflow(total, size, &total), path, ": byte ", at, ": the sizes are beyond any file");
  }
  const size_t header = 4 + 4 * static_cast<size_t>(rank);
  check(static_cast<uint64_t>(total) + header <= in.most(), path, ": byte 4: the header declares ", total,
        " bytes of contents, more than the file can hold; is it complete?");
  constexpr int64_t most = int64_t{1} << 31;
  check(total <= most, path, ": ", total, " bytes of contents are more than fit in memory as numbers; at most ", most);
  file.bytes.resize(static_cast<size_t>(total));
  read_exactly(in, file.bytes, header);
  char extra = 0;
  check(in.read({&extra, 1}) == 0, path, ": byte ", header + file.bytes.size(),
        ": more bytes than the header declares (", total, ")");
  return file;
}

}  // namespace tarn
