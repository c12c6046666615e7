// `tarn info`: what this build is, what it runs on, and how fast that multiplies matrices.
#include <sys/utsname.h>

#include <cstdio>
#include <sstream>

#include "apps/cli.h"
#include "apps/peak.h"
#include "core/blas.h"
#include "core/build.h"
#include "core/file.h"
#include "core/folder.h"
#include "core/json.h"
#include "core/parallel.h"

namespace tarn {

namespace {

std::string processor_name() {
  std::istringstream file(path_exists("/proc/cpuinfo") ? read_file("/proc/cpuinfo") : "");
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

int info(std::span<const std::string> arguments) {
  bool json = false;
  bool peak = false;
  int64_t wanted = 0;
  Cli cli(
      "info", "[--peak] [--json]",
      "Shows the version, the build, the processor, the BLAS library and the kernel it chose, and the measured speed.\n"
      "\"gflops\" are 10^9 float32 operations a second in matrix products, \"gbytes\" 10^9 bytes a second that a copy "
      "reads and writes.");
  cli.flag("--json", &json, "one JSON object")
      .flag("--peak", &peak, "measures the memory, too: the ceilings that bench compares with")
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
  out.set("gflops_1_thread", peak_gflops(1));
  out.set("gflops", peak_gflops(threads()));
  if (peak) out.set("gbytes", peak_gbytes(threads()));
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
