// Fuzz target: safetensors files, read from memory that has the name of a file.
#include "core/safetensors.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "tests/fuzz/pack.h"

namespace tarn::fuzz {

namespace {

// A file without a place, that is emptied and filled again for each input.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
    require(descriptor_ >= 0, "there are files in memory");
    path_ = "/proc/self/fd/" + std::to_string(descriptor_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(descriptor_); }

  const std::string& filled(std::string_view bytes) {
    require(::ftruncate(descriptor_, 0) == 0, "a file can be emptied");
    require(::pwrite(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
            "a file can be filled");
    return path_;
  }

 private:
  int descriptor_;
  std::string path_;
};

using NamedTensors = std::map<std::string, Tensor>;

bool same_tensors(const NamedTensors& a, const NamedTensors& b) {
  const auto same = [](const auto& x, const auto& y) {
    const Tensor &s = x.second, &t = y.second;
    return x.first == y.first && s.dtype() == t.dtype() && s.shape() == t.shape() &&
           (s.numel() == 0 || std::memcmp(s.storage().data(), t.storage().data(), static_cast<size_t>(s.bytes())) == 0);
  };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), same);
}

void save_and_load(const NamedTensors& tensors, Metadata metadata) {
  static const std::string path =
      (std::filesystem::temp_directory_path() / ("tarn-fuzz-" + std::to_string(::getpid()) + ".tmp")).string();
  metadata.erase("tarn.xxh64");  // an empty one is none, and stays
  const std::vector<std::pair<std::string, Tensor>> list(tensors.begin(), tensors.end());
  save_safetensors(path, list, metadata);
  Metadata read;
  const NamedTensors again = load_safetensors(path, &read);
  std::filesystem::remove(path);
  require(same_tensors(again, tensors) && read == metadata, "what is saved is loaded again");
}

void run_safetensors(std::string_view bytes) {
  static MemoryFile file;
  Metadata metadata;
  const NamedTensors tensors = load_safetensors(file.filled(bytes), &metadata);
  size_t total = 0;
  for (const auto& [name, tensor] : tensors) total += static_cast<size_t>(tensor.bytes());
  require(total <= bytes.size(), "tensors are not larger than their file");
  save_and_load(tensors, metadata);
}

// The header changed, with its length; or the data behind it.
std::string mutate_safetensors(std::string_view bytes, uint64_t seed, const Change& change) {
  const size_t length = little_at(bytes, 0, 4);
  if (bytes.size() < 8 + length) return change(bytes, 32);
  std::string header(bytes.substr(8, length)), data(bytes.substr(8 + length));
  std::string& part = seed % 4 == 0 ? data : header;
  part = change(part, 24);
  return little_bytes(static_cast<uint32_t>(header.size()), 4) + std::string(4, '\0') + header + data;
}

const auto& safetensors_target =
    add_target({.name = "safetensors", .run = run_safetensors, .mutate = mutate_safetensors});

}  // namespace

}  // namespace tarn::fuzz
