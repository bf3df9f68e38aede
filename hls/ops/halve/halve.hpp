// SPDX-License-Identifier: Apache-2.0
// One level up the pyramid of sound pixels: the mean of those in every 2x2 cell.
//
//   out[y, x, c] = (sum + n / 2) / n rounded down, flag 0, over the n sound pixels in[2*y + 0..1, 2*x + 0..1, c]
//                = 128, flag 255, where n is 0;  c = R, G, B
//
// in (HEIGHT, WIDTH), both even, out (HEIGHT/2, WIDTH/2); row by row, a pixel of four bytes a beat: R in the low
// bits, the flag in the highest, which is below 128 where a pixel is sound. II 1: a pixel in a cycle; a cell leaves
// after its last pixel, on every second pixel of every second row. Latency 2 to 4: memory, sums, division.
// Memory: of the upper row, number and sums of the sound pixels of each cell.
#pragma once

#include "lanes.hpp"

namespace kernels {

// (sum + count / 2) / count rounded down, of `count` bytes, 1 to 4; 128 of none.
inline ap_uint<8> mean_of_bytes(ap_uint<10> sum, ap_uint<3> count) {
#pragma HLS INLINE  // part of the kernel's pipeline
  const ap_uint<10> one_more = sum + 1;
  const ap_uint<20> thirds = one_more * ap_uint<10>(683);  // 683 / 2**11 is 1/3 for all up to 3 * 255 + 1
  KERNELS_MULTIPLY_LUT(thirds)                             // a few adders: DSP slices are for weights
  switch (count.to_int()) {
    case 0: return 128;
    case 1: return sum;
    case 2: return one_more >> 1;
    case 3: return thirds >> 11;
    default: return (sum + 2) >> 2;
  }
}

template <class Node>
void halve(hls::stream<ap_uint<32> >& in, hls::stream<ap_uint<32> >& out) {
  static_assert(Node::HEIGHT % 2 == 0, "halve: HEIGHT must be even, as a cell has two rows");
  static_assert(Node::WIDTH % 2 == 0, "halve: WIDTH must be even, as a cell has two columns");
  const int ROW = Node::WIDTH;  // pixels

  ap_uint<29> upper[ROW / 2];  // bits 0 .. 26 the three sums, above them the number
  KERNELS_RAM_LUTRAM(upper)    // too short for a block
#pragma HLS DEPENDENCE variable = upper inter RAW distance = ROW true  // read a row after it was written
  ap_uint<2> number = 0;  // of sound pixels in this row's part of the cell, so far; and the sums of their colours
  ap_uint<9> sum[3];
#pragma HLS ARRAY_PARTITION variable = sum complete  // registers

rows:
  for (int y = 0; y < Node::HEIGHT; ++y) {
  columns:
    for (int x = 0; x < ROW; ++x) {
#pragma HLS PIPELINE II = 1  // a pixel a cycle
      const ap_uint<32> pixel = in.read();
      const bool second = x % 2 == 1;
      const bool sound = !bool(pixel[31]);  // a flag below 128
      number = (second ? number.to_int() : 0) + (sound ? 1 : 0);
    colours:
      for (int c = 0; c < 3; ++c) {
#pragma HLS UNROLL  // one adder a colour
        const ap_uint<8> colour = pixel.range(8 * c + 7, 8 * c);
        sum[c] = (second ? sum[c].to_int() : 0) + (sound ? colour.to_int() : 0);
      }
      if (second && y % 2 == 0) {
        ap_uint<29> word = join<3, 9>(sum);
        word.range(28, 27) = number;
        upper[x / 2] = word;
      }
      if (second && y % 2 == 1) {
        const ap_uint<29> word = upper[x / 2];
        const ap_uint<2> before = word.range(28, 27);
        const ap_uint<3> count = before + number;
        ap_uint<32> cell = 0;
      means:
        for (int c = 0; c < 3; ++c) {
#pragma HLS UNROLL  // one divider a colour
          const ap_uint<9> part = word.range(9 * c + 8, 9 * c);
          cell.range(8 * c + 7, 8 * c) = mean_of_bytes(part + sum[c], count);
        }
        cell.range(31, 24) = count == 0 ? 255 : 0;
        out.write(cell);
      }
    }
  }
}

}  // namespace kernels
