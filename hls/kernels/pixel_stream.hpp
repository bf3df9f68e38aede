// SPDX-License-Identifier: Apache-2.0
// Entrance and exit of the accelerator: AXI-Stream with TLAST outside, plain streams inside.
//
// A frame is BEATS beats of BITS bits, outside filled up to whole bytes with zeros. `pixel_in` passes them and sets `frame_error`, until reset, when TLAST comes
// before the last beat or is missing there; data passes in any case. `pixel_out` sets TLAST on the last beat.
// II 1, latency 1 or 2.
#pragma once

#include "platform.hpp"

namespace kernels {

template <int BITS>
struct PaddedAxis : Axis<(BITS + 7) / 8 * 8> {};

template <class Node>
void pixel_in(hls::stream<typename PaddedAxis<Node::BITS>::beat_t>& axis, hls::stream<ap_uint<Node::BITS> >& out,
              ap_uint<1>& frame_error) {
  static ap_uint<1> error = 0;  // outlives the frame
#pragma HLS RESET variable = error  // cleared by reset and by nothing else
beats:
  for (int i = 0; i < Node::BEATS; ++i) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
    const typename PaddedAxis<Node::BITS>::beat_t beat = axis.read();
    if ((beat.last == 1) != (i == Node::BEATS - 1)) error = 1;
    out.write(ap_uint<Node::BITS>(beat.data));
    frame_error = error;
  }
}

template <class Node>
void pixel_out(hls::stream<ap_uint<Node::BITS> >& in, hls::stream<typename PaddedAxis<Node::BITS>::beat_t>& axis) {
beats:
  for (int i = 0; i < Node::BEATS; ++i) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
    typename PaddedAxis<Node::BITS>::beat_t beat;
    beat.data = in.read();
    beat.last = i == Node::BEATS - 1;
    axis.write(beat);
  }
}

}  // namespace kernels
