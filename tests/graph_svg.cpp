// Tests of graphs drawn as SVG, made from models, and of `tarn graph`.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "apps/graph/from_model.h"
#include "apps/graph/layout.h"
#include "apps/graph/metrics.h"
#include "apps/graph/svg.h"
#include "core/file.h"
#include "tests/support/errors.h"
#include "tests/support/graph_cases.h"
#include "tests/support/program.h"

namespace tarn::test_graph_svg {
namespace {

using test::contains;

/// Reads XML without declarations, comments and CDATA, which these pictures do not need, and says what is wrong first.
class XmlScanner {
 public:
  explicit XmlScanner(std::string_view xml) : rest_(xml) {}

  std::string problem() {
    while (!rest_.empty()) {
      if (rest_.front() == '<' ? !tag() : !character()) return problem_;
      if (open_.empty() && rest_.find_first_not_of('\n') != std::string_view::npos && closed_)
        return "more than one root";
      if (open_.empty()) break;
    }
    return open_.empty() && closed_ ? "" : "elements are left open";
  }
  std::vector<std::string> texts;  ///< of <text> and <title> elements, entities resolved

 private:
  bool fails(const std::string& why) {
    problem_ = why + " at: " + std::string(rest_.substr(0, 40));
    return false;
  }
  std::string name() {
    size_t n = 0;
    while (n < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[n])) || rest_[n] == '-')) ++n;
    std::string word(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return word;
  }
  void skip_space() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front()))) rest_.remove_prefix(1);
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool character() {
    const char c = rest_.front();
    if (c == '&') {
      const std::pair<std::string_view, char> entities[] = {
          {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
      const auto* found = std::find_if(std::begin(entities), std::end(entities),
                                       [this](const auto& e) { return rest_.starts_with(e.first); });
      if (found == std::end(entities)) return fails("an unknown entity");
      text_ += found->second;
      rest_.remove_prefix(found->first.size());
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r')
      return fails("a control character");
    if (c == '<' || rest_.starts_with("]]>")) return fails("an unescaped character");
    text_ += c;
    rest_.remove_prefix(1);
    return true;
  }
  bool attributes() {
    for (;;) {
      const size_t before = rest_.size();
      skip_space();
      if (rest_.empty() || rest_.front() == '>' || rest_.front() == '/') return true;
      if (rest_.size() == before) return fails("no space before an attribute");
      if (name().empty() || !take("='")) return fails("a broken attribute");
      while (!rest_.empty() && rest_.front() != '\'')
        if (!character()) return false;
      if (!take("'")) return fails("an attribute without an end");
    }
  }
  bool tag() {
    take("<");
    if (take("/")) {
      const std::string closing = name();
      if (open_.empty() || open_.back() != closing || !take(">")) return fails("closes what is not open: " + closing);
      if (closing == "text" || closing == "title") texts.push_back(text_);
      open_.pop_back();
      closed_ = true;
      return true;
    }
    const std::string opening = name();
    if (opening.empty() || !attributes()) return problem_.empty() ? fails("a broken tag") : false;
    text_.clear();
    if (take("/>")) return true;
    open_.push_back(opening);
    return take(">") || fails("a tag without an end");
  }

  std::string_view rest_;
  std::string text_, problem_;
  std::vector<std::string> open_;
  bool closed_ = false;
};

Graph nasty_graph() {
  Graph graph{"<title> & \"quotes\" ]]> 'x'", {"note\x01 \xFF\xC3 end", "</desc>"}};
  graph.groups.push_back({"</g><script>", "&amp;", {"\x1B[31m"}});
  const size_t first = test::add_node(graph, 0);
  graph.nodes[first] = {"<&>'\"", "a\0b]]>", {"\xED\xA0\x80", "\xEF\xBF\xBF", "\xF4\x90\x80\x80"}, {"x<y\n&&"}};
  graph.nodes[first].group = 0;
  graph.edges.push_back({first, test::add_node(graph), 0, "8<9"});
  return graph;
}

Model model_of(const std::string& list, const Shape& input) {
  return Model(parse_json(list, "m.json"), Build{.inputs = {input}, .seed = 1});
}

constexpr const char* residual_list = R"([
  {"name": "conv", "type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1}, "BatchNorm2d", "ReLU",
  {"name": "pool", "type": "MaxPool2d", "kernel_size": 2, "return_indices": true},
  {"name": "unpool", "type": "MaxUnpool2d", "kernel_size": 2, "from": ["pool", "pool.indices"]},
  {"name": "sum", "type": "Add", "from": ["unpool", "conv"]}, "Flatten", {"type": "Linear", "out_features": 5}])";

TEST_CASE("pictures are well-formed XML, whatever their texts hold") {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const Graph graph = test::random_graph(seed, 20, 40);
    CHECK(XmlScanner(graph_svg(graph, lay_out(graph))).problem() == "");
  }
  const Graph nasty = nasty_graph();
  const std::string svg = graph_svg(nasty, lay_out(nasty, GraphDirection::right));
  XmlScanner scanner(svg);
  CHECK(scanner.problem() == "");
  CHECK(std::ranges::count(scanner.texts, "<&>'\"") == 1);  // a node's name, as it was given
  CHECK(std::ranges::count(scanner.texts, "8<9") == 1);
  CHECK(std::ranges::count(scanner.texts, "x<y\n&&") == 1);
  CHECK(!contains(svg, "<script>"));
}

