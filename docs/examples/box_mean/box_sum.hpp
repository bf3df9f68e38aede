// SPDX-License-Identifier: Apache-2.0
// The sum of each pixel's 3x3 neighbours, zeros beyond the border; a whole pixel of LANES channels a beat.
//
// (HEIGHT, WIDTH) beats on both sides. II 1 over a grid of one more row and column. Memory: two rows.
#pragma once

#include "lanes.hpp"

namespace kernels {

template <class Node>
void box_sum(hls::stream<ap_uint<Node::LANES * Node::BITS> >& in,
             hls::stream<ap_uint<Node::LANES*(Node::BITS + 4)> >& out) {
  typedef typename Integer<Node::BITS, Node::SIGNED>::type lane_t;
  typedef ap_uint<Node::LANES * Node::BITS> pixel_t;
  pixel_t upper[Node::WIDTH], middle[Node::WIDTH];
  ap_int<Node::BITS + 5> left[Node::LANES], centre[Node::LANES], sum[Node::LANES];
#pragma HLS ARRAY_PARTITION variable = left complete  // registers
#pragma HLS ARRAY_PARTITION variable = centre complete
#pragma HLS ARRAY_PARTITION variable = sum complete
rows:
  for (int y = 0; y <= Node::HEIGHT; ++y) {
  columns:
    for (int x = 0; x <= Node::WIDTH; ++x) {
#pragma HLS PIPELINE II = 1  // a pixel a cycle
      const bool inside = x < Node::WIDTH;
      const pixel_t above = inside && y > 1 ? upper[x] : pixel_t(0);
      const pixel_t beside = inside && y > 0 ? middle[x] : pixel_t(0);
      const pixel_t below = inside && y < Node::HEIGHT ? in.read() : pixel_t(0);
      if (inside) {
        upper[x] = beside;
        middle[x] = below;
      }
      lane_t a[Node::LANES], b[Node::LANES], c[Node::LANES];
      split<Node::LANES, Node::BITS, lane_t>(above, a);
      split<Node::LANES, Node::BITS, lane_t>(beside, b);
      split<Node::LANES, Node::BITS, lane_t>(below, c);
    lanes:
      for (int n = 0; n < Node::LANES; ++n) {
#pragma HLS UNROLL  // all channels at once
        const ap_int<Node::BITS + 5> column = a[n] + b[n] + c[n];
        sum[n] = (x > 1 ? left[n].to_int() : 0) + (x > 0 ? centre[n].to_int() : 0) + column;
        left[n] = centre[n];
        centre[n] = column;
      }
      ap_uint<Node::LANES*(Node::BITS + 4)> beat = 0;
    join_sums:
      for (int n = 0; n < Node::LANES; ++n) {
#pragma HLS UNROLL  // wiring
        beat.range((n + 1) * (Node::BITS + 4) - 1, n * (Node::BITS + 4)) = sum[n].range(Node::BITS + 3, 0);
      }
      if (x > 0 && y > 0) out.write(beat);
    }
  }
}

}  // namespace kernels
