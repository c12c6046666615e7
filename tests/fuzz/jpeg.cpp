// Fuzz target: JPEG pictures.
#include "data/image.h"
#include "tests/fuzz/picture.h"
#include "tests/fuzz/target.h"

namespace tarn::fuzz {

namespace {

void run_jpeg(std::string_view bytes) {
  check_picture(decode_jpeg(bytes, "input"));
}

const auto& jpeg_target = add_target({.name = "jpeg", .run = run_jpeg});

}  // namespace

}  // namespace tarn::fuzz
