// SPDX-License-Identifier: Apache-2.0
// Turns STRIDE*STRIDE channel groups of each pixel into a STRIDE x STRIDE block of pixels, and crops.
//
//   out[STRIDE*y + r - CROP_N, STRIDE*x + s - CROP_W, c] = in[y, x, (r*STRIDE + s)*CHANNELS + c]
//
// in (HEIGHT, WIDTH, STRIDE*STRIDE*CHANNELS), out (STRIDE*HEIGHT - CROP_N - CROP_S, STRIDE*WIDTH - CROP_W - CROP_E,
// CHANNELS); NHWC, SIMD channels of BITS bits a beat. Two processes with STRIDE FIFOs between, which the top makes:
// the beats of one output row phase r leave in the order in which they come, so `deal_rows` deals them out to one
// FIFO a phase (`first` for r = 0, `others[r-1]`) and drops those that are cropped, and `gather_rows` takes one
// whole row after the other. hls/ops/pixel_shuffle/README.md has the depths.
// II 1 a beat in and a beat out; latency 1 or 2 each and the FIFOs'.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void deal_rows(hls::stream<ap_uint<Node::SIMD * Node::BITS> >& in, hls::stream<ap_uint<Node::SIMD * Node::BITS> >& first,
               hls::stream<ap_uint<Node::SIMD * Node::BITS> > others[Node::STRIDE - 1]) {
  static_assert(Node::STRIDE >= 2, "pixel_shuffle: a STRIDE below 2 shuffles nothing");
  static_assert(Node::CHANNELS % Node::SIMD == 0,
                "pixel_shuffle: SIMD must divide CHANNELS of the output, as a beat never spans two pixels");
  const int ROWS = Node::STRIDE * Node::HEIGHT;
  const int COLUMNS = Node::STRIDE * Node::WIDTH;
  static_assert(Node::CROP_N + Node::CROP_S < ROWS, "pixel_shuffle: the crops must leave a row");
  static_assert(Node::CROP_W + Node::CROP_E < COLUMNS, "pixel_shuffle: the crops must leave a column");
  const int FOLD = Node::CHANNELS / Node::SIMD;
rows:
  for (int y = 0; y < ROWS; y += Node::STRIDE) {
  columns:
    for (int x = 0; x < COLUMNS; x += Node::STRIDE) {
    row_phases:
      for (int r = 0; r < Node::STRIDE; ++r) {
      column_phases:
        for (int s = 0; s < Node::STRIDE; ++s) {
        beats:
          for (int f = 0; f < FOLD; ++f) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
            const ap_uint<Node::SIMD * Node::BITS> beat = in.read();
            const bool keep = y + r >= Node::CROP_N && y + r < ROWS - Node::CROP_S && x + s >= Node::CROP_W &&
                              x + s < COLUMNS - Node::CROP_E;
            if (keep && r == 0) first.write(beat);
            if (keep && r != 0) others[r - 1].write(beat);
          }
        }
      }
    }
  }
}

template <class Node>
void gather_rows(hls::stream<ap_uint<Node::SIMD * Node::BITS> >& first,
                 hls::stream<ap_uint<Node::SIMD * Node::BITS> > others[Node::STRIDE - 1],
                 hls::stream<ap_uint<Node::SIMD * Node::BITS> >& out) {
  const int OUT_H = Node::STRIDE * Node::HEIGHT - Node::CROP_N - Node::CROP_S;
  const int OUT_W = Node::STRIDE * Node::WIDTH - Node::CROP_W - Node::CROP_E;
  int phase = Node::CROP_N % Node::STRIDE;
rows:
  for (int y = 0; y < OUT_H; ++y) {
  beats:
    for (int i = 0; i < OUT_W * (Node::CHANNELS / Node::SIMD); ++i) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
      ap_uint<Node::SIMD * Node::BITS> beat;
      if (phase == 0) beat = first.read();
      else beat = others[phase - 1].read();
      out.write(beat);
    }
    phase = phase == Node::STRIDE - 1 ? 0 : phase + 1;
  }
}

}  // namespace kernels
