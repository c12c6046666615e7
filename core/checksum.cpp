// XXH64, written from its specification.
#include "core/checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tarn {

namespace {

constexpr uint64_t prime1 = 0x9E3779B185EBCA87;
constexpr uint64_t prime2 = 0xC2B2AE3D27D4EB4F;
constexpr uint64_t prime3 = 0x165667B19E3779F9;
constexpr uint64_t prime4 = 0x85EBCA77C2B2AE63;
constexpr uint64_t prime5 = 0x27D4EB2F165667C5;

static_assert(std::endian::native == std::endian::little, "the checksum reads words as they are stored");

template <class Word>
uint64_t word_at(const char* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

uint64_t hash_round(uint64_t lane, uint64_t word) {
  return std::rotl(lane + word * prime2, 31) * prime1;
}

}  // namespace

void Checksum::add_stripe(const char* bytes) {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i] = hash_round(lanes_[i], word_at<uint64_t>(bytes + 8 * i));
  }
}

void Checksum::add(std::string_view bytes) {
  const size_t held = length_ % stripe;
  length_ += bytes.size();
  if (held > 0) {
    const size_t taken = std::min(stripe - held, bytes.size());
    std::copy_n(bytes.data(), taken, waiting_.data() + held);
    bytes.remove_prefix(taken);
    if (held + taken < stripe) return;
    add_stripe(waiting_.data());
  }
  while (bytes.size() >= stripe) {
    add_stripe(bytes.data());
    bytes.remove_prefix(stripe);
  }
  std::copy_n(bytes.data(), bytes.size(), waiting_.data());
}

uint64_t Checksum::value() const {
  uint64_t hash = prime5;
  if (length_ >= stripe) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
    for (const uint64_t lane : lanes_) hash = (hash ^ hash_round(0, lane)) * prime1 + prime4;
  }
  hash += length_;
  size_t left = length_ % stripe;
  const char* at = waiting_.data();
  for (; left >= 8; left -= 8, at += 8) {
    hash = std::rotl(hash ^ hash_round(0, word_at<uint64_t>(at)), 27) * prime1 + prime4;
  }
  if (left >= 4) {
    hash = std::rotl(hash ^ (word_at<uint32_t>(at) * prime1), 23) * prime2 + prime3;
    left -= 4;
    at += 4;
  }
  for (; left > 0; --left, ++at) {
    hash = std::rotl(hash ^ (word_at<uint8_t>(at) * prime5), 11) * prime1;
  }
  hash = (hash ^ (hash >> 33)) * prime2;
  hash = (hash ^ (hash >> 29)) * prime3;
  return hash ^ (hash >> 32);
}

std::string Checksum::text() const {
  constexpr std::string_view digits = "0123456789abcdef";
  const uint64_t hash = value();
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(digits[(hash >> shift) & 15]);
  return out;
}

}  // namespace tarn
