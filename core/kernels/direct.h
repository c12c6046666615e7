// Convolution of groups with few channels, without a column matrix: padded planes are taken as one long row each, so
// that a tap is the same row shifted.
#pragma once

#include "core/kernels/conv.h"

namespace tarn::kernels {

/// True where the padded planes stay in proportion to input and output, which wide dilation or padding can prevent.
bool direct_fits(const ConvSizes& s);

/// The three directions; need at least one image and channel, and `direct_fits`.
template <class T>
void direct_forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y);
template <class T>
void direct_input_gradient(const ConvSizes& s, const T* g, const T* w, T* dx);
template <class T>
void direct_weight_gradient(const ConvSizes& s, const T* x, const T* g, T* dw);

}  // namespace tarn::kernels
