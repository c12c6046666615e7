// oneTBB behind fixed pieces of work.
#include "core/parallel.h"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>

#include "core/error.h"

namespace tarn {

namespace {

constexpr int64_t serial_below = 32 * 1024;  // about 3 µs of streaming: less does not pay for waking a thread
constexpr int64_t few_below = 256 * 1024;
constexpr int64_t most_pieces = 64;

std::unique_ptr<tbb::global_control>& control() {
  static std::unique_ptr<tbb::global_control> limit;
  return limit;
}
std::mutex control_mutex;
std::atomic<int> thread_limit{0};

}  // namespace

int processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return 1;
}

void set_threads(int n) {
  check(n >= 1 && n <= 1024, "threads: ", n, " is outside [1, 1024]");
  const std::lock_guard lock(control_mutex);
  control().reset();
  control() =
      std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(n));
  thread_limit = n;
}

int threads() {
  const int n = thread_limit.load();
  return n ? n : processors();
}

void parallel_for(int64_t count, FunctionRef<void(int64_t)> body) {
  if (count <= 1 || thread_limit.load(std::memory_order_relaxed) == 1) {
    for (int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  tbb::parallel_for(
      tbb::blocked_range<int64_t>(0, count, 1),
      [&](const tbb::blocked_range<int64_t>& range) {
        for (int64_t i = range.begin(); i < range.end(); ++i) body(i);
      },
      tbb::simple_partitioner());
}

int64_t pieces(int64_t n) {
  if (n < serial_below) return 1;
  if (n < few_below) return 4;
  return std::clamp<int64_t>(n / serial_below, 8, most_pieces);
}

void parallel_range(int64_t n, int64_t cost, FunctionRef<void(int64_t, int64_t)> body) {
  cost = std::max<int64_t>(cost, 1);  // rows of an empty tensor cost nothing
  const int64_t count = n <= 0 ? 0 : std::min(n, pieces(n > (int64_t{1} << 40) / cost ? int64_t{1} << 40 : n * cost));
  if (count <= 1) {
    if (n > 0) body(0, n);
    return;
  }
  // Even ends, so that vector loops of neighbouring pieces do not share cache lines.
  const int64_t grain = n >= count * 64 ? 16 : 1;
  const auto bound = [&](int64_t i) { return i == count ? n : n / grain * i / count * grain; };
  parallel_for(count, [&](int64_t i) { body(bound(i), bound(i + 1)); });
}

struct Background::Group {
  tbb::task_group tasks;
};

Background::Background() : group_(std::make_unique<Group>()) {}

Background::~Background() {
  try {
    group_->tasks.wait();
  } catch (...) {  // NOLINT: whoever cares about the outcome calls wait()
  }
}

void Background::run(std::function<void()> task) {
  group_->tasks.run(std::move(task));
}
void Background::wait() {
  group_->tasks.wait();
}

}  // namespace tarn
