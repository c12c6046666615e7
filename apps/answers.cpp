// Writing answers for each task, as text and as JSON.
#include "apps/answers.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <vector>

#include "apps/columns.h"
#include "apps/evaluate.h"
#include "apps/metrics.h"
#include "core/ops.h"

namespace tarn {

namespace {

std::string name_in(const Data& data, size_t i) {
  return i < data.class_names.size() ? data.class_names[i] : std::to_string(i);
}

Json begin_line(const std::string& name) {
  return Json::object().set("input", name);
}

/// Positions of values, the largest value first.
std::vector<size_t> descending(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return values[a] > values[b]; });
  return order;
}

std::string class_answer(const Data& data, const std::string& name, const std::vector<double>& chances,
                         const AnswerStyle& style) {
  std::vector<size_t> order = descending(chances);
  const size_t best = order.front();
  const size_t listed = style.top > 0 ? static_cast<size_t>(style.top) : style.json ? order.size() : 1;
  order.resize(std::min(order.size(), listed));
  if (!style.json) {
    std::string line = name + ":";
    for (size_t k = 0; k < order.size(); ++k)
      line += text(k == 0 ? " " : ", ", name_in(data, order[k]), " ", formatted(chances[order[k]], "%.4f"));
    return line;
  }
  if (style.top == 0) std::sort(order.begin(), order.end());
  Json all = Json::object();
  for (const size_t i : order) all.set(name_in(data, i), chances[i]);
  Json line = begin_line(name);
  line.set("class", name_in(data, best)).set("probability", chances[best]);
  return to_text(line.set("probabilities", all));
}

std::string mask_answer(const Data& data, const std::string& name, std::span<const int64_t> mask,
                        const AnswerStyle& style) {
  std::vector<double> shares(static_cast<size_t>(data.classes), 0);
  for (const int64_t c : mask) shares[static_cast<size_t>(c)] += 1;
  for (double& share : shares) share /= static_cast<double>(mask.size());
  std::vector<size_t> order = descending(shares);
  while (!order.empty() && shares[order.back()] == 0) order.pop_back();
  if (style.top > 0) order.resize(std::min(order.size(), static_cast<size_t>(style.top)));
  Json all = Json::object();
  std::string line = name + ":";
  for (const size_t c : order) {
    all.set(name_in(data, c), shares[c]);
    line += text(c == order.front() ? " " : ", ", name_in(data, c), " ", formatted(100 * shares[c], "%.2f %%"));
  }
  return style.json ? to_text(begin_line(name).set("pixels", static_cast<int64_t>(mask.size())).set("shares", all))
                    : line;
}

std::string joints_answer(const Data& data, const std::string& name, std::span<const Told> told,
                          const AnswerStyle& style) {
  if (style.json) {
    Json joints = Json::object();
    for (size_t k = 0; k < told.size(); ++k)
      joints.set(name_in(data, k), Json::object().set("x", told[k].x).set("y", told[k].y).set("score", told[k].score));
    Json line = begin_line(name);
    line.set("height", data.input[1]).set("width", data.input[2]);
    return to_text(line.set("joints", joints));
  }
  char row[128];
  std::snprintf(row, sizeof row, "\n  %-16s %8s %8s %8s", "joint", "x", "y", "score");
  std::string out = name + ":" + row;
  for (size_t k = 0; k < told.size(); ++k) {
    std::snprintf(row, sizeof row, "\n  %-16.80s %8.1f %8.1f %8.3f", name_in(data, k).c_str(), told[k].x, told[k].y,
                  told[k].score);
    out += row;
  }
  return out;
}

std::string numbers_answer(const std::string& name, std::span<const float> values, const AnswerStyle& style) {
  Json all = Json::array();
  std::string line = name + ":";
  for (const float value : values) {
    all.push(static_cast<double>(value));
    line += " " + formatted(static_cast<double>(value), "%.6g");
  }
  return style.json ? to_text(begin_line(name).set("values", all)) : line;
}

}  // namespace

void check_answers(const std::string& run, const Data& data, const Shape& output) {
  if (data.task == Task::classification)
    check(output.rank() == 2, run, ": the model's output for one sample is ", output,
          "; expected [1, classes]: the run's data set has classes");
  if (data.task == Task::segmentation || data.task == Task::keypoints)
    check(output.rank() == 4 && output[1] == data.classes, run, ": the model's output for one sample is ", output,
          "; expected [1, ", data.classes, ", height, width]: the run's data set is for ", name_of(data.task));
}

std::string answers(const Data& data, const Tensor& outputs, std::span<const std::string> names,
                    const AnswerStyle& style) {
  const auto n = static_cast<size_t>(outputs.size(0));
  const size_t each = static_cast<size_t>(row_shape(outputs).numel());
  std::string out;
  const auto lines = [&](auto&& answer) {
    for (size_t i = 0; i < n; ++i) out += answer(i) + "\n";
  };
  if (data.task == Task::classification) {
    const std::vector<float> chances = (style.probabilities ? outputs : probabilities(outputs)).to_vector<float>();
    lines([&](size_t i) {
      const auto row = std::span(chances).subspan(i * each, each);
      return class_answer(data, names[i], {row.begin(), row.end()}, style);
    });
  } else if (data.task == Task::segmentation) {
    const std::vector<int64_t> masks = argmax(outputs, 1).to_vector<int64_t>();
    const size_t pixels = masks.size() / std::max<size_t>(n, 1);
    lines([&](size_t i) { return mask_answer(data, names[i], std::span(masks).subspan(i * pixels, pixels), style); });
  } else if (data.task == Task::keypoints) {
    const std::vector<Told> told = places_of(outputs, data.input);
    const auto joints = static_cast<size_t>(outputs.size(1));
    lines([&](size_t i) { return joints_answer(data, names[i], std::span(told).subspan(i * joints, joints), style); });
  } else {
    const std::vector<float> values = outputs.to_vector<float>();
    lines([&](size_t i) { return numbers_answer(names[i], std::span(values).subspan(i * each, each), style); });
  }
  return out;
}

}  // namespace tarn
