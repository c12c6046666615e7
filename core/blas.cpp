// OpenBLAS, with its choice of kernel repaired where it does not know the processor.
#include "core/blas.h"

#include <cblas.h>

#include <cstdlib>
#include <mutex>

#include "core/error.h"

extern "C" {
// Not in OpenBLAS's header: the switch of a DYNAMIC_ARCH build. Weak, so that another BLAS still links.
__attribute__((weak)) void gotoblas_dynamic_init(void);
__attribute__((weak)) void gotoblas_dynamic_quit(void);
}

namespace tarn {

namespace {

std::string core_name() {
  const char* name = openblas_get_corename();
  return name ? name : "unknown";
}

// Kernels from slow to fast, as far as they matter for the choice; a name that is not here is left alone.
int rank_of(const std::string& kernel) {
  if (kernel == "SkylakeX" || kernel == "SKYLAKEX" || kernel == "Cooperlake" || kernel == "COOPERLAKE" ||
      kernel == "Sapphirerapids" || kernel == "SAPPHIRERAPIDS")
    return 3;
  if (kernel == "Haswell" || kernel == "HASWELL" || kernel == "Zen" || kernel == "ZEN") return 2;
  return 1;
}

struct Chosen {
  std::string first;  // what OpenBLAS chose by itself
  std::string now;
  bool by_user = false;
};

// Debian 12's OpenBLAS 0.3.21 falls back to its oldest kernel on processors newer than itself, four times too slow. The
// processor is asked, and the kernel changed only upwards and only where the user has not chosen one.
const Chosen& choose() {
  static const Chosen chosen = [] {
    Chosen c;
    openblas_set_num_threads(1);
    c.first = c.now = core_name();
    const char* wish = std::getenv("OPENBLAS_CORETYPE");
    c.by_user = wish != nullptr && *wish != 0;
    if (c.by_user || !gotoblas_dynamic_init || !gotoblas_dynamic_quit) return c;
#if defined(__x86_64__)
    __builtin_cpu_init();
    const char* better = nullptr;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
      better = "SkylakeX";
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
      better = "Haswell";
    if (better && rank_of(better) > rank_of(c.first)) {
      gotoblas_dynamic_quit();
      setenv("OPENBLAS_CORETYPE", better, 1);
      gotoblas_dynamic_init();
      unsetenv("OPENBLAS_CORETYPE");
      openblas_set_num_threads(1);
      c.now = core_name();
    }
#endif
    return c;
  }();
  return chosen;
}

CBLAS_TRANSPOSE flag(bool transpose) {
  return transpose ? CblasTrans : CblasNoTrans;
}

blasint size(int64_t n) {
  check(n >= 0 && n < (int64_t{1} << 31), "gemm: size ", n, " is beyond what BLAS takes");
  return static_cast<blasint>(n);
}

// BLAS refuses leading dimensions of 0, which an empty operand has.
blasint lead(int64_t n) {
  return size(n < 1 ? 1 : n);
}

}  // namespace

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
          const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  choose();
  cblas_sgemm(CblasRowMajor, flag(transpose_a), flag(transpose_b), size(m), size(n), size(k), alpha, a, lead(lda), b,
              lead(ldb), beta, c, lead(ldc));
}

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha, const double* a,
          int64_t lda, const double* b, int64_t ldb, double beta, double* c, int64_t ldc) {
  choose();
  cblas_dgemm(CblasRowMajor, flag(transpose_a), flag(transpose_b), size(m), size(n), size(k), alpha, a, lead(lda), b,
              lead(ldb), beta, c, lead(ldc));
}

std::string blas_kernel() {
  return choose().now;
}

std::string blas_description() {
  const Chosen& c = choose();
  std::string config = openblas_get_config();
  const size_t second = config.find(' ', config.find(' ') + 1);
  std::string out = config.substr(0, second) + ", " + c.now;
  if (c.by_user) out += " (chosen by OPENBLAS_CORETYPE)";
  if (c.now != c.first) out += " (repaired; it had chosen " + c.first + ")";
  return out;
}

}  // namespace tarn
