// Reading shapes from a command line.
#include "apps/shapes.h"

#include <charconv>

#include "core/error.h"

namespace tarn {

Shape read_shape(const std::string& text) {
  std::vector<int64_t> sizes;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    int64_t size = 0;
    const auto [stop, problem] = std::from_chars(at, end, size);
    const bool separated = stop == end || (*stop == ',' && stop + 1 != end);
    check(problem == std::errc() && separated, "--shape: ", quote(text), " is not a list of sizes such as 32,3,28,28");
    sizes.push_back(size);
    at = stop == end ? end : stop + 1;
  }
  return Shape{std::span<const int64_t>(sizes)};
}

std::vector<Shape> read_shapes(const std::vector<std::string>& texts) {
  check(!texts.empty(), "--shape is missing: give the shape of the input, such as --shape 32,3,28,28");
  std::vector<Shape> shapes;
  for (const std::string& text : texts) shapes.push_back(read_shape(text));
  return shapes;
}

}  // namespace tarn
