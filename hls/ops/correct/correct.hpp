// SPDX-License-Identifier: Apache-2.0
// Corrects the broken pixels of a filled image.
//
//   out[p, c] = clip(image[p, c] + correction[p, c] - 128, 0, 255) if flag[p] >= 128 else image[p, c],  c = R, G, B
//
// One pixel a beat, R in the low bits; the flag is the image's fourth byte, correction and output have three. BEATS
// beats a frame, one is taken from both inputs. II 1, latency 1 or 2.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void correct(hls::stream<ap_uint<24> >& correction, hls::stream<ap_uint<32> >& image, hls::stream<ap_uint<24> >& out) {
beats:
  for (int i = 0; i < Node::BEATS; ++i) {
#pragma HLS PIPELINE II = 1  // a pixel a cycle
    const ap_uint<24> change = correction.read();
    const ap_uint<32> pixel = image.read();
    ap_uint<24> mended = 0;
  colours:
    for (int c = 0; c < 3; ++c) {
#pragma HLS UNROLL  // one adder a colour
      const ap_uint<8> colour = pixel.range(8 * c + 7, 8 * c);
      const ap_uint<8> step = change.range(8 * c + 7, 8 * c);
      const ap_int<10> sum = colour.to_int() + step.to_int() - 128;  // -128 .. 382
      const ap_uint<8> clipped = sum < 0 ? 0 : sum > 255 ? 255 : sum.to_int();
      mended.range(8 * c + 7, 8 * c) = pixel[31] ? clipped : colour;  // a flag of 128 and more
    }
    out.write(mended);
  }
}

}  // namespace kernels