TEST_CASE("the XML scanner finds what is broken") {
  for (const char* broken : {"<a>", "<a></b>", "<a x=1></a>", "<a x='<'></a>", "<a>&</a>", "<a>&nbsp;</a>",
                             "<a>\x02</a>", "<a></a><b></b>", "<a>]]></a>", "<a x='1'y='2'></a>"})
    CHECK_MESSAGE(XmlScanner(broken).problem() != "", broken);
  CHECK(XmlScanner("<a x='1' y='&lt;'><b/>text &amp; more</a>\n").problem() == "");
}

TEST_CASE("text for XML keeps characters of UTF-8 and replaces what is none") {
  CHECK(xml_text("8×8 … €😀") == "8×8 … €😀");
  CHECK(xml_text("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  const std::string sign = "\xEF\xBF\xBD";
  CHECK(xml_text("\x01\xFF") == sign + sign);
  CHECK(xml_text("\xC3") == sign);                        // cut off
  CHECK(xml_text("\xC0\x80") == sign + sign);             // an overlong zero
  CHECK(xml_text("\xED\xA0\x80") == sign + sign + sign);  // half of a surrogate pair
  CHECK(xml_text("\xEF\xBF\xBE") == sign + sign + sign);  // no character
  CHECK(xml_text("\xF4\x90\x80\x80") == sign + sign + sign + sign);
  CHECK(xml_text(std::string_view("\0", 1)) == sign);
}

TEST_CASE("texts are cut between characters, and boxes are as wide as what stands in them") {
  CHECK(shortened("abcdef", 6) == "abcdef");
  CHECK(shortened("abcdefg", 6) == "abcde…");
  CHECK(shortened("××××", 3) == "××…");
  const GraphNode small{"a", "b"};
  const GraphNode wide{"a much longer name", "b"};
  CHECK(node_size(wide, 1, 0).width > text_width("a much longer name", graph_name_size));
  CHECK(node_size(wide, 1, 0).width > node_size(small, 1, 0).width);
  CHECK(node_size(small, 30, 0).width > node_size(small, 1, 0).width);
  CHECK(node_size(small, 1, 80).width >= 160);
  CHECK(group_title({"name", "Type"}, 500) == "name · Type");
  CHECK(group_title({"name", "Type"}, 40) == "name");
}

TEST_CASE("counts and shapes are written in few letters") {
  CHECK(short_count(0) == "0");
  CHECK(short_count(999) == "999");
  CHECK(short_count(1000) == "1.0k");
  CHECK(short_count(99949) == "99.9k");
  CHECK(short_count(99951) == "100k");
  CHECK(short_count(999499) == "999k");
  CHECK(short_count(999500) == "1.0M");
  CHECK(short_count(1'200'000'000) == "1.2G");
  CHECK(sample_shape({1, 64, 56, 56}) == "64×56×56");
  CHECK(sample_shape({1, 10}) == "10");
  CHECK(sample_shape({1}) == "1");
}

TEST_CASE("types of layers have kinds") {
  const std::pair<const char*, GraphKind> expected[] = {{"Conv2d", GraphKind::conv},
                                                        {"ConvTranspose1d", GraphKind::conv},
                                                        {"GroupNorm", GraphKind::norm},
                                                        {"PReLU", GraphKind::activation},
                                                        {"GELU", GraphKind::activation},
                                                        {"Softmax", GraphKind::activation},
                                                        {"MaxPool2d", GraphKind::pooling},
                                                        {"RMAC", GraphKind::pooling},
                                                        {"Upsample", GraphKind::pooling},
                                                        {"Linear", GraphKind::linear},
                                                        {"Add", GraphKind::merge},
                                                        {"Concat", GraphKind::merge},
                                                        {"Dropout", GraphKind::other},
                                                        {"Flatten", GraphKind::other},
                                                        {"Residual", GraphKind::block},
                                                        {"nobody knows", GraphKind::other},
                                                        {"BilinearPool2d", GraphKind::pooling}};
  for (const auto& [type, kind] : expected) {
    CAPTURE(type);
    CHECK(kind_of_layer(type) == kind);
  }
}

TEST_CASE("a model's graph has its layers, the values that they read, and shapes where they change") {
  const Model model = model_of(residual_list, {1, 3, 8, 8});
  const Graph graph = model_graph(model, "m");
  REQUIRE(graph.nodes.size() == 10);  // with input and output
  CHECK(graph.nodes[0].kind == GraphKind::input);
  CHECK(graph.nodes[1].name == "conv");
  CHECK(graph.nodes[1].details == std::vector<std::string>{"224"});
  CHECK(graph.nodes[2].name == "BatchNorm2d");  // nobody named it
  CHECK(graph.nodes[9].kind == GraphKind::output);
  const auto edge = [&graph](size_t from, size_t to, size_t output) {
    return std::ranges::count_if(
        graph.edges, [&](const GraphEdge& e) { return e.from == from && e.to == to && e.output == output; });
  };
  CHECK(graph.edges.size() == 11);
  CHECK(edge(0, 1, 0) == 1);
  CHECK(edge(4, 5, 0) == 1);
  CHECK(edge(4, 5, 1) == 1);
  CHECK(edge(1, 6, 0) == 1);
  CHECK(edge(1, 2, 0) == 1);
  CHECK(edge(8, 9, 0) == 1);
  for (const GraphEdge& e : graph.edges) {
    const std::string expected[] = {"3×8×8", "8×8×8", "", "", "8×4×4", "8×8×8", "", "512", "5"};
    CHECK(e.label == expected[e.from]);
  }
  CHECK(contains(graph.nodes[1].tooltip.back(), "13,824 multiply-adds"));
  CHECK(XmlScanner(graph_svg(graph, lay_out(graph))).problem() == "");
}

TEST_CASE("blocks are groups down to the depth that is asked for, and single boxes below it") {
  const std::string body = R"([{"name": "a", "type": "Linear", "out_features": 4}, {"name": "b", "type": "Tanh"}])";
  Model whole = model_of(R"([{"name": "first", "type": "Sequential", "body": )" + body + R"(},
                             {"name": "second", "type": "Sequential", "body": )" +
                             body + R"(},
                             {"type": "Add", "from": ["first", "second"]}])",
                         {1, 4});

  const Graph open = model_graph(whole, "m");
  REQUIRE(open.groups.size() == 2);
  CHECK(open.groups[1].name == "second");
  REQUIRE(open.nodes.size() == 7);  // input, a, b, a, b, Add, output
  CHECK(open.nodes[2].group == 0);
  CHECK(open.nodes[3].group == 1);
  const std::pair<size_t, size_t> ends[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {2, 5}, {4, 5}, {5, 6}};
  REQUIRE(open.edges.size() == std::size(ends));
  for (size_t i = 0; i < std::size(ends); ++i) CHECK(std::pair(open.edges[i].from, open.edges[i].to) == ends[i]);

  const Graph closed = model_graph(whole, "m", 1);
  CHECK(closed.groups.empty());
  REQUIRE(closed.nodes.size() == 5);
  CHECK(closed.nodes[1].kind == GraphKind::block);
  CHECK(closed.nodes[1].details == std::vector<std::string>{"20", "2 layers inside"});
  CHECK(contains(model_outline(whole, "m", 1), "Sequential (2 layers)"));
  CHECK(contains(model_outline(whole, "m"), "\n  b "));
  CHECK(layer_count(whole) == 5);
}

TEST_CASE("the outline names what a layer reads where that is not the line before") {
  const std::string outline = model_outline(model_of(residual_list, {1, 3, 8, 8}), "m");
  CHECK(outline.starts_with("m: 8 layers, 2,805 parameters, "));
  CHECK(contains(outline, "reads pool, pool:1\n"));
  CHECK(contains(outline, "reads unpool, conv\n"));
  CHECK(std::ranges::count(outline, '\n') == 9);
  CHECK(!contains(outline, " \n"));
}

TEST_CASE("tarn graph prints an outline, writes a picture, and refuses what it cannot do") {
  const TemporaryFolder folder;
  const Ended outline = run_tarn({"graph", "digits"});
  CHECK(outline.status == 0);
  CHECK(contains(outline.out, "AdaptiveMaxPool2d"));
  const std::string file = folder / "digits.svg";
  const Ended written = run_tarn({"graph", "digits", "--svg", file});
  CHECK(written.status == 0);
  CHECK(contains(written.out, "16 boxes"));
  const Ended printed = run_tarn({"graph", "digits", "--svg", "-"});
  CHECK(printed.status == 0);
  CHECK(printed.out == read_file(file));
  CHECK(XmlScanner(printed.out).problem() == "");
  CHECK(run_tarn({"graph", "digits", "--svg", "-", "--direction", "right"}).out != printed.out);

  const std::pair<std::vector<std::string>, const char*> refused[] = {
      {{"graph"}, "CONFIG is missing"},
      {{"graph", "digits", "--direction", "up"}, "--direction: 'up' is none; write down or right"},
      {{"graph", "digits", "--depth", "0"}, "--depth: 0 is less than 1"},
      {{"graph", "digits", "--svg", folder / "no/such/folder.svg"}, "no/such/folder.svg"}};
  for (const auto& [arguments, why] : refused) {
    const Ended ended = run_tarn(arguments);
    CHECK(ended.status == 2);
    CHECK(ended.out == "");
    CHECK_MESSAGE(contains(ended.err, why), ended.err);
  }
}

}  // namespace
}  // namespace tarn::test_graph_svg
