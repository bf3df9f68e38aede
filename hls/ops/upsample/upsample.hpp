// SPDX-License-Identifier: Apache-2.0
// Repeats every pixel FACTOR_W times along the row and every row FACTOR_H times: nearest neighbour.
//
//   out[y, x, f] = in[y / FACTOR_H, x / FACTOR_W, f],  f < FOLDS beats of a pixel
//
// in (HEIGHT, WIDTH, FOLDS) beats of BITS bits; row by row, last index fastest. The first pass over a row keeps it, the
// others read it. II 1 at the output, latency 2 or 3. Memory: a row.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void upsample(hls::stream<ap_uint<Node::BITS> >& in, hls::stream<ap_uint<Node::BITS> >& out) {
  static_assert(Node::FACTOR_H >= 1 && Node::FACTOR_W >= 1, "upsample: a factor must be 1 or more");
  ap_uint<Node::BITS> row[Node::WIDTH * Node::FOLDS];
  ap_uint<Node::BITS> beat = 0;
rows:
  for (int y = 0; y < Node::HEIGHT; ++y) {
  passes:
    for (int r = 0; r < Node::FACTOR_H; ++r) {
    columns:
      for (int x = 0; x < Node::WIDTH; ++x) {
      repeats:
        for (int s = 0; s < Node::FACTOR_W; ++s) {
        beats:
          for (int f = 0; f < Node::FOLDS; ++f) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
            const int at = x * Node::FOLDS + f;
            if (r == 0 && s == 0) {
              beat = in.read();
              row[at] = beat;
            } else if (Node::FOLDS > 1 || s == 0) {  // a pixel of one beat is still there
              beat = row[at];
            }
            out.write(beat);
          }
        }
      }
    }
  }
}

}  // namespace kernels
