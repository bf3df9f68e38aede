// SPDX-License-Identifier: Apache-2.0
// The same bits in beats of another width, low bits first.
//
//   bit k of the frame: bit k % IN_BITS of input beat k / IN_BITS, bit k % OUT_BITS of output beat k / OUT_BITS
//
// widen: RATIO = OUT_BITS / IN_BITS beats in for one out, OUT_BEATS a frame; II 1 a beat in.
// narrow: RATIO = IN_BITS / OUT_BITS beats out of one in, IN_BEATS a frame; II 1 a beat out.
// Widths of no whole ratio take both, over their least common multiple. Latency 1 or 2 after the last beat in.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void widen(hls::stream<ap_uint<Node::IN_BITS> >& in, hls::stream<ap_uint<Node::OUT_BITS> >& out) {
  static_assert(Node::OUT_BITS % Node::IN_BITS == 0,
                "widen: IN_BITS must divide OUT_BITS; other widths go over their least common multiple");
  static_assert(Node::OUT_BITS > Node::IN_BITS, "widen: OUT_BITS must be more than IN_BITS, else nothing is to do");
  const int RATIO = Node::OUT_BITS / Node::IN_BITS;
  ap_uint<Node::OUT_BITS> wide = 0;
beats:
  for (int i = 0; i < Node::OUT_BEATS; ++i) {
  parts:
    for (int k = 0; k < RATIO; ++k) {
#pragma HLS PIPELINE II = 1  // a beat in a cycle
      // in from the top: a shift by a constant, where writing to part k would be a multiplexer
      wide >>= Node::IN_BITS;
      wide.range(Node::OUT_BITS - 1, Node::OUT_BITS - Node::IN_BITS) = in.read();
      if (k == RATIO - 1) out.write(wide);
    }
  }
}

template <class Node>
void narrow(hls::stream<ap_uint<Node::IN_BITS> >& in, hls::stream<ap_uint<Node::OUT_BITS> >& out) {
  static_assert(Node::IN_BITS % Node::OUT_BITS == 0,
                "narrow: OUT_BITS must divide IN_BITS; other widths go over their least common multiple");
  static_assert(Node::IN_BITS > Node::OUT_BITS, "narrow: IN_BITS must be more than OUT_BITS, else nothing is to do");
  const int RATIO = Node::IN_BITS / Node::OUT_BITS;
  ap_uint<Node::IN_BITS> wide = 0;
beats:
  for (int i = 0; i < Node::IN_BEATS; ++i) {
  parts:
    for (int k = 0; k < RATIO; ++k) {
#pragma HLS PIPELINE II = 1  // a beat out a cycle
      if (k == 0) wide = in.read();
      out.write(ap_uint<Node::OUT_BITS>(wide));
      wide >>= Node::OUT_BITS;
    }
  }
}

}  // namespace kernels
