// SPDX-License-Identifier: Apache-2.0
// Streams and nodes of the max-plus recurrence that hls/timing.py states: the cycle of every beat on every stream.
//
// No clock is stepped. A node's next beat has a cycle as soon as all it depends on have theirs; nodes take turns,
// each going on as far as it can. So a run costs a few nanoseconds a beat, whatever the cycles.
//
// An operator with a recurrence of its own defines it in the file timing.hpp of its folder: a Node whose constructor takes
// its streams in, its streams out and the numbers that its `schedule` gives, and a line RECURRENCE("kind", Class). All
// such files and timing.cpp are one source.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using Cycle = int64_t;
using Count = int64_t;

// The last `size` values of a sequence, by index.
class Ring {
 public:
  explicit Ring(Count size) : mask_(1) {
    while (mask_ < size) mask_ *= 2;
    values_.resize(mask_);
    --mask_;
  }
  Cycle& operator[](Count index) { return values_[index & mask_]; }

 private:
  Count mask_;
  std::vector<Cycle> values_;
};

// Beat n enters when a place is free, `turn` cycles after beat n - capacity has left; it can leave `latency` later.
struct Stream {
  Count capacity;
  Cycle latency, turn;
  Count entered = 0, left = 0;
  Cycle last_in = -1, last_out = -1;
  Ring in, out;

  Stream(Count capacity, Cycle latency, Cycle turn)
      : capacity(capacity), latency(latency), turn(turn), in(capacity), out(capacity) {}

  bool has_room() const { return entered - left < capacity; }
  bool has_beat() const { return left < entered; }
  Cycle room() { return std::max(last_in + 1, entered < capacity ? Cycle(0) : out[entered - capacity] + turn); }
  Cycle beat() { return std::max(last_out + 1, in[left] + latency); }
  void push(Cycle cycle) { in[entered++] = last_in = cycle; }
  void pop(Cycle cycle) { out[left++] = last_out = cycle; }

  Count level() {  // most beats held at once; its places, where the cycles of earlier beats are forgotten
    if (entered > capacity) return capacity;
    Count most = 0;
    for (Count n = 0, gone = 0; n < entered; ++n) {
      while (gone < left && out[gone] < in[n]) ++gone;
      most = std::max(most, n + 1 - gone);
    }
    return most;
  }
};

struct Node {
  virtual ~Node() = default;
  virtual bool advance() = 0;  // whether any beat has got its cycle
};

using Streams = std::vector<Stream*>;
using Numbers = std::vector<Count>;
using Maker = std::function<std::unique_ptr<Node>(const Streams&, const Streams&, const Numbers&)>;

inline std::map<std::string, Maker>& makers() {
  static std::map<std::string, Maker> known;
  return known;
}

#define RECURRENCE(kind, Class)                                                                           \
  static const bool Class##_known = makers()                                                              \
      .emplace(kind, [](const Streams& in, const Streams& out, const Numbers& numbers) {                  \
        return std::unique_ptr<Node>(new Class(in, out, numbers));                                        \
      })                                                                                                  \
      .second;
