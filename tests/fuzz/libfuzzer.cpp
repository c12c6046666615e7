// What libFuzzer calls: the one target of its program, and that target's way to change bytes.
#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "tests/fuzz/target.h"

using namespace tarn::fuzz;

namespace {

const Target& the_target() {
  static const Target& target = targets().begin()->second;
  return target;
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  tarn::set_threads(1);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  run(the_target(), {reinterpret_cast<const char*>(data), size});
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  const Target& target = the_target();
  if (target.mutate == nullptr || seed % 4 == 0) return LLVMFuzzerMutate(data, size, most);
  const Change change = [](std::string_view bytes, size_t room) {
    std::string out(bytes);
    out.resize(std::max<size_t>(bytes.size() + room, 1));
    out.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(out.data()), bytes.size(), out.size()));
    return out;
  };
  const std::string out = target.mutate({reinterpret_cast<const char*>(data), size}, seed / 4, change);
  if (out.empty() || out.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, out.data(), out.size());
  return out.size();
}
