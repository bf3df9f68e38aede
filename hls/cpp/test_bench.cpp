// SPDX-License-Identifier: Apache-2.0
// Frames through the top function, one call a frame.
//
//   test_bench FRAMES RESULTS [EXPECTED]
//
// FRAMES holds frames of HEIGHT x WIDTH pixels of IN_CHANNELS bytes, RESULTS gets as many of OUT_CHANNELS bytes; where
// EXPECTED is given, RESULTS must equal it. Says "P done total 0" after each frame. Status 1 and a reason where
// beats are missing or in excess, TLAST is anywhere but at a frame's end, or a frame error is reported.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "top.hpp"

namespace {

typedef std::vector<unsigned char> Bytes;

void fail(const char* what, const char* which) {
  std::fprintf(stderr, "%s: %s\n", which, what);
  std::exit(1);
}

Bytes read_file(const char* path) {
  std::FILE* file = std::fopen(path, "rb");
  if (!file) fail("cannot be read", path);
  Bytes bytes;
  unsigned char buffer[65536];
  for (size_t got; (got = std::fread(buffer, 1, sizeof buffer, file)) > 0;) bytes.insert(bytes.end(), buffer, buffer + got);
  std::fclose(file);
  return bytes;
}

const int BEATS = HEIGHT * WIDTH / PIXELS_PER_BEAT;

void give(const unsigned char* pixels, hls::stream<in_beat_t>& stream) {
  const int BYTES = PIXELS_PER_BEAT * IN_CHANNELS;
  for (int i = 0; i < BEATS; ++i) {
    in_beat_t beat;
    for (int b = 0; b < BYTES; ++b) beat.data.range(8 * b + 7, 8 * b) = *pixels++;
    beat.last = i == BEATS - 1;
    stream.write(beat);
  }
}

void take(hls::stream<out_beat_t>& stream, Bytes& results) {
  const int BYTES = PIXELS_PER_BEAT * OUT_CHANNELS;
  for (int i = 0; i < BEATS; ++i) {
    if (stream.empty()) fail("ends before the frame does", "m_axis");
    const out_beat_t beat = stream.read();
    if ((beat.last == 1) != (i == BEATS - 1)) fail("TLAST is not at the frame's end", "m_axis");
    for (int b = 0; b < BYTES; ++b) {
      const ap_uint<8> value = beat.data.range(8 * b + 7, 8 * b);
      results.push_back(value.to_uint());
    }
  }
  if (!stream.empty()) fail("goes on behind the frame's end", "m_axis");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) fail("expected FRAMES RESULTS [EXPECTED]", "arguments");
  const Bytes frames = read_file(argv[1]);
  const size_t size = size_t(HEIGHT) * WIDTH * IN_CHANNELS;
  if (frames.empty() || frames.size() % size != 0) fail("holds no whole number of frames", argv[1]);
  const size_t count = frames.size() / size;

  hls::stream<in_beat_t> s_axis("s_axis");
  hls::stream<out_beat_t> m_axis("m_axis");
  ap_uint<1> frame_error = 0;
  Bytes results;
  for (size_t n = 0; n < count; ++n) {
    give(&frames[n * size], s_axis);
    pixelmend(s_axis, m_axis, frame_error);
    if (!s_axis.empty()) fail("the frame was not taken as a whole", "s_axis");
    if (frame_error == 1) fail("rose, though every frame has the right length", "frame_error");
    take(m_axis, results);
    std::printf("P %lu %lu 0\n", (unsigned long)(n + 1), (unsigned long)count);
    std::fflush(stdout);
  }

  std::FILE* file = std::fopen(argv[2], "wb");
  if (!file || std::fwrite(results.data(), 1, results.size(), file) != results.size() || std::fclose(file) != 0)
    fail("cannot be written", argv[2]);
  if (argc > 3 && read_file(argv[3]) != results) fail("the results differ", argv[3]);
  return 0;
}
