// SPDX-License-Identifier: Apache-2.0
// Streams from and to a file, for kernels alone: each a 64-bit count of beats, then the beats as whole
// bytes, lane 0 in the low bits.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "platform.hpp"

struct Reader {
  std::FILE* file;
  template <int BITS>
  void fill(hls::stream<ap_uint<BITS> >& stream) {
    for (uint64_t left = count(); left; --left) stream.write(beat<BITS>());
  }
  template <int BITS>
  ap_uint<BITS> beat() {
    std::vector<uint8_t> bytes((BITS + 7) / 8);
    take(bytes.data(), bytes.size());
    ap_uint<BITS> value = 0;
    for (int i = 0; i < BITS; i += 8) value.range(i + 8 < BITS ? i + 7 : BITS - 1, i) = bytes[i / 8];
    return value;
  }
  uint64_t count() {
    uint64_t value;
    take(&value, sizeof value);
    return value;
  }
  void take(void* to, size_t bytes) {
    if (std::fread(to, 1, bytes, file) != bytes) std::exit(3);
  }
};

struct Writer {
  std::FILE* file;
  template <int BITS>
  void drain(hls::stream<ap_uint<BITS> >& stream) {
    const uint64_t beats = stream.size();
    put(&beats, sizeof beats);
    while (!stream.empty()) {
      const ap_uint<BITS> value = stream.read();
      for (int i = 0; i < BITS; i += 8) {
        const uint8_t byte = value.range(i + 8 < BITS ? i + 7 : BITS - 1, i).to_uint();
        put(&byte, 1);
      }
    }
  }
  void put(const void* from, size_t bytes) {
    if (std::fwrite(from, 1, bytes, file) != bytes) std::exit(4);
  }
};

void run_cases(Reader& in, Writer& out);  // one after the other; generated

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Reader in = {std::fopen(argv[1], "rb")};
  Writer out = {std::fopen(argv[2], "wb")};
  if (!in.file || !out.file) return 2;
  run_cases(in, out);
  std::fclose(in.file);
  return std::fclose(out.file);
}
