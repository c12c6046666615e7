// The attribute that compiles one plain loop for AVX-512, AVX2 and the baseline, chosen when the program is loaded.
#pragma once

namespace tarn::kernels {

/// Elements of the vectors a and b, as if b followed a, by the numbers in `which`, which are not known beforehand.
template <class V, class Index>
inline __attribute__((always_inline)) void pick_by(const V& a, const V& b, const Index& which, V& out) {
#if defined(__clang__)
  constexpr int lanes = sizeof(V) / sizeof(a[0]);
  V picked = a;
  for (int i = 0; i < lanes; ++i) picked[i] = which[i] < lanes ? a[which[i]] : b[which[i] - lanes];
  out = picked;
#else
  out = __builtin_shuffle(a, b, which);
#endif
}

}  // namespace tarn::kernels

// The clone must be the leaf: put the loop in a function of its own and call it from the body of a parallel loop, once
// per row or piece, never per element. `flatten` pulls the lambdas that the loop calls into every clone. The baseline
// is compiled alone under the thread sanitizer, before which the loader's resolver would run, and by clang, which
// cannot clone what is flattened. Where branches are counted each shall be there once: there is one function, which
// nothing is pulled into.
#if defined(TARN_COVERAGE)
#define TARN_KERNEL
#elif defined(__SANITIZE_THREAD__) || defined(__clang__) || !defined(__x86_64__)
#define TARN_KERNEL __attribute__((flatten))
#else
#define TARN_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), flatten))
#endif
