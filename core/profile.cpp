// Timing of what the tape records.
#include "core/profile.h"

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "core/json.h"

namespace tarn {
namespace {

constinit thread_local Profile* innermost = nullptr;

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t& part(Profile::Row& row, Profile::Phase phase) {
  return phase == Profile::Phase::forward ? row.forward : phase == Profile::Phase::backward ? row.backward : row.other;
}

}  // namespace

Profile::Profile() : origin_(now()), outer_(innermost) {
  innermost = this;
}
Profile::~Profile() {
  if (innermost == this) innermost = outer_;
}
Profile* Profile::current() {
  return innermost;
}

uint32_t Profile::layer_number(std::string_view layer) {
  // The layer is nearly always that of the event before.
  if (!events_.empty() && layers_[events_.back().layer] == layer) return events_.back().layer;
  const auto number = static_cast<uint32_t>(std::find(layers_.begin(), layers_.end(), layer) - layers_.begin());
  if (number == layers_.size()) layers_.emplace_back(layer);
  return number;
}

void Profile::mark(const char* op, std::string_view layer, Phase phase) {
  const int64_t end = now() - origin_;
  const Event event{op, layer_number(layer), phase, last_, end};
  auto sum = std::find_if(sums_.begin(), sums_.end(), [&](const Sum& s) {
    return s.name == event.name && s.layer == event.layer && s.phase == phase;
  });
  if (sum == sums_.end()) sum = sums_.insert(sum, Sum{op, event.layer, phase});
  sum->time += end - last_;
  ++sum->calls;
  if (events_.size() < most_events) events_.push_back(event);
  last_ = now() - origin_;  // the searching above is no one's time
}

std::vector<Profile::Row> Profile::rows(bool layers) const {
  std::vector<Row> rows;
  for (const Sum& s : sums_) {
    if (layers && s.phase == Phase::other) continue;
    const std::string& layer = layers_[s.layer];
    const std::string name = !layers ? std::string(s.name) : layer.empty() ? "(no layer)" : layer;
    auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.name == name; });
    if (row == rows.end()) row = rows.insert(row, Row{name});
    part(*row, s.phase) += s.time;
    if (s.phase != Phase::backward) row->calls += s.calls;
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.total() > b.total(); });
  return rows;
}
std::vector<Profile::Row> Profile::by_op() const {
  return rows(false);
}
std::vector<Profile::Row> Profile::by_layer() const {
  return rows(true);
}

int64_t Profile::total() const {
  int64_t sum = 0;
  for (const Sum& s : sums_) sum += s.time;
  return sum;
}

std::string chrome_trace(const Profile& profile) {
  constexpr const char* phases[] = {"forward", "backward", "other"};
  std::string out = "{\"traceEvents\":[\n";
  for (size_t i = 0; i < std::size(phases); ++i)
    out += text(R"({"ph":"M","name":"thread_name","pid":1,"tid":)", i, R"(,"args":{"name":")", phases[i], "\"}},\n");
  const auto microseconds = [](int64_t t) { return static_cast<double>(t) / 1000; };
  std::vector<std::string> layers;
  for (const std::string& layer : profile.layers()) layers.push_back(to_text(Json(layer)));
  for (const Profile::Event& e : profile.events()) {
    const auto phase = static_cast<size_t>(e.phase);
    out += text(R"({"ph":"X","name":")", e.name, R"(","cat":")", phases[phase], R"(","pid":1,"tid":)", phase,
                ",\"ts\":", microseconds(e.begin), ",\"dur\":", microseconds(e.end - e.begin),
                ",\"args\":{\"layer\":", layers[e.layer], "}},\n");
  }
  out.erase(out.size() - 2, 1);  // the last comma
  return out + "],\"displayTimeUnit\":\"ms\"}\n";
}

}  // namespace tarn
