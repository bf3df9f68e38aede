// SPDX-License-Identifier: Apache-2.0
// One stream to two.
//
//   first = second = in
//
// BEATS beats of BITS bits a frame, in the order of the input. II 1, latency 1 or 2. A beat is given to both when
// both have room; the shorter way to where they meet again needs a FIFO as deep as the other lags.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void fork(hls::stream<ap_uint<Node::BITS> >& in, hls::stream<ap_uint<Node::BITS> >& first,
          hls::stream<ap_uint<Node::BITS> >& second) {
beats:
  for (int i = 0; i < Node::BEATS; ++i) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
    const ap_uint<Node::BITS> beat = in.read();
    first.write(beat);
    second.write(beat);
  }
}

}  // namespace kernels
