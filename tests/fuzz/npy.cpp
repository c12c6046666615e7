// Fuzz target: NumPy's .npy arrays.
#include <cmath>

#include "core/error.h"
#include "data/image.h"
#include "tests/fuzz/pack.h"

namespace tarn::fuzz {

namespace {

void run_npy(std::string_view bytes) {
  const NpyArray array = decode_npy(bytes, "input");
  require(array.values.numel() >= 1, "an array has elements");
  require(static_cast<size_t>(array.values.numel()) <= bytes.size(), "an element takes a byte at least");
  const Tensor floats = decode_npy_floats(bytes, "input");
  require(floats.shape() == array.values.shape(), "both readers see one shape");
  for (int64_t i = 0; i < floats.numel(); ++i) {
    const double value = array.values.at(i);
    const auto expected = static_cast<float>(array.bytes ? value / 255 : value);
    require(std::abs(static_cast<float>(floats.at(i)) - expected) <= 1e-7f * std::abs(expected),
            "both readers see the same elements");
  }
}

// The header changed, with its length; or what follows it.
std::string mutate_npy(std::string_view bytes, uint64_t seed, const Change& change) {
  const size_t length = little_at(bytes, 8, 2);
  if (length > 512 || bytes.size() < 10 + length) return change(bytes, 32);
  const std::string header(bytes.substr(10, length));
  const std::string data(bytes.substr(10 + length));
  const std::string changed = seed % 2 == 0 ? change(header, 16) : header;
  const std::string magic(bytes.substr(0, 8));
  return magic + little_bytes(static_cast<uint32_t>(changed.size()), 2) + changed +
         (seed % 2 == 0 ? data : change(data, 16));
}

const auto& npy_target = add_target({.name = "npy", .run = run_npy, .mutate = mutate_npy});

}  // namespace

}  // namespace tarn::fuzz
