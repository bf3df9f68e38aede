// SPDX-License-Identifier: Apache-2.0
// One level down the pyramid: fills broken pixels from the level above, at twice its size.
//
//   out[y, x, c] = level[y, x, c] where level's flag is below 128, else (sum + 8) / 16 rounded down,  c = R, G, B,
//   sum = 3 * V[near(x)] + V[far(x)],  V[j] = 3 * above[near(y), j, c] + above[far(y), j, c],
//   near(i) = i / 2,  far(i) = i / 2 - 1 for even and i / 2 + 1 for odd i, but never beyond the image
//
// above (HEIGHT/2, WIDTH/2), level and out (HEIGHT, WIDTH), both even; row by row, a pixel a beat, R in the low bits.
// above and level have four bytes, the highest is the flag; that of `above` is not looked at. out has the level's flag
// where KEEP_FLAG, else three bytes. II 1: a pixel in and out, and a pixel of `above` in, in each cycle; a row starts
// LAG + 1 cycles after the last row of `above` that it needs has come, at the earliest. Latency about 4.
// Memory: four rows of `above`, even and odd ones apart, as a pixel needs one of each.
//
// Input is taken when there is some and room for it, never waited for: row y needs rows of `above` up to
// (y + 1) / 2, and must leave where the next has not begun; three rows beyond the first that is still needed
// may come before `level` does. So FIFOs of the depths that the RTL has are deep enough. A full `out` stops both,
// where the RTL goes on loading; nothing in a pyramid waits for that, as `above` is made of pixels that have long
// been on their way to `level`.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void grow(hls::stream<ap_uint<32> >& above, hls::stream<ap_uint<32> >& level,
          hls::stream<ap_uint<Node::KEEP_FLAG ? 32 : 24> >& out) {
  static_assert(Node::HEIGHT % 2 == 0, "grow: HEIGHT must be even, as a pixel of the level above becomes two rows");
  static_assert(Node::WIDTH % 2 == 0, "grow: WIDTH must be even, as a pixel of the level above becomes two columns");
  const int ROWS = Node::HEIGHT / 2;  // of the level above
  const int COLUMNS = Node::WIDTH / 2;
  const int RING = 4;  // rows in memory
  const int LAG = 3;   // cycles until a row that is complete may be read

  ap_uint<24> even[2 * COLUMNS], odd[2 * COLUMNS];  // row r: half r / 2 % 2 of the memory of its parity
  KERNELS_RAM_LUTRAM(even)                          // too short for a block
  KERNELS_RAM_LUTRAM(odd)                           // too short for a block
#pragma HLS DEPENDENCE variable = even inter RAW distance = 4 true  // LAG + 1: see `settled`
#pragma HLS DEPENDENCE variable = odd inter RAW distance = 4 true   // LAG + 1: see `settled`
  ap_uint<10> left[3];  // V at the last even x
#pragma HLS ARRAY_PARTITION variable = left complete  // registers

  int loaded = 0, settled = 0, settling[LAG];  // rows complete; LAG cycles ago; in between
#pragma HLS ARRAY_PARTITION variable = settling complete  // a shift register
  int column = 0;                                         // of the pixel to load
  int y = 0, x = 0;                                       // of the pixel to give
  int low = 0, high = 0;  // rows of `above` that it needs, which may be the same; y / 2 is the near one
clear_settling:
  for (int i = 0; i < LAG; ++i) {
#pragma HLS UNROLL  // registers
    settling[i] = 0;
  }

cycles:
  while (y < Node::HEIGHT) {
#pragma HLS PIPELINE II = 1  // a pixel in from both sides and a pixel out a cycle
    ap_uint<32> pixel = 0;
    const bool give = high < settled && level.read_nb(pixel);
    settled = settling[LAG - 1];
  shift:
    for (int i = LAG - 1; i > 0; --i) {
#pragma HLS UNROLL  // a shift register
      settling[i] = settling[i - 1];
    }
    if (give) {
      const int right = (x + 1) / 2 < COLUMNS ? (x + 1) / 2 : COLUMNS - 1;  // the last column that is needed
      const int even_row = low % 2 == 0 ? low : high;
      const int odd_row = low % 2 == 0 ? high : low;
      const ap_uint<24> of_even = even[even_row / 2 % 2 * COLUMNS + right];
      const ap_uint<24> of_odd = odd[odd_row / 2 % 2 * COLUMNS + right];
      const bool near_is_odd = y / 2 % 2 == 1;
      const ap_uint<24> near_pixel = near_is_odd ? of_odd : of_even;
      const ap_uint<24> other = near_is_odd ? of_even : of_odd;
      const ap_uint<24> far_pixel = low == high ? near_pixel : other;
      ap_uint<Node::KEEP_FLAG ? 32 : 24> filled = pixel;  // with its flag, or without
    colours:
      for (int c = 0; c < 3; ++c) {
#pragma HLS UNROLL  // the adders of each colour
        const ap_uint<8> near_colour = near_pixel.range(8 * c + 7, 8 * c);
        const ap_uint<8> far_colour = far_pixel.range(8 * c + 7, 8 * c);
        const ap_uint<10> here = 3 * near_colour.to_int() + far_colour.to_int();
        const ap_uint<10> before = x == 0 ? here : left[c];
        // `here` is the near column of an even x and the far one of an odd x
        const int sum = x % 2 == 0 ? 3 * here.to_int() + before.to_int() : 3 * before.to_int() + here.to_int();
        const ap_uint<8> guess = (sum + 8) >> 4;
        if (pixel[31]) filled.range(8 * c + 7, 8 * c) = guess;  // a flag of 128 and more
        if (x % 2 == 0) left[c] = here;
      }
      out.write(filled);
    }
    ap_uint<32> next;
    if (loaded < ROWS && loaded < low + RING && above.read_nb(next)) {
      const int place = loaded / 2 % 2 * COLUMNS + column;
      if (loaded % 2 == 0) even[place] = next.range(23, 0);
      else odd[place] = next.range(23, 0);
      if (++column == COLUMNS) {
        column = 0;
        ++loaded;
      }
    }
    settling[0] = loaded;
    if (give && ++x == Node::WIDTH) {
      x = 0;
      low = y / 2;
      high = low + 1 < ROWS ? low + 1 : low;
      ++y;
    }
  }
}

}  // namespace kernels
