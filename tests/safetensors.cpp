// Tests of safetensors files: what is written is read back to the bit, and no damaged file gets through or does harm.
#include "core/safetensors.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/file.h"

namespace tarn::test_safetensors {
namespace {

namespace fs = std::filesystem;

// The name of a file that is removed afterwards.
class Scratch {
 public:
  Scratch() {
    static int made = 0;
    const std::string name = "tarn-" + std::to_string(::getpid()) + "-" + std::to_string(++made) + ".safetensors";
    path_ = (fs::temp_directory_path() / name).string();
  }
  ~Scratch() { fs::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Without the care (and the waiting for the disk) of write_file_atomically.
void write_quickly(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

using Named = std::vector<std::pair<std::string, Tensor>>;

Named sample() {
  return {{"conv1.weight", Tensor({2, 3}, std::vector<float>{1, -2, 3.5f, 0, 1e-30f, 7})},
          {"steps", Tensor({}, std::vector<int64_t>{-9'000'000'000})},
          {"none", Tensor({2, 0}, std::vector<double>{})},
          {"odd", Tensor({1}, std::vector<float>{0.1f})},
          {"exact", Tensor({2, 1}, std::vector<double>{0.1, -1e300})}};
}

std::string bytes_of(const std::string& json, size_t data) {
  uint64_t length = json.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + json + std::string(data, '\0');
}

std::string message_of(const std::string& bytes) {
  const Scratch file;
  write_quickly(file.path(), bytes);
  try {
    load_safetensors(file.path());
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

void check_equal(const std::map<std::string, Tensor>& loaded, const Named& tensors) {
  CHECK(loaded.size() == tensors.size());
  for (const auto& [name, tensor] : tensors) {
    CAPTURE(name);
    const Tensor& back = loaded.at(name);
    CHECK(back.dtype() == tensor.dtype());
    CHECK((back.shape() == tensor.shape()));
    CHECK(std::memcmp(back.storage().data(), tensor.storage().data(), static_cast<size_t>(tensor.bytes())) == 0);
  }
}

TEST_CASE("tensors, their names, types, shapes and metadata come back exactly") {
  const Scratch file;
  const Named tensors = sample();
  save_safetensors(file.path(), tensors, {{"epoch", "3"}, {"note", "a \"b\"\n"}});
  Metadata metadata;
  const auto loaded = load_safetensors(file.path(), &metadata);
  CHECK(metadata == Metadata{{"epoch", "3"}, {"note", "a \"b\"\n"}});
  check_equal(loaded, tensors);
}

TEST_CASE("saving the same twice gives the same bytes, aligned to eight") {
  const Scratch file;
  save_safetensors(file.path(), sample());
  const std::string once = read_file(file.path());
  save_safetensors(file.path(), sample());
  CHECK(read_file(file.path()) == once);
  uint64_t length = 0;
  std::memcpy(&length, once.data(), 8);
  CHECK(length % 8 == 0);
  const SafetensorsHeader header =
      parse_safetensors_header(std::string_view(once).substr(8, length), once.size() - 8 - length, "f");
  for (const SafetensorsEntry& entry : header.entries) {
    CHECK(entry.begin % (entry.dtype == "F32" ? 4 : 8) == 0);
  }
}

TEST_CASE("a file of another program, without checksum or metadata, is read") {
  CHECK(message_of(bytes_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   )", 8)) == "no error");
  CHECK(message_of(bytes_of("{}", 0)) == "no error");
  CHECK(message_of(bytes_of(R"({"b":{"dtype":"I64","shape":[],"data_offsets":[4,12]},"a":{"dtype":"F32","shape":[1],)"
                            R"("data_offsets":[0,4]},"e":{"dtype":"F32","shape":[0,5],"data_offsets":[4,4]}})",
                            12)) == "no error");
}

TEST_CASE("a header that breaks the format is refused with its place") {
  struct Case {
    const char* json;
    size_t data;
    const char* part;
  };
  const Case cases[] = {
      {R"([])", 0, "does not begin with '{'"},
      {R"( {})", 0, "does not begin with '{'"},
      {R"({} // c)", 0, "(header):1:4: /: "},
      {R"({"a":3})", 0, "(header):1:6: /a: expected an object, found 3"},
      {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "/a/data_offsets: must be given"},
      {R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "/a/dtype: must be given"},
      {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, "/a/shape: must be given"},
      {R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4, "/a/dtype: unknown dtype 'F31'"},
      {R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", 4, "dtype F16 is not supported"},
      {R"({"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}})", 4, "/a/dtype: expected a string"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "/a/shape/0: -1 is negative"},
      {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, "/a/shape/0: expected an integer"},
      {R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "/a/shape: expected a list"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "F32 [2] has 8 bytes, the offsets say 4"},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4, "64 bits can count"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,2],"data_offsets":[0,0]}})", 0, "64 bits can count"},
      {R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4, "7 dimensions; at most 6"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "begin 4 is after end 0"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 4, "expected [begin, end]"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4, "-4 is negative"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4, "end 8 is beyond the file, which has 4 bytes"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8, "8 bytes of data, but the tensors end at 4"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, "begin at 4, but nothing has those from 0"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8, "'b': its bytes begin at 4, but another tensor has those up to 8"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8, "key 'a' is given twice"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", 4, "unknown key 'x'"},
      {R"({"__metadata__":{"k":1}})", 0, "/__metadata__/k: expected a string, found 1"},
      {R"({"__metadata__":[]})", 0, "/__metadata__: expected an object"},
      {R"({"__metadata__":{"tarn.xxh3":"{}","tarn.xxh3.header":"0000000000000000"}})", 0,
       "the header has the checksum"},
      {R"({"__metadata__":{"tarn.xxh3":"{}"}})", 0, "has no checksum of its header; it is damaged"},
      {R"({"__metadata__":{"tarn.xxh3.header":"0000000000000000"}})", 0, "has no checksum of its tensors"},
      {R"({"a":{"dtype":"F32","shape":[[[1]]],"data_offsets":[0,4]}})", 4, "deeper than 3"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.json);
    const std::string message = message_of(bytes_of(c.json, c.data));
    CAPTURE(message);
    CHECK(message.find(".safetensors") != std::string::npos);
    CHECK(message.find(c.part) != std::string::npos);
  }
}

TEST_CASE("a length that the file cannot have is refused before anything is allocated") {
  for (const uint64_t length : {uint64_t{3}, uint64_t{1} << 20, uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{0} - 7}) {
    CAPTURE(length);
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    CHECK(message_of(bytes + "{}").find("damaged or no safetensors file") != std::string::npos);
  }
  CHECK(message_of("").find("too few") != std::string::npos);
  CHECK(message_of("1234567").find("too few") != std::string::npos);
}

TEST_CASE("a file cut anywhere is refused") {
  const Scratch file;
  save_safetensors(file.path(), sample());
  const std::string bytes = read_file(file.path());
  for (size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    CHECK(message_of(bytes.substr(0, length)).find(".safetensors") != std::string::npos);
  }
  CHECK(message_of(bytes + '\0') != "no error");
}

TEST_CASE("every flipped bit is noticed, and the tensor that it is in is named") {
  const Scratch file;
  const Named tensors = {sample()[0], sample()[1]};
  save_safetensors(file.path(), tensors, {{"epoch", "3"}});
  const std::string bytes = read_file(file.path());
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  const SafetensorsHeader parsed =
      parse_safetensors_header(std::string_view(bytes).substr(8, header), bytes.size() - 8 - header, "file");
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const std::string message = message_of(flipped);
    CAPTURE(bit);
    CAPTURE(message);
    REQUIRE(message.find(".safetensors") != std::string::npos);
    for (const SafetensorsEntry& entry : parsed.entries) {
      const bool inside = bit / 8 >= 8 + header + entry.begin && bit / 8 < 8 + header + entry.end;
      CHECK((message.find(quote(entry.name) + " has the checksum") != std::string::npos) == inside);
    }
  }
}

TEST_CASE("where checksums are required, a file without them is refused") {
  const Scratch file;
  write_quickly(file.path(), bytes_of("{}", 0));
  CHECK(load_safetensors(file.path()).empty());
  CHECK_THROWS_AS(load_safetensors(file.path(), nullptr, Checksums::required), Error);
}

TEST_CASE("what cannot be saved is refused and nothing is written") {
  const Scratch file;
  const Named twice = {sample()[0], sample()[0]};
  CHECK_THROWS_WITH_AS(save_safetensors(file.path(), twice), "two tensors cannot both be called 'conv1.weight'", Error);
  const Named reserved = {{"__metadata__", sample()[0].second}};
  CHECK_THROWS_AS(save_safetensors(file.path(), reserved), Error);
  const Named undefined = {{"x", Tensor()}};
  CHECK_THROWS_AS(save_safetensors(file.path(), undefined), Error);
  CHECK_FALSE(fs::exists(file.path()));
}

}  // namespace
}  // namespace tarn::test_safetensors
