// Archives, read with libzip.
#include "data/zip.h"

#include <zip.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "data/input.h"

namespace tarn {
namespace {

/// libzip keeps about 250 bytes for each entry; archives of arrays have a handful.
constexpr int64_t most_zip_entries = int64_t{1} << 16;
constexpr size_t names_shown = 8;

std::string reason(int code) {
  if (code == ZIP_ER_NOZIP) return "not a zip archive, or one without its end";
  if (code == ZIP_ER_EXISTS) return "two entries have the same name";
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string words = zip_error_strerror(&error);
  zip_error_fini(&error);
  return words;
}

std::string method_words(uint16_t method) {
  switch (method) {
    case ZIP_CM_BZIP2:
      return "bzip2";
    case ZIP_CM_LZMA:
      return "LZMA";
    case ZIP_CM_DEFLATE64:
      return "Deflate64";
    default:
      return text("method ", method);
  }
}

struct CloseEntry {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

/// Checks what the directory says of an entry before any memory is taken for it.
void check_entry(const zip_stat_t& entry, const std::string& name, size_t limit) {
  check(entry.encryption_method == ZIP_EM_NONE, name, ": is encrypted; save it without a password");
  check(entry.comp_method == ZIP_CM_STORE || entry.comp_method == ZIP_CM_DEFLATE, name, ": is compressed with ",
        method_words(entry.comp_method), "; expected stored or deflated, as np.savez and np.savez_compressed do");
  check(entry.size <= limit, name, ": declares ", entry.size, " bytes; expected at most ", limit);
  const bool stored = entry.comp_method == ZIP_CM_STORE;
  const bool possible = stored ? entry.size == entry.comp_size : entry.size / best_deflate_ratio <= entry.comp_size;
  check(possible, name, ": declares ", entry.size, " bytes, which ", entry.comp_size, stored ? " stored" : " deflated",
        " bytes cannot hold; is the file damaged?");
}

}  // namespace

void ZipFile::Close::operator()(zip* archive) const {
  zip_discard(archive);
}

ZipFile::ZipFile(const std::string& path) : name_(path), owned_(read_stored(path)) {
  open(owned_);
}

ZipFile::ZipFile(std::string_view bytes, std::string name) : name_(std::move(name)) {
  open(bytes);
}

void ZipFile::open(std::string_view bytes) {
  check(!bytes.empty(), name_, ": zip: ", reason(ZIP_ER_NOZIP), " (0 bytes)");  // to libzip an archive without entries
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (source != nullptr) {
    archive_.reset(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error));
    if (archive_ == nullptr) zip_source_free(source);  // otherwise the archive's
  }
  const int code = zip_error_code_zip(&error);
  zip_error_fini(&error);
  check(archive_ != nullptr, name_, ": zip: ", reason(code), " (", bytes.size(), " bytes); is the file complete?");
  const int64_t entries = zip_get_num_entries(archive_.get(), 0);
  check(entries <= most_zip_entries, name_, ": zip: ", entries, " entries; expected at most ", most_zip_entries);
}

std::vector<std::string> ZipFile::names() const {
  std::vector<std::string> all;
  const auto n = static_cast<uint64_t>(std::max<int64_t>(zip_get_num_entries(archive_.get(), 0), 0));
  for (uint64_t i = 0; i < n; ++i) {
    const char* name = zip_get_name(archive_.get(), i, ZIP_FL_ENC_RAW);
    all.emplace_back(name == nullptr ? "" : name);
  }
  return all;
}

int64_t ZipFile::find(const std::string& entry) const {
  const std::vector<std::string> all = names();
  const auto found = std::find(all.begin(), all.end(), entry);
  if (found == all.end()) {
    std::string there;
    for (size_t i = 0; i < std::min(all.size(), names_shown); ++i) there += (i == 0 ? "" : ", ") + quote(all[i]);
    if (all.size() > names_shown) there += ", …";
    fail(name_, ": there is no entry ", quote(entry), " in it; it has ", there.empty() ? "none" : there,
         did_you_mean(entry, all));
  }
  return found - all.begin();
}

std::string ZipFile::read(const std::string& entry, size_t limit) const {
  const auto index = static_cast<uint64_t>(find(entry));
  const std::string name = name_ + ": " + entry;
  zip_stat_t stat;
  zip_stat_init(&stat);
  constexpr uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  const bool known = zip_stat_index(archive_.get(), index, 0, &stat) == 0 && (stat.valid & needed) == needed;
  check(known, name, ": the archive does not say what it is; is the file damaged?");
  check_entry(stat, name, limit);
  const std::unique_ptr<zip_file_t, CloseEntry> file(zip_fopen_index(archive_.get(), index, 0));
  check(file != nullptr, name, ": cannot be read: ", zip_strerror(archive_.get()));
  std::string bytes(stat.size, '\0');
  char extra = 0;  // libzip compares the checksum when it comes to the end
  size_t done = 0;
  for (;;) {
    const bool full = done == bytes.size();
    const int64_t n =
        full ? zip_fread(file.get(), &extra, 1) : zip_fread(file.get(), &bytes[done], bytes.size() - done);
    check(n >= 0, name, ": after ", done, " of ", bytes.size(), " bytes: ", zip_file_strerror(file.get()),
          "; is the file damaged?");
    check(!full || n == 0, name, ": more bytes than the ", bytes.size(), " that the archive declares");
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  check(done == bytes.size(), name, ": ends after ", done, " of ", bytes.size(), " bytes; is the file damaged?");
  return bytes;
}

}  // namespace tarn
