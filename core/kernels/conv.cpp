// Chooses a method for each convolution and runs it.
#include "core/kernels/conv.h"

#include <algorithm>

#include "core/kernels/conv_lowered.h"

namespace tarn::kernels {

ConvSizes ConvSizes::reversed() const {
  ConvSizes r = *this;
  r.channels = filters;
  r.filters = channels;
  r.input = output;
  r.output = input;
  for (std::size_t i = 0; i < 3; ++i) r.before[i] = dilation[i] * (kernel[i] - 1) - before[i];
  return r;
}

template <class T>
void conv_forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y) {
  if (s.images == 0) return;
  lowered_forward(s, x, w, bias, y);
}

template <class T>
void conv_input_gradient(const ConvSizes& s, const T* g, const T* w, T* dx) {
  if (s.images == 0 || s.channels == 0) return;
  lowered_input_gradient(s, g, w, dx);
}

template <class T>
void conv_weight_gradient(const ConvSizes& s, const T* x, const T* g, T* dw) {
  if (s.images == 0 || s.channels == 0) {
    std::fill_n(dw, s.filters * s.rows(), T{0});
    return;
  }
  lowered_weight_gradient(s, x, g, dw);
}

template void conv_forward(const ConvSizes&, const float*, const float*, const float*, float*);
template void conv_forward(const ConvSizes&, const double*, const double*, const double*, double*);
template void conv_input_gradient(const ConvSizes&, const float*, const float*, float*);
template void conv_input_gradient(const ConvSizes&, const double*, const double*, double*);
template void conv_weight_gradient(const ConvSizes&, const float*, const float*, float*);
template void conv_weight_gradient(const ConvSizes&, const double*, const double*, double*);

}  // namespace tarn::kernels
