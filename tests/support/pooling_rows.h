// The registered poolings, inputs for them, and whether an error says which of them it is about.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "layers/module.h"

namespace tarn::test {

/// All rows of poolings: those that have a page of their own, and those of plain maxima and means.
inline std::vector<const LayerInfo*> pooling_rows() {
  std::vector<const LayerInfo*> rows = all_layers();
  std::erase_if(rows,
                [](const LayerInfo* row) { return !row->is_pooling && row->name.find("Pool") == row->name.npos; });
  return rows;
}

/// How many spatial dimensions a row of a fixed number has, by the end of its name; 0: others.
inline int fixed_rank(const LayerInfo& row) {
  const std::string& n = row.name;
  const bool fixed = n.size() > 2 && n.back() == 'd' && n[n.size() - 2] >= '1' && n[n.size() - 2] <= '3';
  return fixed ? n[n.size() - 2] - '0' : 0;
}

inline Json sample_config(const LayerInfo& row) {
  Json config = parse_json(row.sample_config, "config.json");
  config.set("type", row.name);
  return parse_json(to_text(config), "config.json");
}

/// The row's sample with another value for one field.
inline Json with_field(const LayerInfo& row, const std::string& field, const Json& value) {
  Json config = sample_config(row);
  config.set(field, value);
  return parse_json(to_text(config), "config.json");
}

/// The words that a field takes, where these are listed.
inline std::vector<std::string> choices_of(const FieldInfo& field) {
  std::vector<std::string> words;
  for (size_t at = field.bounds.find('\''); at != std::string::npos; at = field.bounds.find('\'', at)) {
    const size_t end = field.bounds.find('\'', at + 1);
    if (end == std::string::npos) break;
    words.push_back(field.bounds.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return words;
}

inline std::string letters_of(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c))) out.push_back(static_cast<char>(std::tolower(c)));
  return out;
}

/// Whether a message says which layer it is about: by the place in the config, or by the layer's name, in any spelling
/// and with or without its number of dimensions.
inline bool names_layer(const std::string& message, const LayerInfo& row) {
  if (message.starts_with("config.json:")) return true;
  std::string family = letters_of(row.name);
  if (fixed_rank(row) > 0) family.resize(family.size() - 2);
  return letters_of(message).find(family) != std::string::npos;
}

/// A layer built for inputs of some shapes and run on others.
inline Tensors run_row(const Json& config, const std::vector<Shape>& built_for, const Tensors& inputs,
                       bool training = false, Dtype dtype = Dtype::f64) {
  Build build{.inputs = built_for, .seed = 3, .dtype = dtype};
  const auto layer = make_layer(config, build);
  Context context{.training = training, .seed = 5};
  return layer->apply(inputs, context);
}

inline std::vector<Shape> shapes_of(const Tensors& tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& t : tensors) shapes.push_back(t.shape());
  return shapes;
}

}  // namespace tarn::test
