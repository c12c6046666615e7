// Convolution by a part of the column matrix: only the taps along the width (and the depth, where there is one) are
// copied out. The taps along the height are the same rows further on, so that each of the kernel's rows is one matrix
// product.
#pragma once

#include "core/kernels/conv.h"

namespace tarn::kernels {

/// True for kernels of several rows, on planes that are wide enough for a product of each.
bool lifted_fits(const ConvSizes& s);

/// Both directions need `lifted_fits`, at least one image and one channel.
template <class T>
void lifted_forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y);
template <class T>
void lifted_weight_gradient(const ConvSizes& s, const T* x, const T* g, T* dw);

}  // namespace tarn::kernels
