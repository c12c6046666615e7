// Watches: notes the choices of ops, compares them with earlier ones, or hands those out.
#include "core/decisions.h"

#include <algorithm>
#include <string_view>

namespace tarn {

constinit thread_local Decisions* Decisions::current_ = nullptr;

Decisions::Decisions(Mode mode, const std::vector<Decision>* earlier) : mode_(mode), earlier_(earlier) {
  check(!current_, "decisions: another watch is open on this thread");
  current_ = this;
}

Decisions::~Decisions() {
  current_ = nullptr;
}

Tensor Decisions::choose(const char* op, const Tensor& choice) {
  if (mode_ == Mode::note) {
    noted_.push_back({op, choice.detach()});
    return choice;
  }
  const Decision* before = next_ < earlier_->size() ? &(*earlier_)[next_] : nullptr;
  ++next_;
  const bool alike = before && std::string_view(before->op) == op && before->choice.shape() == choice.shape();
  if (mode_ == Mode::follow) {
    check(alike, "decisions: '", op, "' ran where an earlier evaluation had ", before ? before->op : "ended",
          "; the function does not do the same each time");
    return before->choice;
  }
  if (changed_) return choice;
  const int64_t* now = choice.data<int64_t>();
  if (!alike || !std::equal(now, now + choice.numel(), before->choice.data<int64_t>())) changed_ = op;
  return choice;
}

}  // namespace tarn
