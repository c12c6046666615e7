// `tarn info`: what this build is, what it runs on, and how fast that multiplies matrices.
#include <sys/utsname.h>

#include <chrono>
#include <cstdio>
#include <fstream>

#include "apps/cli.h"
#include "core/blas.h"
#include "core/build.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/random.h"

namespace tarn {

namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  utsname machine{};
  return uname(&machine) == 0 ? machine.machine : "unknown";
}

std::string vector_width() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return "AVX-512";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "AVX2";
#endif
  return "baseline";
}

// Every thread multiplies matrices of its own for about a fifth of a second; the best of several rounds counts.
double measure_gflops(int workers) {
  constexpr int64_t n = 96;  // stays in the first-level cache and below the size at which OpenBLAS copies its operands
  constexpr int64_t repeats = 400;
  const Tensor a = uniform(Shape{n, n}, {}, -1, 1);
  std::vector<Tensor> results;
  for (int i = 0; i < workers; ++i) results.emplace_back(Shape{n, n});
  double best = 0;
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(200);
  do {
    const auto start = Clock::now();
    parallel_for(workers, [&](int64_t w) {
      float* c = results[static_cast<size_t>(w)].fill<float>();
      for (int64_t i = 0; i < repeats; ++i)
        gemm(false, false, n, n, n, 1.0f, a.data<float>(), n, a.data<float>(), n, 0.0f, c, n);
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, 2e-9 * static_cast<double>(n * n * n * repeats * workers) / seconds);
  } while (Clock::now() < end);
  return best;
}

int info(std::span<const std::string> arguments) {
  bool json = false;
  int64_t wanted = 0;
  Cli cli(
      "info", "[--json]",
      "Shows the version, the build, the processor, the BLAS library and the kernel it chose, and the measured speed.");
  cli.flag("--json", &json, "one JSON object")
      .flag("--threads", &wanted, "threads to measure with (default: all processors)", "N");
  if (!cli.parse(arguments)) return 0;
  use_threads(wanted);
  Json out = Json::object();
  out.set("version", TARN_VERSION);
  out.set("commit", std::string(commit()));
  out.set("build", TARN_BUILD_TYPE);
  out.set("compiler", "GCC " __VERSION__);
  out.set("processor", processor_name());
  out.set("vectors", vector_width());
  out.set("processors", processors());
  out.set("threads", threads());
  out.set("blas", blas_description());
  out.set("gflops_1_thread", measure_gflops(1));
  out.set("gflops", measure_gflops(threads()));
  if (json) {
    std::printf("%s\n", to_text(out).c_str());
    return 0;
  }
  for (const Member& m : out.members()) {
    if (m.value.kind() == Json::Kind::number)
      std::printf("%-16s %.0f\n", m.key.c_str(), m.value.as_number());
    else
      std::printf("%-16s %s\n", m.key.c_str(),
                  m.value.is_string() ? m.value.as_string().c_str() : to_text(m.value).c_str());
  }
  return 0;
}

const Command& info_row = add_command(120, "info", "version, processor, BLAS kernel, threads and measured speed", info);

}  // namespace

}  // namespace tarn
