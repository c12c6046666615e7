// A program outside Tarn: builds a net, trains it and saves it. Headers are found as <tarn/core/ops.h> and as
// "core/ops.h".
#include <tarn/core/safetensors.h>
#include <tarn/core/tape.h>
#include <tarn/data/loader.h>
#include <tarn/layers/loss.h>
#include <tarn/layers/model.h>
#include <tarn/optim/optimizer.h>

#include <cstdio>

#include "core/json.h"

using namespace tarn;

int main() {
  const Data data = make_dataset(parse_json(R"({"type": "Moons", "n": 400, "batch_size": 40})", "data"), 1, ".");
  Model model(
      parse_json(R"([{"type": "Linear", "out_features": 32}, "ReLU", {"type": "Linear", "out_features": 2}])", "model"),
      Build{.inputs = {{40, 2}}, .seed = 1});
  const auto loss_of = make_loss("CrossEntropyLoss");
  const auto optimizer = make_optimizer(parse_json(R"({"type": "Adam", "lr": 0.01})", "optimizer"), parameters(model));
  Loader loader(data.train, data.batching, 1);
  Context context{.seed = 1};
  double last = 0;
  for (int epoch = 0; epoch < 30; ++epoch) {
    loader.start(epoch);
    for (Batch batch; loader.next(batch); ++context.step) {
      Tape tape;
      const Tensor loss = loss_of->value(model.forward(batch.x, context), batch.y);
      optimizer->step(tape.gradient(loss, optimizer->parameters()));
      last = loss.item();
    }
  }
  std::vector<std::pair<std::string, Tensor>> weights;
  for (const NamedTensor& p : parameters(model)) weights.emplace_back(p.name, *p.tensor);
  save_safetensors("moons.safetensors", weights);
  std::printf("loss %.4f, %zu tensors saved\n", last, load_safetensors("moons.safetensors").size());
  return last < 0.3 && load_safetensors("moons.safetensors").size() == 4 ? 0 : 1;
}
