// What the code of files and folders shares: open descriptors, repeated calls, temporary names and messages.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "core/file_calls.h"

namespace tarn {

/// Throws "PATH: cannot WHAT: REASON" and what there is to add; the reason is an errno.
[[noreturn]] void fail_to(const std::string& path, std::string_view what, int reason = errno,
                          std::string_view more = "");

/// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

/// The name of a temporary file beside `path`, in `folder` (which ends with a slash or is empty): hidden, and with the
/// number of this process.
std::string temporary_name(const std::string& path, const std::string& folder);
/// Whether a name, without its folder, is one that temporary_name() gave to whatever process.
bool is_temporary_name(std::string_view name);

/// An open file that is closed whatever happens.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) FileCalls::current().close(number_);
  }
  int number() const { return number_; }
  bool ok() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }
  /// Some file systems report a failed write only here. The number is free even where closing fails.
  bool close() { return FileCalls::current().close(release()) == 0 || errno == EINTR; }

 private:
  int number_;
};

/// Whether something of that name is there, with what is known of it; throws where that cannot be known.
bool look_at(const std::string& path, struct stat& status);

/// open(), again where a signal interrupted it; -1 where it failed.
int open_file(const std::string& path, int flags, mode_t mode = 0);

}  // namespace tarn
