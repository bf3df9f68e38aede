// SPDX-License-Identifier: Apache-2.0
// Matrix-vector unit: the sums of a convolution.
//
//   out[n, r] = sum over c of weights[r, c] * in[n, c],  r = 0 .. MH-1, c = 0 .. MW-1, exact
//
// in (VECTORS, MW), signed where IN_SIGNED, SIMD values of IN_BITS bits a beat; out (VECTORS, MH) signed, PE sums of OUT_BITS
// bits a beat. Weights are signed, WEIGHT_BITS bits, of narrow range where LANES > 1 (see multiply.hpp).
// II 1 a tile of PE rows and SIMD columns: MH/PE * MW/SIMD cycles a vector. Input is taken while the first PE rows
// are summed up and replayed for the others. Latency: one such pass and the depth of the adder tree.
//
// Weights come in tiles, (row / PE) * (MW / SIMD) + column / SIMD: weight (row % PE) * SIMD + column % SIMD of a tile
// is in word weight / PER_WORD, at bit weight % PER_WORD * WEIGHT_BITS, PER_WORD = 64 / WEIGHT_BITS. What a word has
// beyond that is never read and so no memory. Plain words because front ends initialise them at once,
// where an array of wide ap_uint is evaluated constructor by constructor.
#pragma once

#include "lanes.hpp"
#include "multiply.hpp"

namespace kernels {

// The signed weight at place `index` of a word.
template <int WEIGHT_BITS>
int weight_of(unsigned long long word, int index) {
#pragma HLS INLINE  // wiring once the loops around are unrolled
  const int bits = (word >> (index * WEIGHT_BITS)) & ((1ull << WEIGHT_BITS) - 1);
  return (bits ^ (1 << (WEIGHT_BITS - 1))) - (1 << (WEIGHT_BITS - 1));  // of two's complement
}

template <class Node>
void matrix_vector(hls::stream<ap_uint<Node::SIMD * Node::IN_BITS> >& in,
                   hls::stream<ap_uint<Node::PE * Node::OUT_BITS> >& out,
                   const unsigned long long weights[Node::TILES][Node::WORDS]) {
  static_assert(Node::MW % Node::SIMD == 0, "matrix_vector: SIMD must divide MW, as every beat of a vector is full");
  static_assert(Node::MH % Node::PE == 0, "matrix_vector: PE must divide MH, as every beat of sums is full");
  static_assert(Node::TILES == (Node::MH / Node::PE) * (Node::MW / Node::SIMD),
                "matrix_vector: TILES must be the tiles of PE x SIMD that make up MH x MW");
  static_assert(Node::WORDS * (64 / Node::WEIGHT_BITS) >= Node::PE * Node::SIMD,
                "matrix_vector: WORDS of 64 bits must hold the PE * SIMD weights of a tile");
  const int COLUMNS = Node::MW / Node::SIMD;
  const int ROWS = Node::MH / Node::PE;
  const int LANES = Node::LANES;
  const int PER_WORD = 64 / Node::WEIGHT_BITS;
  const int GROUPS = (Node::PE + LANES - 1) / LANES;  // multipliers a column; the last one may have idle lanes

#pragma HLS ARRAY_RESHAPE variable = weights complete dim = 2  // a whole tile a cycle
  typedef typename Integer<Node::IN_BITS, Node::IN_SIGNED>::type Value;
  Value vector[COLUMNS][Node::SIMD];
#pragma HLS ARRAY_RESHAPE variable = vector complete dim = 2  // a whole beat a cycle
#pragma HLS DEPENDENCE variable = vector inter RAW distance = COLUMNS true  // replayed a pass later
  ap_int<Node::OUT_BITS> sum[Node::PE];
#pragma HLS ARRAY_PARTITION variable = sum complete  // one register a row

vectors:
  for (int n = 0; n < Node::VECTORS; ++n) {
    int tile = 0;
  rows:
    for (int r = 0; r < ROWS; ++r) {
    columns:
      for (int c = 0; c < COLUMNS; ++c) {
#pragma HLS PIPELINE II = 1  // a tile a cycle
        Value value[Node::SIMD];
#pragma HLS ARRAY_PARTITION variable = value complete  // wires
        if (r == 0) split<Node::SIMD, Node::IN_BITS>(in.read(), value);
      replay:
        for (int s = 0; s < Node::SIMD; ++s) {
#pragma HLS UNROLL  // one memory word
          if (r == 0) vector[c][s] = value[s];
          else value[s] = vector[c][s];
        }
      groups:
        for (int g = 0; g < GROUPS; ++g) {
#pragma HLS UNROLL  // all multipliers work in parallel
          int total[LANES];
#pragma HLS ARRAY_PARTITION variable = total complete  // wires
        clear:
          for (int l = 0; l < LANES; ++l) {
#pragma HLS UNROLL  // wires
            total[l] = 0;
          }
        simd:
          for (int s = 0; s < Node::SIMD; ++s) {
#pragma HLS UNROLL  // an adder tree
            int weight[LANES], product[LANES];
#pragma HLS ARRAY_PARTITION variable = weight complete   // wires
#pragma HLS ARRAY_PARTITION variable = product complete  // wires
          fetch:
            for (int l = 0; l < LANES; ++l) {
#pragma HLS UNROLL  // wires
              const int index = (g * LANES + l) * Node::SIMD + s;
              weight[l] = 0;
              if (index < Node::PE * Node::SIMD)
                weight[l] = weight_of<Node::WEIGHT_BITS>(weights[tile][index / PER_WORD], index % PER_WORD);
            }
            multiply<LANES, Node::WEIGHT_BITS, Node::IN_BITS>(weight, value[s], product);
          reduce:
            for (int l = 0; l < LANES; ++l) {
#pragma HLS UNROLL  // an adder tree
              total[l] += product[l];
            }
          }
        accumulate:
          for (int l = 0; l < LANES; ++l) {
#pragma HLS UNROLL  // one adder a row
            const int pe = g * LANES + l;
            if (pe < Node::PE) sum[pe] = (c == 0 ? 0 : sum[pe].to_int()) + total[l];
          }
        }
        if (c == COLUMNS - 1) out.write(join<Node::PE, Node::OUT_BITS>(sum));
        ++tile;
      }
    }
  }
}

}  // namespace kernels
