// Where time goes: each op's share of a pass, forward and backward, by layer; read off the tape's own recording.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarn {

/// While it lives, what its thread runs is timed. A recorded op is charged with all that went by since the op before it
/// (ops are recorded when their value is there), a pullback with its own time, and the rest with whatever `lap` names.
/// Profiles do not nest: the innermost is the one that counts. It must outlive the tapes that are opened while it is.
class Profile {
 public:
  enum class Phase : uint8_t { forward, backward, other };
  /// One piece of time. `layer` is a number for `layers()`.
  struct Event {
    const char* name;
    uint32_t layer;
    Phase phase;
    int64_t begin, end;  ///< nanoseconds since the profile began
  };
  /// Sums over events of one name or layer, in nanoseconds.
  struct Row {
    std::string name;
    int64_t forward = 0, backward = 0, other = 0;
    int64_t calls = 0;
    int64_t total() const { return forward + backward + other; }
  };

  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// The profile of this thread, or nullptr.
  static Profile* current();
  /// Charges `name`, a text that stays, with the time since the last event; nothing where no profile is open.
  static void lap(const char* name) {
    if (Profile* p = current()) p->mark(name, "", Phase::other);
  }
  /// The same for an op in the layer of that path.
  void mark(const char* op, std::string_view layer, Phase phase);

  const std::vector<Event>& events() const { return events_; }  ///< the first `most_events` of them
  const std::vector<std::string>& layers() const { return layers_; }
  /// Sums of all events by op, and by layer (other time apart), the largest first.
  std::vector<Row> by_op() const;
  std::vector<Row> by_layer() const;
  /// Nanoseconds of all events together.
  int64_t total() const;

  static constexpr size_t most_events = 1'000'000;

 private:
  struct Sum {
    const char* name;
    uint32_t layer;
    Phase phase;
    int64_t time = 0, calls = 0;
  };
  uint32_t layer_number(std::string_view layer);
  std::vector<Row> rows(bool layers) const;

  std::vector<Event> events_;
  std::vector<Sum> sums_;
  std::vector<std::string> layers_;
  int64_t origin_, last_ = 0;
  Profile* outer_;
};

/// The events as a file for chrome://tracing or Perfetto: one line of time each for forward, backward and the rest.
std::string chrome_trace(const Profile& profile);

}  // namespace tarn
