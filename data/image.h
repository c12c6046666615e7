// Pictures and arrays from files, read strictly and within limits: PNG, JPEG, PGM, PPM, and NumPy's .npy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/tensor.h"

namespace tarn {

/// A picture of more pixels is refused before memory is taken for it.
constexpr int64_t most_pixels = int64_t{64} << 20;

/// What the first bytes of a file say that it is.
enum class FileKind { png, jpeg, pnm, npy, other };
FileKind file_kind(std::string_view bytes);

// A picture is float32 [C, H, W] in [0, 1]: C is 1 for grey, 3 for red, green and blue. Transparency is left out, and
// values are taken as stored, without gamma, as torchvision and Pillow do. `name` is the file's, for messages. All
// throw "NAME: KIND: …" where anything is damaged, missing, or larger than the bytes could hold.

/// PNG (ISO 15948): every colour type and bit depth, interlaced or not.
Tensor decode_png(std::string_view bytes, const std::string& name);
/// JPEG (ITU-T T.81), baseline or progressive, grey or colour.
Tensor decode_jpeg(std::string_view bytes, const std::string& name);
/// PGM and PPM (Netpbm's P2, P3, P5 and P6) with values of one or two bytes; one picture a file.
Tensor decode_pnm(std::string_view bytes, const std::string& name);
/// A picture of any of these kinds, told apart by its first bytes.
Tensor decode_image(std::string_view bytes, const std::string& name);
/// The same from a file. Throws where there is none.
Tensor read_image(const std::string& path);

/// An array as NumPy saves it.
struct NpyArray {
  Tensor values;       ///< float32, float64, or int64 for all integers
  bool bytes = false;  ///< stored as unsigned bytes, as pictures of 0 … 255 are
};

/// NumPy's .npy format, versions 1 to 3: float32, float64, signed integers, and unsigned ones of up to 32 bits; C
/// order. Throws where the header is not exactly that, or the file's size is not what it declares.
NpyArray decode_npy(std::string_view bytes, const std::string& name);
/// The same as float32: unsigned bytes are divided by 255, all else is as it stands. Throws at an element that is not
/// finite, or a whole number beyond 2^24, which float32 may not hold.
Tensor decode_npy_floats(std::string_view bytes, const std::string& name);

/// A picture [C, H, W] in another size: along each axis the mean over the area that a new pixel covers where the
/// picture shrinks, linear interpolation between the centres of pixels (torch's align_corners=False) where it grows.
Tensor resize_image(const Tensor& image, int64_t height, int64_t width);
/// A picture [C, H, W] with 1 or 3 channels: grey becomes three equal channels, colours their luma
/// 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as Pillow's "L"). Throws where there is no such conversion.
Tensor convert_channels(const Tensor& image, int64_t channels);

}  // namespace tarn
