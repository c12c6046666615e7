// Tests of training for masks, heatmaps, poses and numbers: that it learns, resumes to the same bits, and refuses
// losses and models that do not suit the targets.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "apps/answers.h"
#include "apps/trainer.h"
#include "core/file.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"

namespace tarn::test_tasks_training {
namespace {

using test::contains;
using test::message_of;

constexpr const char* shapes = R"({"type": "Shapes", "n": 60, "height": 16, "width": 16, "kinds": 2, "batch_size": 10,
                                   "augment": ["RandomHorizontalFlip"]})";
constexpr const char* joints = R"({"type": "Keypoints", "n": 60, "height": 16, "width": 16, "batch_size": 10})";
constexpr const char* poses =
    R"({"type": "Keypoints", "n": 60, "height": 16, "width": 16, "target": "pose", "batch_size": 10})";

constexpr const char* mask_model = R"([
  {"type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1}, "BatchNorm2d", "ReLU",
  {"type": "Conv2d", "out_channels": "=classes", "kernel_size": 1}])";
constexpr const char* joint_model = R"([
  {"type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1}, "BatchNorm2d", "ReLU",
  {"type": "MaxPool2d", "kernel_size": 2}, {"type": "Conv2d", "out_channels": "=classes", "kernel_size": 1}])";
constexpr const char* class_model = R"([
  {"type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1}, "ReLU",
  {"type": "AdaptiveMaxPool2d", "output_size": 4}, "Flatten", {"type": "Linear", "out_features": "=classes"}])";

Experiment experiment_of(const std::string& data, const std::string& model, const std::string& loss,
                         const std::string& best_by = "loss") {
  Experiment e;
  e.data = parse_json(data, "data.json");
  e.model = parse_json(model, "model.json");
  e.loss = Json(loss);
  e.optimizer = parse_json(R"({"type": "Adam", "lr": 0.01})", "optimizer.json");
  e.train.epochs = 4;
  e.train.best_by = best_by;
  return e;
}

void run(Trainer& trainer, int64_t stop_after = 1 << 30) {
  while (!trainer.finished())
    if (!trainer.run_epoch([&](auto...) { return --stop_after > 0; })) return;
}

TEST_CASE("a few epochs lower the loss for every task, and metrics are recorded under their names") {
  struct Case {
    const char *data, *model, *loss, *best_by;
    std::vector<std::string> keys;
  };
  for (const Case& c : {Case{shapes, mask_model, "CrossEntropyLoss", "mean_iou", {"mean_iou", "pixel_accuracy"}},
                        Case{joints, joint_model, "MSELoss", "pck", {"pck"}},
                        Case{poses, class_model, "CrossEntropyLoss", "accuracy", {"accuracy"}}}) {
    CAPTURE(std::string(c.data));
    Experiment experiment = experiment_of(c.data, c.model, c.loss, c.best_by);
    experiment.train.epochs = 10;
    const Data data = load_data(experiment);
    Trainer trainer(experiment, data);
    const double before = evaluate(trainer.model(), trainer.loss(), data, data.train).loss;
    run(trainer);
    CHECK(evaluate(trainer.model(), trainer.loss(), data, data.train).loss < 0.9 * before);
    CHECK(trainer.history().back().train_loss < trainer.history().front().train_loss);
    const Json line = to_json(trainer.history().back());
    for (const std::string& key : c.keys)
      for (const char* part : {"train_", "validation_"}) {
        CHECK(line.at(part + key).as_number() >= 0);
        CHECK(line.at(part + key).as_number() <= 1);
      }
    CHECK((line.find("train_accuracy") != nullptr) == (c.keys[0] == "accuracy"));
    CHECK(to_text(to_json(epoch_record(line))) == to_text(line));
    // The best epoch is the one with the highest metric, the first or the lower loss at a tie.
    const auto& history = trainer.history();
    const auto value = [](const EpochRecord& r) { return r.validation[0].value; };
    const double highest = value(*std::ranges::max_element(history, {}, value));
    CHECK(value(history[static_cast<size_t>(trainer.best_epoch() - 1)]) == highest);
  }
}

TEST_CASE("a training that was stopped in an epoch and resumed ends with the bits of one that was not") {
  for (const bool masks : {true, false}) {
    const Experiment experiment = masks ? experiment_of(shapes, mask_model, "CrossEntropyLoss", "mean_iou")
                                        : experiment_of(joints, joint_model, "MSELoss", "pck");
    const Data data = load_data(experiment);
    Trainer whole(experiment, data);
    run(whole);
    Trainer first(experiment, data);
    run(first, 8);  // of 5 steps an epoch
    CHECK(first.epoch() == 1);
    const Trainer::State state = first.state();
    Trainer second(experiment, data);
    second.load_state(state.tensors, state.facts);
    run(second);
    const NamedValues a = whole.state().tensors, b = second.state().tensors;
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i].first == b[i].first);
      CHECK(a[i].second.text(1 << 20) == b[i].second.text(1 << 20));
    }
    CHECK(whole.best_epoch() == second.best_epoch());
    for (size_t e = 0; e < 4; ++e) {
      Json one = to_json(whole.history()[e]), two = to_json(second.history()[e]);
      CHECK(to_text(one.set("seconds", 0)) == to_text(two.set("seconds", 0)));
    }
    const Experiment another = experiment_of(poses, class_model, "CrossEntropyLoss");
    const Data other_data = load_data(another);
    Trainer other(another, other_data);
    CHECK_THROWS_AS(other.load_state(state.tensors, state.facts), Error);
  }
}

