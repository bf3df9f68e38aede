// SPDX-License-Identifier: Apache-2.0
// Activation: how many thresholds of its channel a value reaches.
//
//   out[n, c] = BIAS + number of t = 0 .. 2**OUT_BITS - 2 with in[n, c] >= threshold[c, t], thresholds rising along t
//
// in (VECTORS, CHANNELS) of IN_BITS bits, signed where IN_SIGNED; out (VECTORS, CHANNELS) of OUT_BITS bits, signed where
// BIAS is negative; PE channels a beat on both sides. II 1 a beat; latency about 2 * OUT_BITS cycles.
//
// A binary search: stage s = 0 .. OUT_BITS-1 knows the s upper bits of the result, `prefix`, and compares with
// threshold (2*prefix + 1) * 2**(OUT_BITS-1-s) - 1. So stage s has a memory of its own with 2**s words a channel,
// which Node::threshold(Stage<s>(), pe, fold, prefix) reads for channel fold * PE + pe.
#pragma once

#include "lanes.hpp"

namespace kernels {

template <int INDEX>
struct Stage {};

// Stages INDEX .. BITS-1 of the search.
template <class Node, int INDEX, int BITS>
struct Search {
  template <class Value>
  static int run(Value value, int pe, int fold, int prefix) {
#pragma HLS INLINE  // the stages are one pipeline
    const int reached = value >= Node::threshold(Stage<INDEX>(), pe, fold, prefix) ? 1 : 0;
    return Search<Node, INDEX + 1, BITS>::run(value, pe, fold, 2 * prefix + reached);
  }
};
template <class Node, int BITS>
struct Search<Node, BITS, BITS> {
  template <class Value>
  static int run(Value, int, int, int prefix) {
#pragma HLS INLINE  // the end of the pipeline
    return prefix;
  }
};

template <class Node>
void thresholds(hls::stream<ap_uint<Node::PE * Node::IN_BITS> >& in,
                hls::stream<ap_uint<Node::PE * Node::OUT_BITS> >& out) {
  static_assert(Node::CHANNELS % Node::PE == 0, "thresholds: PE must divide CHANNELS, as a beat never spans two pixels");
vectors:
  for (int n = 0; n < Node::VECTORS; ++n) {
  folds:
    for (int fold = 0; fold < Node::CHANNELS / Node::PE; ++fold) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
      typename Integer<Node::IN_BITS, Node::IN_SIGNED>::type value[Node::PE];
      ap_uint<Node::OUT_BITS> level[Node::PE];
#pragma HLS ARRAY_PARTITION variable = value complete  // wires
#pragma HLS ARRAY_PARTITION variable = level complete  // wires
      split<Node::PE, Node::IN_BITS>(in.read(), value);
    lanes:
      for (int pe = 0; pe < Node::PE; ++pe) {
#pragma HLS UNROLL  // each lane searches for itself
        level[pe] = Node::BIAS + Search<Node, 0, Node::OUT_BITS>::run(value[pe], pe, fold, 0);
      }
      out.write(join<Node::PE, Node::OUT_BITS>(level));
    }
  }
}

}  // namespace kernels
