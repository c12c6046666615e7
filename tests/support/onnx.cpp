// A reader of protocol buffers for the few messages of ONNX that tests need (onnx.proto names the field numbers).
#include "tests/support/onnx.h"

#include <cstring>
#include <functional>

#include "core/file.h"

namespace tarn::test {
namespace {

/// One field of a message.
struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // where it is a varint
  std::string_view bytes;  // where it has a length, or is a fixed number
};

uint64_t varint(std::string_view& in) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    check(!in.empty(), "onnx: the file ends inside a number");
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  fail("onnx: a number has too many bytes");
}

void each_field(std::string_view message, const std::function<void(const Field&)>& visit) {
  while (!message.empty()) {
    const uint64_t key = varint(message);
    Field field{key >> 3, 0, {}};
    const uint64_t kind = key & 7;
    size_t length = kind == 1 ? 8 : kind == 5 ? 4 : 0;
    if (kind == 0) field.value = varint(message);
    if (kind == 2) length = varint(message);
    check(kind <= 2 || kind == 5, "onnx: a field of kind ", kind);
    check(length <= message.size(), "onnx: the file ends inside a field");
    field.bytes = message.substr(0, length);
    message.remove_prefix(length);
    visit(field);
  }
}

/// A repeated integer, packed or not.
void add_integers(std::vector<int64_t>& to, const Field& field) {
  std::string_view packed = field.bytes;
  if (packed.empty()) to.push_back(static_cast<int64_t>(field.value));
  while (!packed.empty()) to.push_back(static_cast<int64_t>(varint(packed)));
}

void read_attribute(std::string_view message, OnnxNode& node) {
  std::string name, word;
  std::vector<int64_t> numbers;
  each_field(message, [&](const Field& f) {
    if (f.number == 1) name = f.bytes;
    if (f.number == 3 || f.number == 8) add_integers(numbers, f);
    if (f.number == 4) word = f.bytes;
  });
  if (!numbers.empty()) node.integers[name] = numbers;
  if (!word.empty()) node.strings[name] = word;
}

template <class T>
Tensor from_raw(const Shape& shape, std::string_view raw) {
  std::vector<T> values(raw.size() / sizeof(T));
  std::memcpy(values.data(), raw.data(), values.size() * sizeof(T));
  return Tensor(shape, values);
}

}  // namespace

int64_t OnnxNode::integer(const std::string& name, int64_t otherwise) const {
  const auto found = integers.find(name);
  return found == integers.end() ? otherwise : found->second.at(0);
}

std::vector<int64_t> OnnxNode::list(const std::string& name, size_t size, int64_t otherwise) const {
  const auto found = integers.find(name);
  return found == integers.end() ? std::vector<int64_t>(size, otherwise) : found->second;
}

OnnxNode read_onnx_node(const std::string& path) {
  const std::string file = read_file(path, 1 << 24);
  OnnxNode node;
  each_field(file, [&](const Field& model) {
    if (model.number != 7) return;
    each_field(model.bytes, [&](const Field& graph) {
      if (graph.number != 1) return;
      check(node.op.empty(), path, ": more than one node");
      each_field(graph.bytes, [&](const Field& f) {
        if (f.number == 1) node.inputs.emplace_back(f.bytes);
        if (f.number == 2) node.outputs.emplace_back(f.bytes);
        if (f.number == 4) node.op = f.bytes;
        if (f.number == 5) read_attribute(f.bytes, node);
      });
    });
  });
  check(!node.op.empty(), path, ": no node");
  return node;
}

Tensor read_onnx_tensor(const std::string& path) {
  const std::string file = read_file(path, 1 << 26);
  std::vector<int64_t> sizes, integers;
  std::vector<float> floats;
  uint64_t type = 0;
  std::string_view raw;
  each_field(file, [&](const Field& f) {
    if (f.number == 1) add_integers(sizes, f);
    if (f.number == 2) type = f.value;
    if (f.number == 5 || f.number == 7) add_integers(integers, f);
    if (f.number == 9) raw = f.bytes;
    if (f.number == 4) {
      const size_t before = floats.size();
      floats.resize(before + f.bytes.size() / sizeof(float));
      std::memcpy(floats.data() + before, f.bytes.data(), f.bytes.size());
    }
  });
  const Shape shape{std::span<const int64_t>(sizes)};
  constexpr uint64_t float32 = 1, uint8 = 2, int64 = 7, float64 = 11;
  if (type == float32) return raw.empty() ? Tensor(shape, floats) : from_raw<float>(shape, raw);
  if (type == float64) return from_raw<double>(shape, raw);
  if (type == int64) return raw.empty() ? Tensor(shape, integers) : from_raw<int64_t>(shape, raw);
  check(type == uint8, path, ": tensors of type ", type, " are not read");
  std::vector<double> values(integers.begin(), integers.end());
  for (const char c : raw) values.push_back(static_cast<double>(static_cast<unsigned char>(c)));
  return Tensor(shape, values);
}

}  // namespace tarn::test