TEST_CASE("numbers of any shape are learned by regression") {
  Experiment experiment = experiment_of(R"("Xor")", R"([{"type": "Linear", "out_features": 2}])", "MSELoss");
  Data data;
  data.task = Task::regression;
  data.input = Shape{3};
  Tensor x({64, 3}), y({64, 2});
  for (int64_t i = 0; i < 64; ++i) {
    const Stream draws{5, 6, static_cast<uint64_t>(i)};
    for (int64_t k = 0; k < 3; ++k)
      x.fill<float>()[3 * i + k] = static_cast<float>(draws.normal(static_cast<uint64_t>(k)));
    y.fill<float>()[2 * i] = x.data<float>()[3 * i] - x.data<float>()[3 * i + 1];
    y.fill<float>()[2 * i + 1] = 0.5f * x.data<float>()[3 * i + 2];
  }
  data.train = {x, y};
  data.validation = data.train;
  experiment.train.epochs = 200;
  experiment.optimizer = parse_json(R"({"type": "Adam", "lr": 0.05})", "optimizer.json");
  Trainer trainer(experiment, data);
  run(trainer);
  CHECK(trainer.history().back().validation_loss < 1e-3);
  CHECK(trainer.history().back().validation.empty());
  CHECK(result_text(evaluate(trainer.model(), trainer.loss(), data, data.train)).find("over 64 examples") !=
        std::string::npos);
}

TEST_CASE("losses and models that do not suit the targets are refused, saying what is expected") {
  const auto refused = [](const std::string& data, const std::string& model, const std::string& loss,
                          const std::string& best_by = "loss") {
    const Experiment experiment = experiment_of(data, model, loss, best_by);
    const Data loaded = load_data(experiment);
    return message_of([&] { const Trainer trainer(experiment, loaded); });
  };
  const std::string flat = refused(shapes, class_model, "CrossEntropyLoss");
  CHECK(contains(flat, "model.json:1"));
  CHECK(contains(flat, "the model gives [1,3] for one sample"));
  CHECK(contains(flat, "[1,3,16,16] is expected, a score for each class at each pixel"));
  CHECK(contains(flat, "\"out_channels\": \"=classes\""));
  CHECK(contains(refused(shapes, joint_model, "CrossEntropyLoss"), "the model gives [1,3,8,8]"));
  CHECK(contains(refused(joints, mask_model, "MSELoss"), "[1,11,8,8] is expected, a heatmap for each joint"));
  CHECK(contains(refused(shapes, mask_model, "MSELoss"), "does not suit the loss and the targets for segmentation"));
  CHECK(contains(refused(joints, joint_model, "NLLLoss"), "does not suit the loss and the targets for keypoints"));
  CHECK(contains(refused(joints, joint_model, "CrossEntropyLoss"),
                 "CrossEntropyLoss wants classes, but targets for keypoints are numbers"));
  CHECK(contains(refused(poses, class_model, "MSELoss"), "MSELoss does not suit targets that are classes"));
  CHECK(contains(refused(shapes, mask_model, "CrossEntropyLoss", "pck"), "expected loss or mean_iou"));
}

TEST_CASE("answers are lines or objects, in the words of the task") {
  Data data;
  data.task = Task::regression;
  const std::vector<std::string> names{"a", "b"};
  const Tensor numbers({2, 2}, std::vector<float>{1.5f, -2, 0, 0.25f});
  CHECK(answers(data, numbers, names, {}) == "a: 1.5 -2\nb: 0 0.25\n");
  CHECK(answers(data, numbers, names, {.json = true}) ==
        "{\"input\":\"a\",\"values\":[1.5,-2.0]}\n{\"input\":\"b\",\"values\":[0.0,0.25]}\n");
  data.task = Task::segmentation;
  data.classes = 2;
  data.class_names = {"sea", "land"};
  const Tensor scores({1, 2, 1, 4}, std::vector<float>{0, 1, 0, 0, 1, 0, 1, 1});
  CHECK(answers(data, scores, names, {}) == "a: land 75.00 %, sea 25.00 %\n");
  CHECK(answers(data, scores, names, {.top = 1}) == "a: land 75.00 %\n");
  CHECK_THROWS_AS(check_answers("run", data, Shape{1, 3, 1, 4}), Error);
  CHECK_THROWS_AS(check_answers("run", data, Shape{1, 2}), Error);
}

