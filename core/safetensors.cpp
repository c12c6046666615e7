// Reading and writing safetensors: https://github.com/huggingface/safetensors#format
#include "core/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "core/checksum.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"

namespace tarn {

namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian, and elements are copied as they are");

constexpr uint64_t longest_header = 100'000'000;  // as in the reference implementation
// Two keys, so that damage to the name of either is noticed: one for each tensor's bytes, as a JSON object by name, and
// one for the header with the first in it.
constexpr const char* tensors_key = "tarn.xxh3";
constexpr const char* header_key = "tarn.xxh3.header";
constexpr size_t most_values = 2'000'000;
constexpr const char* metadata_key = "__metadata__";

// Bytes of one element, or 0 where the format has no such dtype.
uint64_t element_bytes(std::string_view dtype) {
  static const std::map<std::string, uint64_t, std::less<>> bytes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
      {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},     {"F64", 8},     {"I64", 8}, {"U64", 8}};
  const auto found = bytes.find(dtype);
  return found == bytes.end() ? 0 : found->second;
}

const char* format_name(Dtype dtype) {
  return dtype == Dtype::f32 ? "F32" : dtype == Dtype::f64 ? "F64" : "I64";
}

int64_t natural(const Json& value) {
  const int64_t number = value.as_integer();
  check(number >= 0, value.where(), number, " is negative");
  return number;
}

// The bytes of a tensor of that shape; throws where 64 bits do not hold them.
uint64_t bytes_of(const std::vector<int64_t>& shape, uint64_t element, const Where& where) {
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  uint64_t bytes = element;
  for (const int64_t size : shape) {
    const bool overflow = __builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes);
    check(!overflow, where, "the shape ", shape, " has more bytes than 64 bits can count");
  }
  return bytes;
}

void refuse_other_keys(const Json& object) {
  const std::vector<std::string> keys = {"dtype", "shape", "data_offsets"};
  for (const Member& member : object.members()) {
    if (std::ranges::find(keys, member.key) != keys.end()) continue;
    fail(member.where, "unknown key ", quote(member.key), did_you_mean(member.key, keys));
  }
}

SafetensorsEntry parse_entry(const std::string& name, const Json& json, uint64_t data_bytes) {
  refuse_other_keys(json);
  SafetensorsEntry entry;
  entry.name = name;
  const Json& dtype = json.at("dtype");
  entry.dtype = dtype.as_string();
  const uint64_t element = element_bytes(entry.dtype);
  check(element > 0, dtype.where(), "unknown dtype ", dtype.describe());
  const Json& shape = json.at("shape");
  for (const Json& size : shape.items()) entry.shape.push_back(natural(size));
  const Json& offsets = json.at("data_offsets");
  check(offsets.items().size() == 2, offsets.where(), "expected [begin, end], found ", offsets.describe());
  entry.begin = static_cast<uint64_t>(natural(offsets.items()[0]));
  entry.end = static_cast<uint64_t>(natural(offsets.items()[1]));
  check(entry.begin <= entry.end, offsets.where(), "begin ", entry.begin, " is after end ", entry.end);
  check(entry.end <= data_bytes, offsets.where(), "end ", entry.end, " is beyond the file, which has ", data_bytes,
        " bytes of data");
  const uint64_t bytes = bytes_of(entry.shape, element, shape.where());
  check(bytes == entry.end - entry.begin, json.where(), entry.dtype, ' ', entry.shape, " has ", bytes,
        " bytes, the offsets say ", entry.end - entry.begin);
  return entry;
}

// Every byte of the data belongs to exactly one tensor.
void check_layout(const std::vector<SafetensorsEntry>& entries, uint64_t data_bytes, const std::string& file) {
  std::vector<const SafetensorsEntry*> sorted;
  for (const SafetensorsEntry& entry : entries) sorted.push_back(&entry);
  std::ranges::sort(sorted, {}, [](const SafetensorsEntry* e) { return std::pair(e->begin, e->end); });
  uint64_t reached = 0;
  for (const SafetensorsEntry* entry : sorted) {
    if (entry->begin == reached) {
      reached = entry->end;
      continue;
    }
    fail(file, ": ", quote(entry->name), ": its bytes begin at ", entry->begin, ", but ",
         entry->begin < reached ? "another tensor has those up to " : "nothing has those from ", reached);
  }
  check(reached == data_bytes, file, ": ", data_bytes, " bytes of data, but the tensors end at ", reached);
}

