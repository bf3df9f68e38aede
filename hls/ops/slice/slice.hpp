// SPDX-License-Identifier: Apache-2.0
// Keeps a box of a tensor: some rows, columns and channels; the others are taken and dropped.
//
//   out[y, x, f] = in[y + CROP_N, x + CROP_W, f + FIRST],  f < LAST - FIRST in beats of a pixel
//
// in (HEIGHT, WIDTH, FOLDS) beats of BITS bits; row by row, last index fastest. II 1 at the input, latency 1 or 2.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void slice(hls::stream<ap_uint<Node::BITS> >& in, hls::stream<ap_uint<Node::BITS> >& out) {
  static_assert(Node::FIRST < Node::LAST && Node::LAST <= Node::FOLDS, "slice: FIRST and LAST must leave a beat");
  static_assert(Node::CROP_N + Node::CROP_S < Node::HEIGHT, "slice: the crops must leave a row");
  static_assert(Node::CROP_W + Node::CROP_E < Node::WIDTH, "slice: the crops must leave a column");
rows:
  for (int y = 0; y < Node::HEIGHT; ++y) {
  columns:
    for (int x = 0; x < Node::WIDTH; ++x) {
    beats:
      for (int f = 0; f < Node::FOLDS; ++f) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
        const ap_uint<Node::BITS> beat = in.read();
        const bool keep = y >= Node::CROP_N && y < Node::HEIGHT - Node::CROP_S && x >= Node::CROP_W &&
                          x < Node::WIDTH - Node::CROP_E && f >= Node::FIRST && f < Node::LAST;
        if (keep) out.write(beat);
      }
    }
  }
}

}  // namespace kernels
