// Tests of the report: one page with everything in it, for any outcome of a training.
#include "apps/report/report.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/report/chart.h"
#include "apps/report/picture.h"

namespace tarn::test_report {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

// Ten pictures of 4 x 4 in two classes.
Data pictures() {
  Data data;
  std::vector<float> values;
  std::vector<int64_t> classes;
  for (int i = 0; i < 10; ++i) {
    classes.push_back(i % 2);
    for (int j = 0; j < 16; ++j) values.push_back(static_cast<float>((i * 7 + j * 5) % 11));
  }
  data.train = {Tensor({10, 1, 4, 4}, values), Tensor({10}, classes)};
  data.validation = data.train;
  data.test = data.train;
  data.input = Shape{1, 4, 4};
  data.classes = 2;
  data.class_names = {"cat", "dog"};
  data.batching.batch_size = 5;
  return data;
}

Experiment experiment_of(int64_t epochs) {
  Experiment experiment;
  experiment.name = "small";
  experiment.data = parse_json(R"({"type": "Xor"})", "data");
  experiment.model = parse_json(R"(["Flatten", {"name": "fc", "type": "Linear", "out_features": 2}])", "model");
  experiment.train.epochs = epochs;
  return experiment;
}

// The page of a training; `test` may change what the test part showed.
template <class Change>
std::string page(const Experiment& experiment, const Data& data, Change change) {
  Trainer trainer(experiment, data);
  while (!trainer.finished()) trainer.run_epoch([](auto...) { return true; });
  Evaluation test = evaluate(trainer.model(), trainer.loss(), data, data.test);
  change(test);
  return report_html(experiment, data, trainer, test);
}
std::string page(const Experiment& experiment, const Data& data) {
  return page(experiment, data, [](Evaluation&) {});
}

TEST_CASE("a report needs nothing but itself") {
  const std::string html = page(experiment_of(3), pictures());
  for (const std::string outside : {"http:", "https:", "='//", "href", "<script", "<link", "@import", "url("}) {
    CAPTURE(outside);
    CHECK_FALSE(says(html, outside));
  }
  CHECK(html.rfind("<!doctype html>", 0) == 0);
  CHECK(count(html, "<svg") == 3);
  CHECK(says(html, "Confusion matrix"));
  CHECK(says(html, "&quot;out_features&quot;: 2"));
}

TEST_CASE("names are text in a report, whatever they are") {
  Experiment experiment = experiment_of(1);
  experiment.name = "<b>&'\"";
  Data data = pictures();
  data.class_names = {"<img src=x>", "a & b"};
  data.description = "<i>data";
  const std::string html = page(experiment, data);
  CHECK(says(html, "<h1>&lt;b&gt;&amp;&#39;&quot;</h1>"));
  CHECK(says(html, "&lt;img src=x&gt;"));
  CHECK(says(html, "&lt;i&gt;data"));
  CHECK_FALSE(says(html, "<b>&'"));
  CHECK_FALSE(says(html, "<img src=x>"));
  CHECK_FALSE(says(html, "a & b"));
  CHECK_FALSE(says(html, "<i>data"));
}

TEST_CASE("each mistake is a picture, the surest first") {
  const std::string html = page(experiment_of(1), pictures(), [](Evaluation& test) {
    test.mistakes = {{3, 1, 0, 0.6}, {8, 0, 1, 0.9}, {5, 1, 0, 0.7}};
  });
  CHECK(count(html, "<img ") == 3);
  CHECK(count(html, "src='data:image/bmp;base64,") == 3);
  CHECK(says(html, "cat → dog"));
  const size_t first = html.find("no. 8");
  const size_t second = html.find("no. 5");
  const size_t third = html.find("no. 3");
  CHECK(first < second);
  CHECK(second < third);
  CHECK(third != std::string::npos);
}

TEST_CASE("of many mistakes the surest 60 are shown, and none is said where there is none") {
  const std::string many = page(experiment_of(1), pictures(), [](Evaluation& test) {
    test.mistakes.assign(100, {0, 0, 1, 0.5});
  });
  CHECK(count(many, "<img ") == 60);
  CHECK(says(many, "The 60 surest of 100"));
  const std::string none = page(experiment_of(1), pictures(), [](Evaluation& test) { test.mistakes.clear(); });
  CHECK(says(none, "<p>None.</p>"));
}

TEST_CASE("samples that are no pictures are told by number") {
  Data data = pictures();
  for (Examples* part : {&data.train, &data.validation, &data.test}) part->x = part->x.viewed({10, 16});
  data.input = Shape{16};
  const std::string html = page(experiment_of(1), data, [](Evaluation& test) { test.mistakes = {{3, 1, 0, 0.6}}; });
  CHECK_FALSE(says(html, "<img "));
  CHECK(says(html, "dog → cat<br><span>60 %, no. 3"));
}

TEST_CASE("without classes there is nothing to tell of them") {
  const Data data = pictures();
  const Experiment experiment = experiment_of(2);
  Trainer trainer(experiment, data);
  while (!trainer.finished()) trainer.run_epoch([](auto...) { return true; });
  Data regression = data;
  regression.classes = 0;
  regression.task = Task::regression;
  regression.class_names.clear();
  Evaluation test;
  test.task = Task::regression;
  test.examples = 10;
  test.loss = 0.25;
  const std::string html = report_html(experiment, regression, trainer, test);
  CHECK(count(html, "<svg") == 2);
  CHECK_FALSE(says(html, "ccuracy"));
  CHECK_FALSE(says(html, "Confusion"));
  CHECK_FALSE(says(html, "isclassified"));
  CHECK(says(html, "<b>0.25</b>"));
}

TEST_CASE("a report of no epoch, of one, and without other parts is whole") {
  const std::string none = page(experiment_of(0), pictures());
  CHECK(says(none, "Not trained"));
  CHECK_FALSE(says(none, "<svg"));
  CHECK(says(none, "</html>"));
  Data data = pictures();
  data.validation = {};
  data.test = {};
  const std::string one = page(experiment_of(1), data);
  CHECK(count(one, "<svg") == 3);
  CHECK_FALSE(says(one, "validation</tspan>"));
  CHECK_FALSE(says(one, "test accuracy"));
  CHECK(says(one, "10 samples to learn from.</p>"));
}

TEST_CASE("a test loss that is not finite is said in words") {
  const std::string html = page(experiment_of(1), pictures(), [](Evaluation& test) { test.loss = nan; });
  CHECK(says(html, "<b>not finite</b>"));
  CHECK_FALSE(says(html, "nan"));
}

TEST_CASE("charts draw any values: gaps, constants, extremes, one point, none") {
  const std::vector<std::vector<double>> curves = {{},
                                                   {1},
                                                   {nan},
                                                   {nan, 1, nan, infinity, 2, -infinity},
                                                   {0, 0, 0},
                                                   {-5, -5},
                                                   {1e308, 1e-308},
                                                   {-1e308, 1e308},
                                                   {5e-324, 1},
                                                   {1e16, 1e16 + 2},
                                                   {-0.0, 1e-300}};
  for (const auto& values : curves)
    for (const bool logarithmic : {false, true}) {
      CAPTURE(values.size());
      const std::string text = svg({"title", {{"a", "red", values}, {"b", "blue", {}}}, logarithmic, 1, "mark"});
      CHECK_FALSE(says(text, "nan"));
      CHECK_FALSE(says(text, "inf"));
      CHECK(text.size() < 8000);
      const auto finite = std::count_if(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
      CHECK(count(text, "<circle") == static_cast<size_t>(finite));
    }
}

TEST_CASE("a chart is logarithmic where that is asked for and values span enough") {
  const auto chart = [](std::vector<double> values, bool asked) {
    return svg({"loss", {{"a", "red", std::move(values)}}, asked});
  };
  CHECK(says(chart({100, 1, 0.1}, true), "(logarithmic)"));
  CHECK_FALSE(says(chart({100, 1, 0.1}, false), "(logarithmic)"));
  CHECK_FALSE(says(chart({2, 1}, true), "(logarithmic)"));
  CHECK_FALSE(says(chart({2, 0}, true), "(logarithmic)"));
}

TEST_CASE("a flat curve has one grid line, with its value") {
  const std::string text = svg({"rate", {{"a", "red", {5.25e-5, 5.25e-5, 5.25e-5}}}});
  CHECK(count(text, "<line") == 1);
  CHECK(says(text, ">5.25e-5</text>"));
}

TEST_CASE("the chart of a very long training stays small") {
  CHECK(svg({"loss", {{"a", "red", std::vector<double>(100000, 1.0)}}}).size() < 100000);
}

TEST_CASE("pictures are of bounded size, and values that are not finite are black") {
  const Shape tall{3, 1000, 10};
  CHECK(drawable(tall));
  CHECK_FALSE(drawable(Shape{2, 8, 8}));
  CHECK_FALSE(drawable(Shape{8, 8}));
  CHECK_FALSE(drawable(Shape{1, 0, 8}));
  CHECK(picture_uri(Tensor::ones({1, 3, 1000, 10}), 0).size() < 2000);
  const auto row = [](const std::vector<float>& pixels) { return picture_uri(Tensor({1, 1, 1, 3}, pixels), 0); };
  CHECK(row({static_cast<float>(nan), 0, 1}) == row({0, 0, 1}));
  CHECK(row({static_cast<float>(infinity), 0, 1}) == row({0, 0, 1}));
  CHECK(row({-3e38f, -3e38f, 3e38f}) == row({0, 0, 1}));
  CHECK(row({0, 1, 1}) != row({0, 0, 1}));
}

}  // namespace
}  // namespace tarn::test_report
