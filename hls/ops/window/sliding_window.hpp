// SPDX-License-Identifier: Apache-2.0
// The windows of a convolution, one after the other.
//
//   out[y, x, (u, v, c)] = in[STRIDE_H*y + DILATION_H*u, STRIDE_W*x + DILATION_W*v, c],  u < KERNEL_H, v < KERNEL_W
//
// in (HEIGHT, WIDTH, CHANNELS), out (OUT_H, OUT_W, KERNEL_H*KERNEL_W*CHANNELS) with OUT_H = (HEIGHT - SPAN_H) /
// STRIDE_H + 1, SPAN_H = DILATION_H * (KERNEL_H - 1) + 1, OUT_W alike; row by row, last index fastest, SIMD channels of
// BITS bits a beat.
// II 1: a beat in and a beat out in each cycle. A beat leaves LAG + 1 cycles after the beat it needs has come,
// at the earliest. Memory: SPAN_H + STRIDE_H rows, of which STRIDE_H fill while windows are read from the others.
//
// Input is taken when there is some and room for it, never waited for: a window that is complete must leave
// even where the next row has not begun, or the layers behind would need deeper skip FIFOs.
#pragma once

#include "lanes.hpp"

namespace kernels {

template <class Node>
void sliding_window(hls::stream<ap_uint<Node::SIMD * Node::BITS> >& in,
                    hls::stream<ap_uint<Node::SIMD * Node::BITS> >& out) {
  static_assert(Node::CHANNELS % Node::SIMD == 0,
                "sliding_window: SIMD must divide CHANNELS, as a beat never spans two pixels");
  const int SPAN_H = Node::DILATION_H * (Node::KERNEL_H - 1) + 1;
  const int SPAN_W = Node::DILATION_W * (Node::KERNEL_W - 1) + 1;
  static_assert(SPAN_H <= Node::HEIGHT && SPAN_W <= Node::WIDTH,
                "sliding_window: the kernel must not span more than the frame");
  const int FOLD = Node::CHANNELS / Node::SIMD;
  const int OUT_H = (Node::HEIGHT - SPAN_H) / Node::STRIDE_H + 1;
  const int OUT_W = (Node::WIDTH - SPAN_W) / Node::STRIDE_W + 1;
  const int RING = SPAN_H + Node::STRIDE_H;      // rows in memory
  const int ROW = Node::WIDTH * FOLD;            // beats
  const int LAG = 3;                             // cycles until a beat that was written may be read

  ap_uint<Node::SIMD * Node::BITS> lines[RING * ROW];
#pragma HLS DEPENDENCE variable = lines inter RAW distance = 4 true  // LAG + 1: see `settled`

  int taken = 0, settled = 0, settling[LAG];  // beats taken so far; LAG cycles ago; in between
#pragma HLS ARRAY_PARTITION variable = settling complete  // a shift register
  int write_at = 0;                                       // in lines
  int room = RING * ROW;                                  // beats that may be taken before a row is free again
  int y = 0, x = 0, u = 0, v = 0, f = 0;                  // of the beat to give
  int row = 0;                                            // of the windows' first row, in the ring
  int need = 0;  // beats before the windows' first row in the frame
clear_settling:
  for (int i = 0; i < LAG; ++i) {
#pragma HLS UNROLL  // registers
    settling[i] = 0;
  }

cycles:
  while (y < OUT_H || taken < Node::HEIGHT * ROW) {
#pragma HLS PIPELINE II = 1  // a beat in and a beat out a cycle
    const int column = (x * Node::STRIDE_W + v * Node::DILATION_W) * FOLD + f;
    const bool give = y < OUT_H && need + u * Node::DILATION_H * ROW + column < settled;
    settled = settling[LAG - 1];
  shift:
    for (int i = LAG - 1; i > 0; --i) {
#pragma HLS UNROLL  // a shift register
      settling[i] = settling[i - 1];
    }
    if (give) {
      const int ring_row = row + u * Node::DILATION_H < RING ? row + u * Node::DILATION_H : row + u * Node::DILATION_H - RING;
      out.write(lines[ring_row * ROW + column]);
    }
    ap_uint<Node::SIMD * Node::BITS> beat;
    if (taken < Node::HEIGHT * ROW && taken < room && in.read_nb(beat)) {
      lines[write_at] = beat;
      write_at = write_at == RING * ROW - 1 ? 0 : write_at + 1;
      ++taken;
    }
    settling[0] = taken;
    if (give && ++f == FOLD) {  // the next beat of the windows
      f = 0;
      if (++v == Node::KERNEL_W) {
        v = 0;
        if (++u == Node::KERNEL_H) {
          u = 0;
          if (++x == OUT_W) {
            x = 0;
            ++y;
            need += Node::STRIDE_H * ROW;
            room += y < OUT_H ? Node::STRIDE_H * ROW : Node::HEIGHT * ROW;  // behind the last window: all the rest
            row = row + Node::STRIDE_H < RING ? row + Node::STRIDE_H : row + Node::STRIDE_H - RING;
          }
        }
      }
    }
  }
}

}  // namespace kernels
