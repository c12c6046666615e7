// Copies rows of padded planes, and adds them back.
#include "core/kernels/pad.h"

#include <algorithm>

#include "core/kernels/kernel.h"
#include "core/parallel.h"

namespace tarn::kernels {

PadSources::PadSources(int64_t input_size, std::vector<int64_t> positions)
    : input(input_size), from(std::move(positions)) {
  const auto follows = [this](size_t o) { return from[o] == from[o - 1] + 1; };
  for (size_t begin = 0, end = 0; begin < from.size(); begin = end) {
    end = begin + 1;
    while (end < from.size() && follows(end)) ++end;
    if (static_cast<int64_t>(end - begin) <= run_end - run_begin) continue;
    run_begin = static_cast<int64_t>(begin);
    run_end = static_cast<int64_t>(end);
  }
}

namespace {

template <class T>
void copy_row(const PadSources& s, const T* x, T* y) {
  for (int64_t o = 0; o < s.run_begin; ++o) y[o] = x[s.from[static_cast<size_t>(o)]];
  std::copy_n(x + s.from[static_cast<size_t>(s.run_begin)], s.run_end - s.run_begin, y + s.run_begin);
  for (int64_t o = s.run_end; o < s.output(); ++o) y[o] = x[s.from[static_cast<size_t>(o)]];
}

template <class T>
TARN_KERNEL void add_row(const int64_t* from, int64_t run_begin, int64_t run_end, int64_t n, const T* g, T* dx) {
  for (int64_t o = 0; o < run_begin; ++o) dx[from[o]] += g[o];
  T* const run = dx + from[run_begin];
  for (int64_t o = run_begin; o < run_end; ++o) run[o - run_begin] += g[o];
  for (int64_t o = run_end; o < n; ++o) dx[from[o]] += g[o];
}

/// Calls body(row of the padded plane, row of the input's) for every row of a plane.
template <class Body>
void each_row(const PadPlan& plan, Body body) {
  int64_t row = 0;
  for (const int64_t d : plan[0].from)
    for (const int64_t h : plan[1].from) body(row++, d * plan[1].input + h);
}

}  // namespace

template <class T>
void pad_from(const PadPlan& plan, int64_t planes, const T* x, T* y) {
  const int64_t height = plan[1].output();
  const int64_t rows = plan[0].output() * height;
  const int64_t input = plan[0].input * plan[1].input * plan[2].input;
  const int64_t width = plan[2].output();
  if (rows * width == 0) return;
  parallel_range(planes * rows, width, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t d = plan[0].from[static_cast<size_t>(row / height % plan[0].output())];
      const int64_t h = plan[1].from[static_cast<size_t>(row % height)];
      copy_row(plan[2], x + row / rows * input + (d * plan[1].input + h) * plan[2].input, y + row * width);
    }
  });
}

template <class T>
void pad_back(const PadPlan& plan, int64_t planes, const T* g, T* dx) {
  const PadSources& s = plan[2];
  const int64_t output = plan[0].output() * plan[1].output() * s.output();
  const int64_t input = plan[0].input * plan[1].input * s.input;
  parallel_range(planes, input + output, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      std::fill_n(dx + plane * input, input, T(0));
      each_row(plan, [&](int64_t row, int64_t source) {
        add_row(s.from.data(), s.run_begin, s.run_end, s.output(), g + plane * output + row * s.output(),
                dx + plane * input + source * s.input);
      });
    }
  });
}

template void pad_from(const PadPlan&, int64_t, const float*, float*);
template void pad_from(const PadPlan&, int64_t, const double*, double*);
template void pad_from(const PadPlan&, int64_t, const int64_t*, int64_t*);
template void pad_back(const PadPlan&, int64_t, const float*, float*);
template void pad_back(const PadPlan&, int64_t, const double*, double*);

}  // namespace tarn::kernels
