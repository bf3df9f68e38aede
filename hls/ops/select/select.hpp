// SPDX-License-Identifier: Apache-2.0
// Takes the network's pixel where a pixel is bad, and the image's own where it is not.
//
//   out[p, c] = repaired[p, c] if flag[p] >= 128 else image[p, c],  c = R, G, B
//
// The flag is the fourth byte of a pixel: of the repaired stream where FLAG_IN_REPAIRED (the network found the bad
// pixels itself), else of the image stream (a map came with it). The stream with the flag has four bytes a
// pixel, the other and the output three; PIXELS_PER_BEAT pixels a beat, the first in the low bits, byte 0 lowest.
// BEATS beats a frame. II 1, latency 1 or 2.
#pragma once

#include "platform.hpp"

namespace kernels {

template <class Node>
void select(hls::stream<ap_uint<Node::PIXELS_PER_BEAT*(Node::FLAG_IN_REPAIRED ? 32 : 24)> >& repaired,
            hls::stream<ap_uint<Node::PIXELS_PER_BEAT*(Node::FLAG_IN_REPAIRED ? 24 : 32)> >& image,
            hls::stream<ap_uint<Node::PIXELS_PER_BEAT * 24> >& out) {
  static_assert(Node::PIXELS_PER_BEAT >= 1, "select: a beat must hold whole pixels, one or more");
  const int REPAIRED = Node::FLAG_IN_REPAIRED ? 32 : 24;  // bits of a pixel
  const int IMAGE = Node::FLAG_IN_REPAIRED ? 24 : 32;
beats:
  for (int i = 0; i < Node::BEATS; ++i) {
#pragma HLS PIPELINE II = 1  // a beat a cycle
    const ap_uint<Node::PIXELS_PER_BEAT * REPAIRED> ours = repaired.read();
    const ap_uint<Node::PIXELS_PER_BEAT * IMAGE> theirs = image.read();
    ap_uint<Node::PIXELS_PER_BEAT * 24> beat = 0;
  pixels:
    for (int p = 0; p < Node::PIXELS_PER_BEAT; ++p) {
#pragma HLS UNROLL  // one multiplexer a pixel
      // 128 and more: the flag's highest bit, which is the highest of the pixel that carries it
      const bool bad = Node::FLAG_IN_REPAIRED ? bool(ours[p * REPAIRED + REPAIRED - 1])
                                              : bool(theirs[p * IMAGE + IMAGE - 1]);
      const ap_uint<24> mended = ours.range(p * REPAIRED + 23, p * REPAIRED);
      const ap_uint<24> given = theirs.range(p * IMAGE + 23, p * IMAGE);
      beat.range(p * 24 + 23, p * 24) = bad ? mended : given;
    }
    out.write(beat);
  }
}

}  // namespace kernels
