// Fuzz target: zip archives, and the NumPy arrays in them.
#include <algorithm>

#include "core/error.h"
#include "data/image.h"
#include "data/zip.h"
#include "tests/fuzz/pack.h"

namespace tarn::fuzz {

namespace {

constexpr size_t most_entry = size_t{1} << 20;

void run_npz(std::string_view bytes) {
  const ZipFile archive(bytes, "input");
  std::string first_error;
  const std::vector<std::string> names = archive.names();
  for (size_t i = 0; i < std::min<size_t>(names.size(), 4); ++i) {
    try {
      const std::string entry = archive.read(names[i], most_entry);
      require(entry.size() <= most_entry, "an entry is within its limit");
      require(archive.read(names[i], entry.size()) == entry, "an entry can be read twice");
      decode_npy(entry, "input: " + names[i]);
    } catch (const Error& error) {
      first_error = error.what();
    }
  }
  if (!first_error.empty()) fail(first_error);
}

struct Part {
  std::string name, stored;
  uint32_t method = 0, crc = 0, size = 0;
};

// What stands at the front of an archive, one local header after the other.
std::vector<Part> parts_of(std::string_view bytes) {
  std::vector<Part> parts;
  size_t at = 0;
  while (bytes.substr(at).starts_with("PK\x03\x04") && bytes.size() - at >= 30) {
    const size_t name = little_at(bytes, at + 26, 2);
    const size_t begin = at + 30 + name + little_at(bytes, at + 28, 2);
    const size_t size = little_at(bytes, at + 18, 4);
    if (begin > bytes.size() || size > bytes.size() - begin) break;
    parts.push_back({std::string(bytes.substr(at + 30, name)), std::string(bytes.substr(begin, size)),
                     little_at(bytes, at + 8, 2), little_at(bytes, at + 14, 4), little_at(bytes, at + 22, 4)});
    at = begin + size;
  }
  return parts;
}

std::string archive_of(const std::vector<Part>& parts) {
  std::string out, directory;
  for (const Part& part : parts) {
    const std::string common = little_bytes(20, 2) + little_bytes(0, 2) + little_bytes(part.method, 2) +
                               little_bytes(0x21 << 16, 4) + little_bytes(part.crc, 4) +
                               little_bytes(static_cast<uint32_t>(part.stored.size()), 4) + little_bytes(part.size, 4) +
                               little_bytes(static_cast<uint32_t>(part.name.size()), 2) + little_bytes(0, 2);
    directory += "PK\x01\x02" + little_bytes(20, 2) + common + std::string(10, '\0') +
                 little_bytes(static_cast<uint32_t>(out.size()), 4) + part.name;
    out += "PK\x03\x04" + common + part.name + part.stored;
  }
  const std::string count = little_bytes(static_cast<uint32_t>(parts.size()), 2);
  return out + directory + "PK\x05\x06" + std::string(4, '\0') + count + count +
         little_bytes(static_cast<uint32_t>(directory.size()), 4) + little_bytes(static_cast<uint32_t>(out.size()), 4) +
         std::string(2, '\0');
}

// One entry changed: what it holds, its compressed bytes or its name; the directory is made anew.
std::string mutate_npz(std::string_view bytes, uint64_t seed, const Change& change) {
  std::vector<Part> parts = parts_of(bytes);
  if (parts.empty()) return change(bytes, 64);
  Part& part = parts[seed % parts.size()];
  const uint64_t what = seed / 16 % 8;
  if (what == 0) {
    part.name = change(part.name.substr(0, 200), 8);
  } else if (what == 1) {
    part.stored = change(part.stored, 32);
  } else if (what == 2) {
    const std::string sizes = change(little_bytes(part.size, 4) + little_bytes(part.method, 2), 0);
    part.size = little_at(sizes, 0, 4);
    part.method = little_at(sizes, 4, 2);
  } else {
    const std::string inside = part.method == 8 ? unpack(part.stored, -15, 16384) : part.stored;
    const std::string changed = change(inside, 64);
    part.method = what == 3 ? 8 - part.method % 9 : part.method;
    part.stored = part.method == 8 ? pack(changed, -15) : changed;
    part.size = static_cast<uint32_t>(changed.size());
    part.crc = crc_of(changed);
  }
  return archive_of(parts);
}

const auto& npz_target = add_target({.name = "npz", .run = run_npz, .mutate = mutate_npz});

}  // namespace

}  // namespace tarn::fuzz
