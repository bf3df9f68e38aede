// SPDX-License-Identifier: Apache-2.0
// Frames through the top function, one call a frame.
//
//   test_bench FRAMES RESULTS [EXPECTED]
//
// FRAMES holds the beats of whole frames, IN_BYTES bytes each; RESULTS gets for each frame the beats of every output,
// one output behind the other; where EXPECTED is given, RESULTS must equal it. Says "P done total 0" after each
// frame. Status 1 and a reason where beats are missing or in excess, TLAST is anywhere but at a frame's end, or a
// frame error is reported.
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

void give(const unsigned char* bytes, hls::stream<in_beat_t>& stream) {
  for (int i = 0; i < IN_BEATS; ++i) {
    in_beat_t beat;
    for (int b = 0; b < IN_BYTES; ++b) beat.data.range(8 * b + 7, 8 * b) = *bytes++;
    beat.last = i == IN_BEATS - 1;
    stream.write(beat);
  }
}

template <class Beat>
void take(hls::stream<Beat>& stream, const char* port, int beats, int bytes, Bytes& results) {
  for (int i = 0; i < beats; ++i) {
    if (stream.empty()) fail("ends before the frame does", port);
    const Beat beat = stream.read();
    if ((beat.last == 1) != (i == beats - 1)) fail("TLAST is not at the frame's end", port);
    for (int b = 0; b < bytes; ++b) {
      const ap_uint<8> value = beat.data.range(8 * b + 7, 8 * b);
      results.push_back(value.to_uint());
    }
  }
  if (!stream.empty()) fail("goes on behind the frame's end", port);
}

}  // namespace

#define DECLARED(port, beat_t, beats, bytes) hls::stream<beat_t> port(#port);
#define ARGUMENT(port, beat_t, beats, bytes) port,
#define TAKEN(port, beat_t, beats, bytes) take(port, #port, beats, bytes, results);

int main(int argc, char** argv) {
  if (argc < 3) fail("expected FRAMES RESULTS [EXPECTED]", "arguments");
  const Bytes frames = read_file(argv[1]);
  const size_t size = size_t(IN_BEATS) * IN_BYTES;
  if (frames.empty() || frames.size() % size != 0) fail("holds no whole number of frames", argv[1]);
  const size_t count = frames.size() / size;

  hls::stream<in_beat_t> s_axis("s_axis");
  PIXELMEND_OUTPUTS(DECLARED)
  ap_uint<1> frame_error = 0;
  Bytes results;
  for (size_t n = 0; n < count; ++n) {
    give(&frames[n * size], s_axis);
    pixelmend(s_axis, PIXELMEND_OUTPUTS(ARGUMENT) frame_error);
    if (!s_axis.empty()) fail("the frame was not taken as a whole", "s_axis");
    if (frame_error == 1) fail("rose, though every frame has the right length", "frame_error");
    PIXELMEND_OUTPUTS(TAKEN)
    std::printf("P %lu %lu 0\n", (unsigned long)(n + 1), (unsigned long)count);
    std::fflush(stdout);
  }

  std::FILE* file = std::fopen(argv[2], "wb");
  if (!file || std::fwrite(results.data(), 1, results.size(), file) != results.size() || std::fclose(file) != 0)
    fail("cannot be written", argv[2]);
  if (argc > 3 && read_file(argv[3]) != results) fail("the results differ", argv[3]);
  return 0;
}
