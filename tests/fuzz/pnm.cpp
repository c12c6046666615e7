// Fuzz target: PGM and PPM pictures.
#include "data/image.h"
#include "tests/fuzz/picture.h"
#include "tests/fuzz/target.h"

namespace tarn::fuzz {

namespace {

void run_pnm(std::string_view bytes) {
  check_picture(decode_pnm(bytes, "input"));
}

const auto& pnm_target = add_target({.name = "pnm", .run = run_pnm});

}  // namespace

}  // namespace tarn::fuzz
