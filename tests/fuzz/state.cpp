// Fuzz target: what a training is resumed from. The first two bytes say which tensor is changed and how, the third how
// many of the following bytes are for that; the rest are the counters, as JSON.
#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "tests/fuzz/target.h"
#include "tests/support/small_run.h"

namespace tarn::fuzz {

namespace {

enum class Touch { none, bytes, drop, rename, reshape, retype };

/// A training, and the state that it is asked to take changed forms of.
struct Resumed {
  test::SmallRun run{3};
  Trainer trainer = run.trainer();
  NamedValues tensors;

  Resumed() {
    trainer.run_epoch([&](auto...) { return trainer.steps() < 4; });
    for (const auto& [name, value] : trainer.state().tensors) tensors.emplace_back(name, value.clone());
  }
};

void touch(NamedValues& tensors, size_t which, Touch how, std::string_view with) {
  auto& [name, value] = tensors[which % tensors.size()];
  switch (how) {
    case Touch::bytes: {
      value = value.clone();
      std::string bytes(static_cast<const char*>(value.storage().data()), static_cast<size_t>(value.bytes()));
      std::copy_n(with.data(), std::min(with.size(), bytes.size()), bytes.data());
      std::memcpy(value.storage().data(), bytes.data(), bytes.size());
      return;
    }
    case Touch::drop:
      tensors.erase(tensors.begin() + static_cast<ptrdiff_t>(which % tensors.size()));
      return;
    case Touch::rename:
      name = with;
      return;
    case Touch::reshape:
      value = Tensor::zeros({static_cast<int64_t>(with.size())}, value.dtype());
      return;
    case Touch::retype:
      value = Tensor::zeros(value.shape(), value.dtype() == Dtype::f64 ? Dtype::i64 : Dtype::f64);
      return;
    case Touch::none:
      return;
  }
}

void run_state(std::string_view bytes) {
  static Resumed resumed;
  if (bytes.size() < 3) fail("no state");
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes[i])); };
  const size_t size = std::min(byte(2), bytes.size() - 3);
  NamedValues tensors = resumed.tensors;
  touch(tensors, byte(0), Touch(byte(1) % 6), bytes.substr(3, size));
  Trainer& trainer = resumed.trainer;
  trainer.load_state(tensors, std::string(bytes.substr(3 + size)));

  const int64_t epochs = static_cast<int64_t>(trainer.history().size());
  require(trainer.epoch() == epochs && trainer.best_epoch() <= epochs, "epochs agree with the history");
  const Trainer::State state = trainer.state();
  trainer.load_state(state.tensors, state.facts);
  require(trainer.state().facts == state.facts, "what was resumed is saved as the same");
}

const auto& state_target = add_target({.name = "state", .run = run_state});

}  // namespace

}  // namespace tarn::fuzz
