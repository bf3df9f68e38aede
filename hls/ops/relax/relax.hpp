// SPDX-License-Identifier: Apache-2.0
// One sweep over the broken pixels of an image, in place, towards the solution of the biharmonic equation.
//
//   out[y, x, c] = in[y, x, c] where in's flag is below 128, else (sum + 8) / 16 rounded down, within 0..255,
//   sum = 8 * (N + W + E + S) - 2 * (NW + NE + SW + SE) - (NN + WW + EE + SS) - 4 * in[y, x, c],  c = R, G, B
//
// with the neighbours above and to the left as they are in out, the others as they are in in. A row beyond the image
// is its first or last one as in in; a column beyond it is the row's border pixel, as that is by then.
// in and out (HEIGHT, WIDTH), WIDTH at least 6; row by row, a pixel a beat, R in the low bits. in has four bytes, the
// highest is the flag; out has it too where KEEP_FLAG, else three bytes. II 1: a pixel in and out in each cycle; it
// leaves 2 * WIDTH + 3 cycles after it came, and the last of a frame without any more input.
// Memory: of every column, the two pixels that came and the two that left last.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void relax(hls::stream<ap_uint<32> >& in, hls::stream<ap_uint<Node::KEEP_FLAG ? 32 : 24> >& out) {
  static_assert(Node::HEIGHT >= 1, "relax: HEIGHT must be 1 or more");
  static_assert(Node::WIDTH >= 6, "relax: WIDTH must be 6 or more, as a pixel leaves three columns after it is complete");
  const int ROW = Node::WIDTH;
  const int STEPS = (Node::HEIGHT + 2) * ROW + 3;

  ap_uint<64> came[ROW];  // the pixel of the row above this one, over it that of two rows above
  ap_uint<48> gone[ROW];  // the pixel that left last, over it the one before
  KERNELS_RAM_BRAM(came)  // a row of a wide frame
  KERNELS_RAM_BRAM(gone)  // a row of a wide frame
#pragma HLS DEPENDENCE variable = came inter RAW distance = ROW true      // read a row after it was written
#pragma HLS DEPENDENCE variable = gone inter RAW distance = ROW - 3 true  // a row after its column, which it left 3 later

  // The column that comes, right of the middle (1), the middle (2), and the one that leaves (3).
  ap_uint<32> here1 = 0, here2 = 0, here3 = 0;     // the row in question, as it came
  ap_uint<24> above1 = 0, above2 = 0, above3 = 0;  // the row above, as it left
  ap_uint<9> near1[3], near2[3], near3[3];         // sums of the pixels above and below
  ap_uint<9> far1[3], far2[3];                     // and of those two rows away
  ap_int<14> sum[3];                               // of all but the pixel to the left
  ap_uint<24> last = 0;                            // that left
#pragma HLS ARRAY_PARTITION variable = near1 complete  // registers
#pragma HLS ARRAY_PARTITION variable = near2 complete  // registers
#pragma HLS ARRAY_PARTITION variable = near3 complete  // registers
#pragma HLS ARRAY_PARTITION variable = far1 complete   // registers
#pragma HLS ARRAY_PARTITION variable = far2 complete   // registers
#pragma HLS ARRAY_PARTITION variable = sum complete    // registers
clear_sums:
  for (int c = 0; c < 3; ++c) {
#pragma HLS UNROLL  // registers
    near1[c] = near2[c] = near3[c] = 0;
    far1[c] = far2[c] = 0;
    sum[c] = 0;
  }
  int y = 0, x = 0;  // of the pixel that comes

steps:
  for (int step = 0; step < STEPS; ++step) {
#pragma HLS PIPELINE II = 1  // a pixel a cycle
    const ap_uint<64> waiting = came[x];
    const ap_uint<48> left_before = gone[x];
    const ap_uint<32> below = waiting.range(31, 0);
    const ap_uint<32> here = waiting.range(63, 32);
    ap_uint<32> entering = below;  // beyond the last row, that again
    if (y < Node::HEIGHT) entering = in.read();
    ap_uint<24> above = left_before.range(23, 0);
    ap_uint<24> far_above = left_before.range(47, 24);
    if (y == 2) {  // above the first row, that itself
      above = here.range(23, 0);
      far_above = here.range(23, 0);
    }
    const bool give = y > 2 || (y == 2 && x >= 3);
    ap_uint<32> leaving = here3;
  colours:
    for (int c = 0; c < 3; ++c) {
#pragma HLS UNROLL  // the adders of each colour
      const ap_uint<8> own = here3.range(8 * c + 7, 8 * c);
      const ap_uint<8> before = last.range(8 * c + 7, 8 * c);
      const int left = x == 3 ? own.to_int() : before.to_int();  // of the first column that is itself
      const int whole = sum[c].to_int() + 8 * left - (x == 4 ? left : 0);
      const int sixteenth = whole >> 4;
      const ap_uint<8> relaxed = sixteenth < 0 ? 0 : sixteenth > 255 ? 255 : sixteenth;
      if (here3[31]) leaving.range(8 * c + 7, 8 * c) = relaxed;  // a flag of 128 and more

      const ap_uint<8> middle = here2.range(8 * c + 7, 8 * c);
      const ap_uint<8> next = here1.range(8 * c + 7, 8 * c);
      const ap_uint<8> next_but_one = here.range(8 * c + 7, 8 * c);
      const ap_uint<8> right = x == 1 ? middle : next;  // the last column
      const ap_uint<8> beyond = x == 0 || x == 1 ? right : next_but_one;
      // two to the left; of the second column it is the pixel to the left, which is not known yet
      const int far_left = x == 2 ? middle.to_int() : x == 3 ? 0 : before.to_int();
      const int near_right = x == 1 ? near2[c].to_int() : near1[c].to_int();
      const int near_left = x == 2 ? near2[c].to_int() : near3[c].to_int();
      sum[c] = 8 * (near2[c].to_int() + right.to_int()) - 2 * (near_left + near_right) -
               (far2[c].to_int() + beyond.to_int() + far_left) - 4 * middle.to_int() + 8;

      const ap_uint<8> of_above = above.range(8 * c + 7, 8 * c);
      const ap_uint<8> of_below = below.range(8 * c + 7, 8 * c);
      const ap_uint<8> of_far_above = far_above.range(8 * c + 7, 8 * c);
      const ap_uint<8> of_entering = entering.range(8 * c + 7, 8 * c);
      near3[c] = near2[c];
      near2[c] = near1[c];
      near1[c] = of_above.to_int() + of_below.to_int();
      far2[c] = far1[c];
      far1[c] = of_far_above.to_int() + of_entering.to_int();
    }
    ap_uint<64> arrived = 0;
    arrived.range(31, 0) = entering;
    arrived.range(63, 32) = below;
    came[x] = arrived;
    ap_uint<48> departed = 0;
    departed.range(23, 0) = leaving.range(23, 0);
    departed.range(47, 24) = above3;
    gone[x < 3 ? x + ROW - 3 : x - 3] = departed;
    here3 = here2;
    here2 = here1;
    here1 = here;
    above3 = above2;
    above2 = above1;
    above1 = above;
    if (give) {
      last = leaving.range(23, 0);
      out.write(leaving);  // without the flag where out has three bytes
    }
    if (++x == ROW) {
      x = 0;
      ++y;
    }
  }
}

}  // namespace kernels
