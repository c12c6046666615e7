// Fuzz target: PNG pictures. Its mutations keep checksums and compression right, so that they get behind these.
#include <vector>

#include "data/image.h"
#include "tests/fuzz/pack.h"
#include "tests/fuzz/picture.h"

namespace tarn::fuzz {

namespace {

constexpr std::string_view signature = "\x89PNG\r\n\x1a\n";

void run_png(std::string_view bytes) {
  check_picture(decode_png(bytes, "input"));
}

std::string big_bytes(uint32_t value) {
  const std::string little = little_bytes(value, 4);
  return {little.rbegin(), little.rend()};
}

struct PngChunk {
  std::string type, data;
};

// Its chunks, whatever their checksums; those of pixels that follow each other as one.
std::vector<PngChunk> chunks_of(std::string_view bytes) {
  std::vector<PngChunk> chunks;
  size_t at = signature.size();
  while (bytes.size() >= at + 12) {
    size_t length = 0;
    for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
    length = std::min(length, bytes.size() - at - 12);
    const std::string type(bytes.substr(at + 4, 4)), data(bytes.substr(at + 8, length));
    if (type == "IDAT" && !chunks.empty() && chunks.back().type == type)
      chunks.back().data += data;
    else
      chunks.push_back({type, data});
    at += 12 + length;
  }
  return chunks;
}

std::string png_of(const std::vector<PngChunk>& chunks) {
  std::string out(signature);
  for (const auto& [type, data] : chunks)
    out += big_bytes(static_cast<uint32_t>(data.size())) + type + data + big_bytes(crc_of(type + data));
  return out;
}

std::string mutate_png(std::string_view bytes, uint64_t seed, const Change& change) {
  std::vector<PngChunk> chunks = chunks_of(bytes);
  if (chunks.empty()) return change(bytes, 32);
  const size_t at = seed % chunks.size();
  const uint64_t what = seed / 64 % 8;
  PngChunk& chunk = chunks[at];
  if (what == 0) {
    return png_of(chunks_of(change(bytes, 32)));
  } else if (what == 1 && chunks.size() < 16) {
    const PngChunk copy = chunk;
    chunks.insert(chunks.begin() + static_cast<int64_t>(seed / 512 % chunks.size()), copy);
  } else if (what == 2) {
    chunks.erase(chunks.begin() + static_cast<int64_t>(at));
  } else if (what == 3) {
    chunk.type = change(chunk.type, 0);
    chunk.type.resize(4, 'A');
  } else if (chunk.type == "IDAT" && what > 4) {
    chunk.data = pack(change(unpack(chunk.data, 15, 16384), 64), 15, static_cast<int>(seed / 512 % 3));
  } else {
    chunk.data = change(chunk.data, 32);
  }
  return png_of(chunks);
}

const auto& png_target = add_target({.name = "png", .run = run_png, .mutate = mutate_png});

}  // namespace

}  // namespace tarn::fuzz
