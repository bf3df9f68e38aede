// SPDX-License-Identifier: Apache-2.0
// Beats and the lanes in them: lane 0 in the low bits, a negative value as two's complement.
#pragma once

#include "platform.hpp"

namespace kernels {

// An integer of BITS bits, as a type: Integer<5, true>::type is ap_int<5>.
template <int BITS, bool SIGNED>
struct Integer {
  typedef ap_uint<BITS> type;
};
template <int BITS>
struct Integer<BITS, true> {
  typedef ap_int<BITS> type;
};

// beat -> lane[i] = bits [i*BITS, (i+1)*BITS)
template <int LANES, int BITS, class Lane>
void split(const ap_uint<LANES * BITS>& beat, Lane lane[LANES]) {
#pragma HLS INLINE  // wiring, no function of its own
split_lanes:
  for (int i = 0; i < LANES; ++i) {
#pragma HLS UNROLL  // all lanes are there at once
    const ap_uint<BITS> bits = beat.range((i + 1) * BITS - 1, i * BITS);
    lane[i] = bits;  // of the same width: a signed lane takes the bits as they are
  }
}

// The inverse of split.
template <int LANES, int BITS, class Lane>
ap_uint<LANES * BITS> join(const Lane lane[LANES]) {
#pragma HLS INLINE  // wiring, no function of its own
  ap_uint<LANES * BITS> beat = 0;
join_lanes:
  for (int i = 0; i < LANES; ++i) {
#pragma HLS UNROLL  // all lanes are there at once
    beat.range((i + 1) * BITS - 1, i * BITS) = ap_uint<BITS>(lane[i]);
  }
  return beat;
}

}  // namespace kernels