/// The lines that a program printed, as JSON.
std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> lines;
  for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    lines.push_back(parse_json(text.substr(at, text.find('\n', at) - at), "output"));
  return lines;
}

std::string config_text(const char* data, const char* model, const char* loss) {
  return text(R"({"data": )", data, R"(, "model": )", model, R"(, "loss": ")", loss, R"(", "train": {"epochs": 2}})");
}

TEST_CASE("train, eval, predict and the report speak of masks") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "c.json", config_text(shapes, mask_model, "CrossEntropyLoss"));
  const Ended trained = run_tarn({"train", folder / "c.json", "--out", folder / "run", "--json", "--quiet"});
  REQUIRE_MESSAGE(trained.status == 0, trained.err);
  const Json done = json_lines(trained.out).back();
  CHECK(done.at("test_accuracy").is_null());
  CHECK(done.at("test_mean_iou").as_number() > 0);
  CHECK(done.at("test_pixel_accuracy").as_number() > 0.3);
  const Json eval = json_lines(run_tarn({"eval", folder / "run", "--json"}).out)[0];
  CHECK(eval.at("test_mean_iou") == done.at("test_mean_iou"));
  CHECK(eval.at("test_loss") == done.at("test_loss"));
  CHECK(run_tarn({"eval", folder / "run"}).out.starts_with("test mean IoU 0."));
  CHECK(contains(read_file(folder / "run/metrics.jsonl"), "\"validation_mean_iou\":"));
  const std::string report = read_file(folder / "run/report.html");
  for (const char* part :
       {"test mean IoU", "<th>IoU</th>", "square", "told mask", "Confusion matrix", "Pixel accuracy"})
    CHECK_MESSAGE(contains(report, part), part);
  for (const char* part : {"Misclassified", "http:", "href=", "=nan", ">nan"})
    CHECK_FALSE_MESSAGE(contains(report, part), part);
  write_file_atomically(folder / "a.ppm", "P6 16 16 255\n" + std::string(16 * 16 * 3, '\x60'));
  const Json answer = json_lines(run_tarn({"predict", folder / "run", folder / "a.ppm", "--json"}).out)[0];
  double sum = 0;
  for (const Member& member : answer.at("shares").members()) sum += member.value.as_number();
  CHECK(sum == doctest::Approx(1));
  CHECK(answer.at("pixels").as_integer() == 256);
  // The classes with the largest shares first: "a.ppm: square 61.33 %, disc 38.67 %".
  const std::string first = answer.at("shares").members().front().key;
  const std::string line = run_tarn({"predict", folder / "run", folder / "a.ppm"}).out;
  CHECK(line.starts_with((folder / "a.ppm") + ": " + first + " "));
  CHECK(line.ends_with(" %\n"));
  CHECK(run_tarn({"gradcheck", folder / "c.json"}).status == 0);
  CHECK(run_tarn({"trace", folder / "c.json"}).status == 0);
}

TEST_CASE("train, eval, predict and the report speak of joints") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "c.json", config_text(joints, joint_model, "MSELoss"));
  const Ended trained = run_tarn({"train", folder / "c.json", "--out", folder / "run", "--json", "--quiet"});
  REQUIRE_MESSAGE(trained.status == 0, trained.err);
  const Json done = json_lines(trained.out).back();
  CHECK(done.at("test_accuracy").is_null());
  CHECK(done.at("test_pck").as_number() >= 0);
  CHECK(json_lines(run_tarn({"eval", folder / "run", "--json"}).out)[0].at("test_pck") == done.at("test_pck"));
  const std::string report = read_file(folder / "run/report.html");
  for (const char* part : {"test PCK@0.1", "left elbow", "Worst test samples", "rings are true joints"})
    CHECK_MESSAGE(contains(report, part), part);
  for (const char* part : {"http:", "href=", "=nan", ">nan"}) CHECK_FALSE_MESSAGE(contains(report, part), part);
  write_file_atomically(folder / "a.ppm", "P6 16 16 255\n" + std::string(16 * 16 * 3, '\x60'));
  const Json answer = json_lines(run_tarn({"predict", folder / "run", folder / "a.ppm", "--json"}).out)[0];
  CHECK(answer.at("joints").size() == 11);
  for (const Member& joint : answer.at("joints").members())
    for (const char* axis : {"x", "y"}) {
      CHECK(joint.value.at(axis).as_number() >= 0);
      CHECK(joint.value.at(axis).as_number() <= 15);
    }
  CHECK(contains(run_tarn({"predict", folder / "run", folder / "a.ppm"}).out, "right foot"));
  CHECK(run_tarn({"gradcheck", folder / "c.json"}).status == 0);
}

}  // namespace
}  // namespace tarn::test_tasks_training
