// SPDX-License-Identifier: Apache-2.0
// Joins the channels of two streams, pixel by pixel.
//
//   out[y, x] = first[y, x], second[y, x]
//
// Of each of PIXELS pixels a frame FIRST_BEATS beats of the first stream, then SECOND_BEATS of the second, BITS bits each.
// II 1, latency 1 or 2. Of more streams it joins the first two, then the result and the third, and so on.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void concat(hls::stream<ap_uint<Node::BITS> >& first, hls::stream<ap_uint<Node::BITS> >& second,
            hls::stream<ap_uint<Node::BITS> >& out) {
  static_assert(Node::FIRST_BEATS >= 1 && Node::SECOND_BEATS >= 1, "concat: a pixel must have a beat of each stream");
  int turn = 0;  // beat of the pixel
beats:
  for (int i = 0; i < Node::PIXELS * (Node::FIRST_BEATS + Node::SECOND_BEATS); ++i) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
    ap_uint<Node::BITS> beat;
    if (turn < Node::FIRST_BEATS) beat = first.read();
    else beat = second.read();
    out.write(beat);
    turn = turn == Node::FIRST_BEATS + Node::SECOND_BEATS - 1 ? 0 : turn + 1;
  }
}

}  // namespace kernels
