// SPDX-License-Identifier: Apache-2.0
// Joins two streams and adds them, exactly, or subtracts the second.
//
//   out[l] = a[l] + b[l] for every lane; with SUBTRACT a[l] - b[l]
//
// BEATS beats a frame of SIMD lanes; a lane of A_BITS, B_BITS and OUT_BITS bits, signed where A_SIGNED, B_SIGNED; the
// sum is signed where an operand is, a difference always. With NARROW the author answers for sums that are narrower
// than any operands could make them. NHWC, a beat is taken from both inputs. II 1, latency 1 or 2.
#pragma once

#include "lanes.hpp"

namespace kernels {

template <class Node, bool SUBTRACT = false, bool NARROW = false>
void skip_add(hls::stream<ap_uint<Node::SIMD * Node::A_BITS> >& a, hls::stream<ap_uint<Node::SIMD * Node::B_BITS> >& b,
              hls::stream<ap_uint<Node::SIMD * Node::OUT_BITS> >& out) {
  const bool SIGNED = Node::A_SIGNED || Node::B_SIGNED;  // as operands
  const bool OUT_SIGNED = SIGNED || SUBTRACT;
  // an unsigned operand beside a signed one counts with a sign bit
  const int A_FULL = Node::A_BITS + (SIGNED && !Node::A_SIGNED ? 1 : 0);
  const int B_FULL = Node::B_BITS + (SIGNED && !Node::B_SIGNED ? 1 : 0);
  static_assert(NARROW || Node::OUT_BITS > (A_FULL > B_FULL ? A_FULL : B_FULL),
                "skip_add: OUT_BITS must be one more than the wider operand's, to hold every sum");
beats:
  for (int i = 0; i < Node::BEATS; ++i) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
    typename Integer<Node::A_BITS, Node::A_SIGNED>::type left[Node::SIMD];
    typename Integer<Node::B_BITS, Node::B_SIGNED>::type right[Node::SIMD];
    typename Integer<Node::OUT_BITS, OUT_SIGNED>::type sum[Node::SIMD];
#pragma HLS ARRAY_PARTITION variable = left complete   // wires
#pragma HLS ARRAY_PARTITION variable = right complete  // wires
#pragma HLS ARRAY_PARTITION variable = sum complete    // wires
    split<Node::SIMD, Node::A_BITS>(a.read(), left);
    split<Node::SIMD, Node::B_BITS>(b.read(), right);
  lanes:
    for (int l = 0; l < Node::SIMD; ++l) {
#pragma HLS UNROLL  // one adder a lane
      if (SUBTRACT) sum[l] = left[l] - right[l];
      else sum[l] = left[l] + right[l];
    }
    out.write(join<Node::SIMD, Node::OUT_BITS>(sum));
  }
}

}  // namespace kernels