// Reads the length and the JSON in front of the data.
SafetensorsHeader read_header(InputFile& file) {
  constexpr uint64_t prefix = 8;
  check(file.size() >= prefix, file.path(), ": ", file.size(), " bytes are too few for a safetensors file");
  uint64_t length = 0;
  file.read(&length, prefix);
  check(length <= longest_header && length <= file.size() - prefix, file.path(), ": the header has ", length,
        " bytes by its first 8, the file has ", file.size(), "; it is damaged or no safetensors file");
  std::string json(length, '\0');
  file.read(json.data(), json.size());
  return parse_safetensors_header(json, file.size() - prefix - length, file.path());
}

// The checksum of everything the header says, in the one way that we write it.
std::string header_checksum(std::span<const SafetensorsEntry> entries, const Metadata& metadata) {
  return checksum(safetensors_header(entries, metadata));
}

void check_sum(const std::string& found, const std::string& written, const std::string& place) {
  check(found == written, place, " has the checksum ", found, ", it was ", quote(written),
        " when the file was written; the file is damaged");
}

// Takes the checksums out of a header's metadata, after a look at whether the header is as it was written. Nothing
// where it has none.
std::optional<Metadata> take_checksums(SafetensorsHeader& header, Checksums wanted, const std::string& file) {
  Metadata& metadata = header.metadata;
  const auto of_header = metadata.find(header_key);
  const bool has_header = of_header != metadata.end();
  const bool has_tensors = metadata.contains(tensors_key);
  if (!has_header && !has_tensors && wanted == Checksums::if_there) return {};
  check(has_header && has_tensors, file, ": has no checksum of ", has_header ? "its tensors" : "its header",
        "; it is damaged, or another program wrote it");
  const std::string written = of_header->second;
  metadata.erase(of_header);
  check_sum(header_checksum(header.entries, metadata), written, file + ": the header");
  Metadata sums;
  const Json texts = parse_json(metadata[tensors_key], file + " (checksums)", {.depth = 2, .values = most_values});
  for (const Member& member : texts.members()) sums[member.key] = member.value.as_string();
  metadata.erase(tensors_key);
  return sums;
}

std::string_view bytes_in(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.storage().data()), static_cast<size_t>(tensor.bytes())};
}

void check_tensor(const Tensor& tensor, const Metadata& sums, const std::string& name, const std::string& file) {
  const auto written = sums.find(name);
  check(written != sums.end(), file, ": ", quote(name), " has no checksum; the file is damaged");
  check_sum(checksum(bytes_in(tensor)), written->second, file + ": " + quote(name));
}

Tensor empty_tensor(const SafetensorsEntry& entry, const std::string& file) {
  const bool known = entry.dtype == "F32" || entry.dtype == "F64" || entry.dtype == "I64";
  check(known, file, ": ", quote(entry.name), ": dtype ", entry.dtype, " is not supported; F32, F64 and I64 are");
  check(entry.shape.size() <= Shape::max_rank, file, ": ", quote(entry.name), ": ", entry.shape.size(),
        " dimensions; at most ", Shape::max_rank, " are supported");
  const Dtype dtype = entry.dtype == "F32" ? Dtype::f32 : entry.dtype == "F64" ? Dtype::f64 : Dtype::i64;
  return Tensor(Shape(entry.shape), dtype);
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, uint64_t data_bytes, const std::string& file) {
  check(json.starts_with('{'), file, ": the header does not begin with '{'; it is damaged or no safetensors file");
  const JsonLimits limits = {.bytes = longest_header, .depth = 3, .values = most_values, .comments = false};
  const Json root = parse_json(json, file + " (header)", limits);
  SafetensorsHeader header;
  for (const Member& member : root.members()) {
    if (member.key != metadata_key) {
      header.entries.push_back(parse_entry(member.key, member.value, data_bytes));
      continue;
    }
    for (const Member& text : member.value.members()) header.metadata[text.key] = text.value.as_string();
  }
  check_layout(header.entries, data_bytes, file);
  return header;
}

