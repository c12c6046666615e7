// Puts the values of windows in order, those outside the input last.
#include "layers/pooling/ranks.h"

#include <algorithm>
#include <limits>

namespace tarn {

Ranks ranked(const Tensor& x, const Windows& w, bool descending) {
  const double last = descending ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  Ranks r;
  r.taps = taps_of(x, w, last);
  r.index = sort(r.taps.values.detach(), -1, descending).indices;
  r.present = lt(Tensor::arange(w.taps()), r.taps.count.to(Dtype::i64)).to(x.dtype());
  if (amin(r.taps.count).item() < static_cast<double>(w.taps())) {
    // An infinite value inside is no further behind than what lies outside: those inside come first all the same.
    const Tensor inside = gather(broadcast_to(r.taps.inside, r.index.shape()), -1, r.index).to(Dtype::i64);
    r.index = gather(r.index, -1, sort(inside, -1, true).indices);
    r.values = where(r.present, gather(r.taps.values, -1, r.index), Tensor::zeros({}, x.dtype()));
  } else {
    r.values = gather(r.taps.values, -1, r.index);
  }
  return r;
}

Ranks first_of(const Ranks& ranks, int64_t k) {
  return {narrow(ranks.values, -1, 0, k), narrow(ranks.index, -1, 0, k), narrow(ranks.present, -1, 0, k), ranks.taps};
}

Tensor mean_of(const Ranks& ranks) {
  return sum_taps(ranks.values) / sum_taps(ranks.present);
}

void check_rank(const char* op, const char* name, int64_t k, const Windows& w) {
  check(1 <= k && k <= w.taps(), op, ": ", name, " is ", k, "; allowed are 1 to ", w.taps(),
        ", the number of cells of a window");
}

}  // namespace tarn
