// Reading of plain and gzip files.
#include "data/input.h"

#define ZLIB_CONST
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/build.h"
#include "core/error.h"
#include "core/file.h"
#include "core/folder.h"

namespace tarn {

namespace {

/// A file of more bytes is refused before memory is taken for it.
constexpr size_t most_stored = size_t{1} << 32;

std::string with_environment(std::string_view path) {
  std::string out;
  for (size_t i = 0; i < path.size();) {
    if (path.substr(i, 2) != "${") {
      out += path[i++];
      continue;
    }
    const size_t end = path.find('}', i);
    check(end != std::string_view::npos, "path '", path, "': '${' without '}'");
    std::string_view name = path.substr(i + 2, end - i - 2);
    const size_t dash = name.find(":-");
    const bool fallback = dash != std::string_view::npos;
    const std::string_view otherwise = fallback ? name.substr(dash + 2) : "";
    if (fallback) name = name.substr(0, dash);
    const char* value = std::getenv(std::string(name).c_str());
    const bool set = value && *value;
    check(set || fallback, "path '", path, "': the environment variable ", name, " is not set; set it, or write ${",
          name, ":-FOLDER} in the config");
    out += set ? std::string_view(value) : otherwise;
    i = end + 1;
  }
  return out;
}

/// Before the name of a file that is compiled into the program.
constexpr std::string_view builtin = "builtin:";

}  // namespace

std::string resolve_path(std::string_view path, std::string_view folder) {
  if (path.starts_with(builtin)) return std::string(path);
  const std::filesystem::path expanded = with_environment(path);
  check(!expanded.empty(), "path '", path, "' is empty");
  return (std::filesystem::path(folder) / expanded).lexically_normal().string();
}

std::string read_stored(const std::string& path) {
  check(path_exists(path), path, ": there is no such file");
  check(is_file(path), path, ": this is not a file", is_folder(path) ? " but a folder" : "");
  InputFile file(path);
  check(file.size() <= most_stored, path, ": the file has ", file.size(), " bytes; expected at most ", most_stored);
  std::string bytes(static_cast<size_t>(file.size()), '\0');
  file.read(bytes.data(), bytes.size());
  return bytes;
}

struct Input::Inflate {
  z_stream stream{};
  Inflate() { check(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, "gzip: out of memory"); }
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;
  ~Inflate() { inflateEnd(&stream); }
};

Input::Input(Input&&) noexcept = default;
Input& Input::operator=(Input&&) noexcept = default;
Input::~Input() = default;

Input::Input(std::string name, std::string owned, std::string_view bytes)
    : name_(std::move(name)), owned_(std::make_unique<std::string>(std::move(owned))), bytes_(bytes) {
  if (bytes_.empty()) bytes_ = *owned_;
  if (bytes_.starts_with("\x1f\x8b")) {
    inflate_ = std::make_unique<Inflate>();
    member_open_ = true;
  }
}

Input Input::memory(std::string_view bytes, std::string name) {
  return Input(std::move(name), {}, bytes);
}

Input Input::file(const std::string& path) {
  if (path.starts_with(builtin)) {
    const std::string_view bytes = embedded_file("data/uci/" + path.substr(builtin.size()));
    check(!bytes.empty(), path, ": no such file is built in; there are builtin:iris.csv and builtin:digits.csv.gz");
    return memory(bytes, path);
  }
  return Input(path, read_stored(path), {});
}

size_t Input::most() const {
  return inflate_ ? bytes_.size() * best_deflate_ratio : bytes_.size();
}

/// A gzip file may hold several members, one after the other.
void Input::next_member() {
  const std::string_view left = bytes_.substr(position_);
  member_open_ = false;
  if (left.empty()) return;
  check(left.starts_with("\x1f\x8b"), name_, ": byte ", position_, ": ", left.size(),
        " bytes after the end of the compressed data");
  inflateReset(&inflate_->stream);
  member_open_ = true;
}

size_t Input::read(std::span<char> out) {
  if (!inflate_) {
    const size_t n = std::min(out.size(), bytes_.size() - position_);
    std::copy_n(bytes_.data() + position_, n, out.data());
    position_ += n;
    return n;
  }
  constexpr size_t most_at_once = size_t{1} << 30;  // zlib counts in unsigned int
  size_t done = 0;
  while (done < out.size() && member_open_) {
    z_stream& z = inflate_->stream;
    const size_t given = std::min(bytes_.size() - position_, most_at_once);
    const size_t wanted = std::min(out.size() - done, most_at_once);
    z.next_in = reinterpret_cast<const Bytef*>(bytes_.data() + position_);
    z.avail_in = static_cast<uInt>(given);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    z.avail_out = static_cast<uInt>(wanted);
    const int result = inflate(&z, Z_NO_FLUSH);
    position_ += given - z.avail_in;
    done += wanted - z.avail_out;
    if (result == Z_STREAM_END) {
      next_member();
      continue;
    }
    check(result != Z_MEM_ERROR, name_, ": out of memory while decompressing");
    check(result == Z_OK || result == Z_BUF_ERROR, name_, ": byte ", position_, ": damaged gzip data",
          z.msg ? ": " : "", z.msg ? z.msg : "");
    check(position_ < bytes_.size() || z.avail_out == 0, name_, ": byte ", position_,
          ": the compressed data end early; is the file complete?");
  }
  return done;
}

std::string Input::read_all(size_t limit) {
  std::string text;
  size_t have = 0;
  for (;;) {
    const size_t step = inflate_ ? std::max<size_t>(have, size_t{1} << 16) : bytes_.size() - position_ + 1;
    text.resize(have + std::min(step, limit + 1 - have));
    const size_t n = read(std::span(text).subspan(have));
    have += n;
    check(have <= limit, name_, ": more than ", limit, " bytes", inflate_ ? " after decompression" : "");
    if (have < text.size()) break;
  }
  text.resize(have);
  return text;
}

}  // namespace tarn
