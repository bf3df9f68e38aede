// SPDX-License-Identifier: Apache-2.0
// LANES products of one factor in one multiplier.
//
//   product[l] = weight[l] * value,  l = 0 .. LANES-1, exact
//
// Weights are signed and of narrow range, |weight| < 2**(WEIGHT_BITS-1); the value has VALUE_BITS bits, a sign or not. Then a
// product lies in (-2**S, 2**S) with S = WEIGHT_BITS + VALUE_BITS - 1, and
//
//   (sum over l of weight[l] * 2**(S*l)) * value = sum over l of product[l] * 2**(S*l)
//
// holds all of them, each S+1 bits wide and so overlapping its upper neighbour by one bit. Below the neighbour's
// own lowest bit, which is weight[l+1] & value & 1, that bit tells whether product[l] is negative. The word
// to be multiplied has S*(LANES-1) + WEIGHT_BITS bits: with 4-bit weights and values 25, what a DSP48E1 takes,
// so that it makes four products; with 8-bit values 15, two products.
#pragma once

#include "platform.hpp"

namespace kernels {

template <int LANES, int WEIGHT_BITS, int VALUE_BITS, class Value>
void multiply(const int weight[LANES], Value value, int product[LANES]) {
#pragma HLS INLINE  // so that the multiplier is pipelined with its surroundings
  static_assert(LANES >= 1, "multiply: LANES must be 1 or more");
  static_assert(WEIGHT_BITS >= 2, "multiply: a weight of narrow range has 2 bits or more");
  const int STEP = WEIGHT_BITS + VALUE_BITS - 1;
  const int WORD = STEP * (LANES - 1) + WEIGHT_BITS;
  static_assert(WORD <= 27, "multiply: the packed weights must fit the 25 bits of a DSP48E1 or 27 of a DSP48E2");
  static_assert(VALUE_BITS <= 17, "multiply: a value must fit the 18-bit signed port of a DSP");

  int packed = 0;
pack:
  for (int l = 0; l < LANES; ++l) {
#pragma HLS UNROLL  // the sum of shifted weights is made in one cycle
    packed += weight[l] * (1 << STEP * l);
  }
  const ap_int<WORD> word = packed;
  ap_int<WORD + VALUE_BITS> products = word * value;
  KERNELS_MULTIPLY_DSP(products)  // a tool would make so narrow a multiplier of LUTs

  // Plain integers from here on: only their low WORD + VALUE_BITS bits vary, and only those become hardware.
  long long rest = products.to_int64();
  const int odd = value[0];
unpack:
  for (int l = 0; l < LANES - 1; ++l) {
#pragma HLS UNROLL  // each step is a small adder
    const int low = rest & ((1 << STEP) - 1);
    const int negative = ((rest >> STEP) ^ (weight[l + 1] & odd)) & 1;
    product[l] = low - (negative << STEP);
    rest = (rest >> STEP) + negative;
  }
  product[LANES - 1] = rest;
}

}  // namespace kernels
