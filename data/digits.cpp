// Digits: the embedded UCI handwritten digits, 1,797 images of 8×8 (see data/uci/README.md for their origin).
#include "core/build.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/input.h"

namespace tarn {
namespace {

struct Digits {
  struct Config {
    void fields(auto&) {}
  };

  static Samples load(const Config&, const DataContext&) {
    constexpr const char* file = "data/uci/digits.csv.gz";
    const std::string_view bytes = embedded_file(file);
    check(!bytes.empty(), "Digits: ", file, " is not in this program; build it with CMakeLists.txt");
    CsvTable table = parse_csv(Input::memory(bytes, file).read_all(size_t{1} << 20), file, CsvHeader::none);
    check(table.features == 64, file, ": ", table.features, " columns of pixels, expected 64");
    for (float& value : table.values) value /= 16;
    Samples samples;
    samples.all = {Tensor({table.rows, 1, 8, 8}, table.values), Tensor({table.rows}, table.labels)};
    samples.class_names = std::move(table.class_names);
    samples.description = "UCI handwritten digits, 8x8 pixels (Alpaydin and Kaynak 1998, CC BY 4.0)";
    return samples;
  }
};

const auto& digits_row = add_dataset<Digits>(
    "Digits", "The embedded UCI handwritten digits: 1,797 images of 8×8 pixels in 10 classes.", TestBy::tail);

}  // namespace
}  // namespace tarn
