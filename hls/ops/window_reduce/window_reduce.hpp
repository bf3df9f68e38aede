// SPDX-License-Identifier: Apache-2.0
// Reduces every window to one pixel, channel by channel: maximum, sum, or sum with constant weights.
//
//   out[n, f][l] = over t < TAPS:  max in[n, t, f][l]  |  sum in[n, t, f][l]  |  sum weights[t, f][l] * in[n, t, f][l]
//
// Of each of WINDOWS windows a frame TAPS taps, FOLDS beats f of a tap's channels, SIMD lanes l of IN_BITS bits, signed where
// IN_SIGNED; out has the beats of one tap, lanes of OUT_BITS bits, signed where in is or there are weights.
// II 1 at the input, latency 1 or 2 from the last tap's beat; a product adds the multiplier's. Memory: FOLDS words of sums.
//
// The weights of beat t*FOLDS + f: that of lane l is in word l / PER_WORD, at bit l % PER_WORD * WEIGHT_BITS,
// PER_WORD = 64 / WEIGHT_BITS; as of matrix_vector.hpp.
#pragma once

#include "lanes.hpp"

namespace kernels {

// Maximum (MAXIMUM) or sum.
template <class Node>
void window_reduce(hls::stream<ap_uint<Node::SIMD * Node::IN_BITS> >& in,
                   hls::stream<ap_uint<Node::SIMD * Node::OUT_BITS> >& out) {
  static_assert(Node::OUT_BITS >= Node::IN_BITS, "window_reduce: OUT_BITS must hold every value of IN_BITS");
  typedef typename Integer<Node::OUT_BITS, Node::IN_SIGNED>::type Sum;
  Sum sums[Node::FOLDS][Node::SIMD];
#pragma HLS ARRAY_PARTITION variable = sums complete dim = 0  // registers: read and written every cycle
windows:
  for (int n = 0; n < Node::WINDOWS; ++n) {
  taps:
    for (int t = 0; t < Node::TAPS; ++t) {
    beats:
      for (int f = 0; f < Node::FOLDS; ++f) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
        typename Integer<Node::IN_BITS, Node::IN_SIGNED>::type value[Node::SIMD];
        Sum after[Node::SIMD];
#pragma HLS ARRAY_PARTITION variable = value complete  // wires
#pragma HLS ARRAY_PARTITION variable = after complete  // wires
        split<Node::SIMD, Node::IN_BITS>(in.read(), value);
      lanes:
        for (int l = 0; l < Node::SIMD; ++l) {
#pragma HLS UNROLL  // one adder or comparator a lane
          const Sum term = value[l];
          Sum before = sums[f][l];
          if (t == 0) after[l] = term;
          else if (Node::MAXIMUM) after[l] = before > term ? before : term;
          else after[l] = before + term;
          sums[f][l] = after[l];
        }
        if (t == Node::TAPS - 1) out.write(join<Node::SIMD, Node::OUT_BITS>(after));
      }
    }
  }
}

// The signed weight of a lane: its bits in two's complement.
template <int WEIGHT_BITS>
ap_int<WEIGHT_BITS> lane_weight(const unsigned long long* words, int lane) {
#pragma HLS INLINE  // wiring once the loops around are unrolled
  const int PER_WORD = 64 / WEIGHT_BITS;
  return words[lane / PER_WORD] >> (lane % PER_WORD * WEIGHT_BITS);
}

// Sum with weights.
template <class Node>
void window_weigh(hls::stream<ap_uint<Node::SIMD * Node::IN_BITS> >& in,
                  hls::stream<ap_uint<Node::SIMD * Node::OUT_BITS> >& out,
                  const unsigned long long weights[Node::TAPS * Node::FOLDS][Node::WORDS]) {
  static_assert(Node::WORDS * (64 / Node::WEIGHT_BITS) >= Node::SIMD,
                "window_weigh: WORDS of 64 bits must hold the SIMD weights of a beat");
#pragma HLS ARRAY_RESHAPE variable = weights complete dim = 2  // all lanes' weights a cycle
  typedef ap_int<Node::OUT_BITS> Sum;
  Sum sums[Node::FOLDS][Node::SIMD];
#pragma HLS ARRAY_PARTITION variable = sums complete dim = 0  // registers: read and written every cycle
windows:
  for (int n = 0; n < Node::WINDOWS; ++n) {
  taps:
    for (int t = 0; t < Node::TAPS; ++t) {
    beats:
      for (int f = 0; f < Node::FOLDS; ++f) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
        typename Integer<Node::IN_BITS, Node::IN_SIGNED>::type value[Node::SIMD];
        Sum after[Node::SIMD];
#pragma HLS ARRAY_PARTITION variable = value complete  // wires
#pragma HLS ARRAY_PARTITION variable = after complete  // wires
        split<Node::SIMD, Node::IN_BITS>(in.read(), value);
      lanes:
        for (int l = 0; l < Node::SIMD; ++l) {
#pragma HLS UNROLL  // one multiplier a lane
          const auto weight = lane_weight<Node::WEIGHT_BITS>(weights[t * Node::FOLDS + f], l);
          const Sum product = weight * value[l];
          Sum before = sums[f][l];
          if (t == 0) before = 0;
          after[l] = before + product;
          sums[f][l] = after[l];
        }
        if (t == Node::TAPS - 1) out.write(join<Node::SIMD, Node::OUT_BITS>(after));
      }
    }
  }
}

}  // namespace kernels
