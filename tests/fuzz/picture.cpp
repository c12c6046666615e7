// What every picture that was read must be.
#include "tests/fuzz/picture.h"

#include <algorithm>

#include "tests/fuzz/target.h"

namespace tarn::fuzz {

void check_picture(const Tensor& picture) {
  require(picture.dtype() == Dtype::f32 && picture.rank() == 3, "a picture is float32 [C, H, W]");
  require(picture.size(0) == 1 || picture.size(0) == 3, "a picture is grey or coloured");
  require(picture.size(1) > 0 && picture.size(2) > 0, "a picture has pixels");
  constexpr int64_t looked_at = 4096;
  const float* values = picture.data<float>();
  const int64_t n = picture.numel();
  for (int64_t i = 0; i < std::min(n, looked_at); ++i) {
    require(values[i] >= 0 && values[i] <= 1, "values of a picture are in [0, 1]");
    require(values[n - 1 - i] >= 0 && values[n - 1 - i] <= 1, "values of a picture are in [0, 1]");
  }
}

}  // namespace tarn::fuzz
