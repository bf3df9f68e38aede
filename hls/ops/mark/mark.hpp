// SPDX-License-Identifier: Apache-2.0
// Puts a flag on every pixel that a score calls broken.
//
//   out[p] = (image[p], 255 if score[p] >= 128 else 0)
//
// One pixel a beat: the score is a byte, the image has three, R, G, B with R in the low bits, the output a fourth, the
// flag, above them. BEATS beats a frame, one is taken from both inputs. II 1, latency 1 or 2.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void mark(hls::stream<ap_uint<8> >& score, hls::stream<ap_uint<24> >& image, hls::stream<ap_uint<32> >& out) {
beats:
  for (int i = 0; i < Node::BEATS; ++i) {
#pragma HLS PIPELINE II = 1  // a pixel a cycle
    const ap_uint<8> level = score.read();
    ap_uint<32> pixel = image.read();
    // 128 and more: the score's highest bit
    pixel.range(31, 24) = level[7] ? 255 : 0;
    out.write(pixel);
  }
}

}  // namespace kernels
