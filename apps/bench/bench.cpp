// The bench command: workloads are chosen by name, run for a while, and reported.
#include "apps/bench/bench.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <ostream>
#include <sstream>

#include "apps/bench/workload.h"
#include "apps/peak.h"
#include "apps/profile_table.h"
#include "apps/shapes.h"
#include "core/error.h"
#include "core/file.h"
#include "core/folder.h"
#include "core/parallel.h"
#include "core/storage.h"

namespace tarn {
namespace {

/// What the runs of one workload took, in milliseconds.
struct Timing {
  double median = 0, least = 0;
  size_t runs = 0;
  double tensors = 0;   // largest memory in tensors, in MB
  int64_t process = 0;  // and of the whole process
  Cost cost;
};

constexpr const char* forgets = "/proc/self/clear_refs";
constexpr const char* says = "/proc/self/status";

/// Forgets how much memory the process has had so far, where the system (Linux) can.
void reset_peak_megabytes() {
  try {
    overwrite_file(forgets, "5");
  } catch (const Error&) {  // then the peak is that of the process so far
  }
}

/// The most memory that the process has had since then.
int64_t peak_megabytes() {
  std::istringstream status(path_exists(says) ? read_file(says) : "");
  for (std::string word; status >> word;)
    if (int64_t kilobytes = 0; word == "VmHWM:" && status >> kilobytes) return kilobytes / 1024;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

Timing measure(const Step& step, double seconds) {
  using Clock = std::chrono::steady_clock;
  Cost cost;
  step(&cost);
  for (int i = 1; i < 3; ++i) step(nullptr);
  reset_peak_memory();
  std::vector<double> times;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end || times.size() < 5) {
    const auto start = Clock::now();
    step(nullptr);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  const double tensors = static_cast<double>(memory_stats().peak) / (1 << 20);
  return {times[times.size() / 2], times[0], times.size(), tensors, peak_megabytes(), cost};
}

double four_places(double value) {
  return std::round(value * 1e4) / 1e4;
}

/// 10^9 a second.
double rate(double count, const Timing& timing) {
  return count / (timing.least * 1e6);
}

/// The time that the machine would need at its peaks, for what limits most, as a share of the least time.
double share(const Timing& timing, const Peak& peak) {
  return std::max(rate(timing.cost.flops, timing) / peak.flops, rate(timing.cost.bytes, timing) / peak.bytes);
}

constexpr const char* bench_heading =
    "workload                      median ms    least ms     runs  GFLOP/s   GB/s  of peak  tensors MB  peak MB\n";

void print(std::ostream& out, bool json, const std::string& name, const Timing& timing, const Peak& peak) {
  if (!json) {
    char line[200];
    std::snprintf(line, sizeof line, "%-26s %12.4f %11.4f %8zu %8.1f %6.1f %7.0f%% %11.1f %8lld\n", name.c_str(),
                  timing.median, timing.least, timing.runs, rate(timing.cost.flops, timing),
                  rate(timing.cost.bytes, timing), 100 * share(timing, peak), timing.tensors,
                  static_cast<long long>(timing.process));
    out << line << std::flush;
    return;
  }
  Json line = Json::object();
  line.set("name", name);
  line.set("ms", four_places(timing.median));
  line.set("min_ms", four_places(timing.least));
  line.set("steps", timing.runs);
  line.set("threads", threads());
  line.set("gflops", four_places(rate(timing.cost.flops, timing)));
  line.set("gbytes", four_places(rate(timing.cost.bytes, timing)));
  line.set("of_peak", four_places(share(timing, peak)));
  line.set("peak_rss_mb", timing.process);
  line.set("tensors_mb", std::round(timing.tensors * 10) / 10);
  out << to_text(line) << '\n' << std::flush;
}

/// Runs for as long once more, and tells where the time went.
void profile(const Step& step, const BenchOptions& options, std::ostream& out) {
  using Clock = std::chrono::steady_clock;
  Profile profile;
  int64_t steps = 0;
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  while (steps < 5 || (Clock::now() < end && profile.events().size() < Profile::most_events)) {
    step(nullptr);
    ++steps;
  }
  const std::string written = write_trace(profile, options.profile);
  if (!options.json) out << '\n' << profile_table(profile, steps) << '\n' << written << '\n';
}

bool wanted(const std::string& name, const std::vector<std::string>& parts) {
  return parts.empty() || std::any_of(parts.begin(), parts.end(),
                                      [&](const std::string& part) { return name.find(part) != std::string::npos; });
}

std::vector<Workload> chosen_workloads(const BenchOptions& options) {
  const int kinds = int(!options.names.empty()) + int(!options.layer.empty()) + int(!options.config.empty());
  check(kinds <= 1, "bench: give names, or --layer with --shape, or --config");
  check(options.batch >= 0, "bench: --batch ", options.batch, " must not be negative");
  if (!options.config.empty()) {
    const Experiment experiment = read_experiment(options.config, options.overrides);
    return {{experiment.name, [=] { return experiment_step(experiment, options.batch); }}};
  }
  if (!options.layer.empty()) {
    const bool name = options.layer.find_first_of("[{\"") == std::string::npos;
    const Json layer = name ? Json(options.layer) : parse_json(options.layer, "--layer");
    const std::vector<Shape> shapes = read_shapes(options.shapes);
    return {{name ? options.layer : "layer", [=] { return layer_step(layer, shapes); }}};
  }
  std::vector<Workload> list;
  std::vector<std::string> known;
  for (Workload& workload : workloads()) {
    known.push_back(workload.name);
    if (wanted(workload.name, options.names)) list.push_back(std::move(workload));
  }
  for (const std::string& part : options.names) {
    const bool found =
        std::any_of(known.begin(), known.end(), [&](const auto& n) { return n.find(part) != std::string::npos; });
    check(found, "bench: no workload is called ", quote(part), did_you_mean(part, known));
  }
  return list;
}

}  // namespace

int bench_command(const BenchOptions& options, std::ostream& out) {
  check(options.seconds >= 0 && options.seconds <= 3600, "bench: --seconds ", options.seconds,
        " must be between 0 and 3600");
  const std::vector<Workload> list = chosen_workloads(options);
  check(options.profile.empty() || list.size() == 1, "bench: --profile traces one workload, ", list.size(),
        " are chosen; give a whole name");
  if (!options.json) out << bench_heading;
  std::optional<Peak> peak;  // measured after the first workload, whose memory it must not be counted to
  for (const Workload& workload : list) {
    release_cached_memory();
    reset_peak_megabytes();
    const Step step = workload.prepare();
    const Timing timing = measure(step, options.seconds);
    if (!peak) peak = measure_peak(threads());
    print(out, options.json, workload.name, timing, *peak);
    if (!options.profile.empty()) profile(step, options, out);
  }
  return 0;
}

}  // namespace tarn
