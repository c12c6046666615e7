// The tape: a literal list of what ran, swept backwards for gradients. Recording is in core/record.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace tarn {

struct Roll;  // the growing lists behind a tape; reused by the next tape of the thread

/// Options of `Tape::gradient`.
struct GradientOptions {
  bool create_graph =
      false;          ///< record the sweep itself, so that gradients can be differentiated again; implies `keep`
  bool keep = false;  ///< keep the captured values, so that the same entries can be swept again
  bool allow_unused =
      false;         ///< a `wrt` that `y` does not depend on (or that never met the tape) gives an undefined tensor
  Tensor seed = {};  ///< cotangent of `y`; default 1 where `y` has one element
  bool independent =
      false;  ///< partial derivatives: each `wrt` counts as a variable of its own, and nothing flows on through it
};

/// Looks at the whole cotangent of a value when a sweep reaches it, and may give another in its place; an undefined
/// tensor leaves it as it is.
using GradientHook = std::function<Tensor(const Tensor& g)>;

/// What an entry of the tape says of itself.
struct EntryInfo {
  uint32_t number;
  const char* op;                ///< "leaf" where a value came from outside
  std::vector<uint32_t> inputs;  ///< entries that a cotangent flows back to
  Shape shape;
  Dtype dtype;
  std::string_view scope;  ///< the layer path that was open when it ran
  std::string_view name;   ///< name given with `Tape::name`, or empty
  bool released;           ///< its captures are gone
  size_t captured_bytes;   ///< size of the pullbacks in place, without the tensors that they share
};

/// What one entry keeps alive.
struct EntryHolding {
  uint32_t entry;
  int64_t bytes = 0;  ///< in blocks of memory that no earlier entry and no leaf holds
};

/// What a tape keeps alive, and for whom.
struct TapeReport {
  /// Bytes by some name (an op, a layer), the largest first.
  struct Share {
    std::string name;
    int64_t bytes = 0;
    size_t entries = 0;
  };
  size_t entries = 0;
  size_t edges = 0;
  int64_t captured = 0;                ///< bytes that pullbacks and named values keep alive, leaves apart
  int64_t leaves = 0;                  ///< bytes of the leaves: parameters and inputs
  int64_t tape = 0;                    ///< bytes of the tape itself
  std::vector<EntryHolding> holdings;  ///< entries that hold anything, in order
  std::vector<Share> by_op, by_layer;
  /// The totals, and a line for each of the largest shares.
  std::string text(size_t lines = 10) const;
};

/// Records every operation on tensors that depend on a leaf, from construction to destruction, on the thread that made
/// it. Tapes nest; the innermost records.
class Tape {
 public:
  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// d y / d wrt[i] for each i, as values of the shapes of `wrt`. `y` must have one element unless a seed is given.
  /// Throws when `y` or a `wrt` is not on this tape, when captures were already released, or when a captured value was
  /// changed.
  Tensors gradient(const Tensor& y, std::span<const Tensor> wrt, const GradientOptions& options = {});
  Tensor gradient(const Tensor& y, const Tensor& wrt, const GradientOptions& options = {}) {
    return gradient(y, std::span<const Tensor>(&wrt, 1), options)[0];
  }

  /// Number of entries recorded so far.
  size_t size() const;
  EntryInfo entry(size_t number) const;
  /// Gives the entry of a tensor on this tape a name for traces and messages.
  void name(const Tensor& value, std::string text);
  /// Names a value and keeps it, so that `retained` gives it back (and `gradient` accepts it) while the tape is open.
  void retain(const Tensor& value, std::string name);
  /// The value retained under that name; throws where there is none.
  const Tensor& retained(std::string_view name) const;
  /// Calls `hook` with the whole cotangent of `value`, a leaf or a recorded value, in every sweep that reaches it. The
  /// hooks of one value run in the order they were added, before the cotangent is given out or flows on.
  void hook(const Tensor& value, GradientHook hook);
  /// The value of `x` as a variable of this tape's own: unlike a leaf, one storage can be several variables.
  Tensor variable(const Tensor& x);
  /// From now on, the first non-finite result throws, naming op, layer path and input ranges; in sweeps, too.
  void check_finite(bool on);
  /// The leaves met so far, in the order they were met.
  Tensors leaves() const;
  /// Bytes held, and by whom.
  TapeReport report() const;
  uint32_t id() const;

  /// The tape that records now on this thread, or nullptr.
  static Tape* current();

 private:
  friend struct Recorder;
  friend class Scope;
  friend class Sweep;
  std::unique_ptr<Roll> roll_;
  Tape* outer_ = nullptr;
};

/// While it lives, nothing is recorded on this thread.
class NoRecord {
 public:
  NoRecord();
  ~NoRecord();
  NoRecord(const NoRecord&) = delete;
  NoRecord& operator=(const NoRecord&) = delete;

 private:
  Tape* paused_;
};

/// While it lives, `name` is part of the layer path of whatever is recorded.
class Scope {
 public:
  explicit Scope(std::string_view name);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  uint32_t before_ = 0;
  bool active_ = false;
};

}  // namespace tarn
