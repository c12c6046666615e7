// The safetensors format: named tensors in one file, read strictly, written atomically with checksums.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace tarn {

/// Free text beside the tensors, by name.
using Metadata = std::map<std::string, std::string>;

/// One tensor of a file: its bytes are [begin, end) of what follows the header.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // "F32", "F64", "I64", or another of the format's
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // as they stand in the header
  Metadata metadata;
};

/// Reads a header's JSON. `data_bytes` is how much follows it in the file, `file` is for messages. Throws where
/// anything is not as the format says: an unknown dtype, a shape that does not match its bytes, bytes that two tensors
/// or none claim.
SafetensorsHeader parse_safetensors_header(std::string_view json, uint64_t data_bytes, const std::string& file);

/// The first bytes of a file with these entries: the length, then JSON, padded with spaces to a multiple of 8.
std::string safetensors_header(std::span<const SafetensorsEntry> entries, const Metadata& metadata);

/// Whether a file without checksums may be read, as other programs write it.
enum class Checksums { if_there, required };

/// All tensors of a file, which may hold F32, F64 and I64. The checksums that save_safetensors wrote are verified and
/// left out of `metadata`; what is damaged is named: the header, or the tensor.
std::map<std::string, Tensor> load_safetensors(const std::string& path, Metadata* metadata = nullptr,
                                               Checksums wanted = Checksums::if_there);

/// The metadata alone, checked as there, but for tensors' bytes, which are not read.
Metadata safetensors_metadata(const std::string& path);

/// Replaces the file at `path`, atomically, by one with these tensors and a checksum of each and of the header. `keep`
/// is write_file_atomically()'s.
void save_safetensors(const std::string& path, std::span<const std::pair<std::string, Tensor>> tensors,
                      Metadata metadata = {}, const std::string& keep = "");

}  // namespace tarn