std::string safetensors_header(std::span<const SafetensorsEntry> entries, const Metadata& metadata) {
  Json root = Json::object();
  if (!metadata.empty()) {
    Json texts = Json::object();
    for (const auto& [name, value] : metadata) texts.members().push_back({name, {}, value});
    root.set(metadata_key, std::move(texts));
  }
  std::set<std::string_view> names = {metadata_key};
  for (const SafetensorsEntry& entry : entries) {
    check(names.insert(entry.name).second, "two tensors cannot both be called ", quote(entry.name));
    Json shape = Json::array();
    for (const int64_t size : entry.shape) shape.push(size);
    Json json = Json::object();
    json.set("dtype", entry.dtype).set("shape", std::move(shape));
    json.set("data_offsets", Json::array().push(entry.begin).push(entry.end));
    root.members().push_back({entry.name, {}, std::move(json)});
  }
  std::string json = to_text(root);
  json.append((8 - json.size() % 8) % 8, ' ');
  const uint64_t length = json.size();
  std::string out(sizeof(length), '\0');
  std::memcpy(out.data(), &length, sizeof(length));
  return out + json;
}

std::map<std::string, Tensor> load_safetensors(const std::string& path, Metadata* metadata, Checksums wanted) {
  InputFile file(path);
  SafetensorsHeader header = read_header(file);
  const std::optional<Metadata> sums = take_checksums(header, wanted, path);
  std::ranges::sort(header.entries, {}, [](const SafetensorsEntry& e) { return std::pair(e.begin, e.end); });
  std::map<std::string, Tensor> out;
  for (const SafetensorsEntry& entry : header.entries) {
    Tensor tensor = empty_tensor(entry, path);
    file.read(tensor.storage().data(), static_cast<size_t>(tensor.bytes()));
    if (sums) check_tensor(tensor, *sums, entry.name, path);
    out.emplace(entry.name, std::move(tensor));
  }
  if (metadata != nullptr) *metadata = std::move(header.metadata);
  return out;
}

Metadata safetensors_metadata(const std::string& path) {
  InputFile file(path);
  SafetensorsHeader header = read_header(file);
  take_checksums(header, Checksums::if_there, path);
  return std::move(header.metadata);
}

void save_safetensors(const std::string& path, std::span<const std::pair<std::string, Tensor>> tensors,
                      Metadata metadata, const std::string& keep) {
  // Eight-byte elements first keeps every tensor aligned, as readers that map the file like it.
  std::vector<const std::pair<std::string, Tensor>*> sorted;
  for (const auto& named : tensors) {
    check(named.second.defined(), path, ": ", quote(named.first), " is no tensor to save");
    sorted.push_back(&named);
  }
  std::ranges::stable_partition(sorted, [](const auto* named) { return dtype_size(named->second.dtype()) == 8; });

  std::vector<SafetensorsEntry> entries;
  std::vector<std::string_view> pieces = {{}};
  Json sums = Json::object();
  uint64_t end = 0;
  for (const auto* named : sorted) {
    const Tensor& tensor = named->second;
    const uint64_t begin = end;
    end += static_cast<uint64_t>(tensor.bytes());
    entries.push_back(
        {named->first, format_name(tensor.dtype()), {tensor.shape().begin(), tensor.shape().end()}, begin, end});
    pieces.push_back(bytes_in(tensor));
    sums.members().push_back({named->first, {}, checksum(pieces.back())});
  }
  metadata.erase(header_key);
  metadata[tensors_key] = to_text(sums);
  metadata[header_key] = header_checksum(entries, metadata);
  const std::string header = safetensors_header(entries, metadata);
  pieces[0] = header;
  write_file_atomically(path, pieces, keep);
}

}  // namespace tarn
