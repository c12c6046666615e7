// The column matrix of a convolution: row = (channel, tap), column = (image, output cell); any block of it, copied from
// the images (im2col) or added back to them (col2im).
#pragma once

#include "core/kernels/conv.h"

namespace tarn::kernels {

/// A block of the column matrix of one group. Columns count on through `merge` images: column = image · cells + cell.
struct ColumnBlock {
  int64_t row_begin, row_end;
  int64_t column_begin, column_end;
};

/// out[row - row_begin][column - column_begin], rows `pitch` long; x is the group's first channel of the first image.
template <class T>
void im2col(const ConvSizes& s, const ColumnBlock& block, const T* x, T* out, int64_t pitch);
/// Adds a block to the cells that its elements come from.
template <class T>
void col2im(const ConvSizes& s, const ColumnBlock& block, const T* columns, int64_t pitch, T* dx);

}  // namespace tarn::kernels
