// SPDX-License-Identifier: Apache-2.0
// Zeros around a frame.
//
//   out[y, x, c] = in[y - TOP, x - LEFT, c] inside the frame, 0 outside
//
// in (HEIGHT, WIDTH, CHANNELS), out (TOP + HEIGHT + BOTTOM, LEFT + WIDTH + RIGHT, CHANNELS), both row by row,
// channel fastest, SIMD channels of BITS bits a beat.
// II 1 a beat of the output; latency 2 cycles or so (set by the tool) from a beat in to the same beat out.
#pragma once

#include "lanes.hpp"

namespace kernels {

template <class Node>
void pad(hls::stream<ap_uint<Node::SIMD * Node::BITS> >& in, hls::stream<ap_uint<Node::SIMD * Node::BITS> >& out) {
  static_assert(Node::CHANNELS % Node::SIMD == 0, "pad: SIMD must divide CHANNELS, as a beat never spans two pixels");
  const int FOLD = Node::CHANNELS / Node::SIMD;
rows:
  for (int y = 0; y < Node::TOP + Node::HEIGHT + Node::BOTTOM; ++y) {
  columns:
    for (int x = 0; x < Node::LEFT + Node::WIDTH + Node::RIGHT; ++x) {
    beats:
      for (int f = 0; f < FOLD; ++f) {
#pragma HLS PIPELINE II = 1  // a beat a cycle; the tool flattens the perfect nest
        const bool inside = y >= Node::TOP && y < Node::TOP + Node::HEIGHT && x >= Node::LEFT &&
                            x < Node::LEFT + Node::WIDTH;
        ap_uint<Node::SIMD * Node::BITS> beat = 0;
        if (inside) beat = in.read();
        out.write(beat);
      }
    }
  }
}

}  // namespace kernels
