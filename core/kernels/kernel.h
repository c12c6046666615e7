// The attribute that compiles one plain loop for AVX-512, AVX2 and the baseline, chosen when the program is loaded.
#pragma once

// The clone must be the leaf: put the loop in a function of its own and call it from the body of a parallel loop, once
// per row or piece, never per element. `flatten` pulls the lambdas that the loop calls into every clone. Under the
// thread sanitizer the loader's resolver runs before the sanitizer does, so there the baseline is compiled alone. Where
// branches are counted each shall be there once, so there is one function, which nothing is pulled into.
#if defined(TARN_COVERAGE)
#define TARN_KERNEL
#elif defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
#define TARN_KERNEL __attribute__((flatten))
#else
#define TARN_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), flatten))
#endif
