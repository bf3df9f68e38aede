// SPDX-License-Identifier: Apache-2.0
// Evaluates the max-plus recurrence that hls/timing.py states: the cycle of every beat on every stream.
//
// Standard input: one line a stream (`stream PLACES LATENCY TURN`), then one line a node (kind, streams in, streams
// out, numbers; see `make`), then `run FRAMES`. Standard output: a line with the cycle of the last beat of each
// frame, as far as they were reached: fewer than FRAMES mean a deadlock. Then a line with the most beats that each
// stream has held at once: all its places, where more beats than those have gone through it.
//
// No clock is stepped. A node's next beat has a cycle as soon as all it depends on have theirs; nodes take turns,
// each going on as far as it can. So a run costs a few nanoseconds a beat, whatever the cycles.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iostream>
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

// The frame comes as fast as it is taken.
struct Source : Node {
  Stream& out;
  Count rest;
  Source(Stream& out, Count beats) : out(out), rest(beats) {}
  bool advance() override {
    Count before = rest;
    for (; rest > 0 && out.has_room(); --rest) out.push(out.room());
    return rest != before;
  }
};

struct Sink : Node {
  Stream& in;
  Count beats, taken = 0;
  std::vector<Cycle> ends;
  Sink(Stream& in, Count beats) : in(in), beats(beats) {}
  bool advance() override {
    bool moved = in.has_beat();
    while (in.has_beat()) {
      in.pop(in.beat());
      if (++taken % beats == 0) ends.push_back(in.last_out);
    }
    return moved;
  }
};

// One beat of every input makes one of the output: thresholds, joins.
struct Join : Node {
  std::vector<Stream*> in;
  Stream& out;
  Join(std::vector<Stream*> in, Stream& out) : in(std::move(in)), out(out) {}
  bool advance() override {
    bool moved = false;
    for (;; moved = true) {
      if (!out.has_room()) return moved;
      Cycle cycle = out.room();
      for (Stream* stream : in) {
        if (!stream->has_beat()) return moved;
        cycle = std::max(cycle, stream->beat());
      }
      for (Stream* stream : in) stream->pop(cycle);
      out.push(cycle);
    }
  }
};

// Every output takes the beat as soon as it can; the input's leaves with the last.
struct Fork : Node {
  Stream& in;
  std::vector<Stream*> out;
  std::vector<Count> given;
  Fork(Stream& in, std::vector<Stream*> out) : in(in), out(std::move(out)), given(this->out.size()) {}
  bool advance() override {
    bool moved = false;
    for (bool again = true; again;) {
      again = false;
      if (!in.has_beat()) return moved;
      Cycle offered = in.beat(), all = offered;
      bool done = true;
      for (size_t n = 0; n < out.size(); ++n) {
        Stream& stream = *out[n];
        if (stream.entered == in.left && stream.has_room()) {
          stream.push(std::max(offered, stream.room()));
          moved = true;
        }
        done = done && stream.entered > in.left;
        all = std::max(all, stream.last_in);
      }
      if (done) {
        in.pop(all);
        moved = again = true;
      }
    }
    return moved;
  }
};

// Beats of `wide_in` elements become beats of `wide_out`, by way of a buffer that holds one of each. A beat of the
// output stays in it until it is taken: by a FIFO, or, with `open`, by whatever is behind, and the output
// stream has no places of its own, but a record of the cycles.
struct Convert : Node {
  Stream &in, &out;
  Count wide_in, wide_out, taken = 0, given = 0;  // elements; given: those of complete beats, gone or not
  bool open;
  Ring came;                      // cycles of the input by beat
  Ring went;                      // and of the output, where a FIFO takes it
  Count in_beats = 0, out_beats = 0;
  Count freeing = 0;              // output beats that must have gone before the next input
  Count filling = 0, filled = 0;  // input beat that completes the next output, elements come with it

  Convert(Stream& in, Stream& out, Count wide_in, Count wide_out, bool open)
      : in(in), out(out), wide_in(wide_in), wide_out(wide_out), open(open), came(4 + 2 * wide_out / wide_in),
        went(4 + 2 * wide_in / wide_out), filled(wide_in) {
    if (open) out = Stream(4 + wide_in / wide_out, out.latency, out.turn);
  }

  Count gone() const { return open ? out.left : out_beats; }

  bool advance() override {
    bool moved = false;
    for (bool again = true; again; moved = moved || again) {
      again = false;
      for (; in.has_beat(); again = true) {
        while (taken > (freeing + 1) * wide_out) ++freeing;
        if (gone() < freeing) break;
        Cycle cycle = in.beat();
        if (freeing > 0) cycle = std::max(cycle, (open ? out.out[freeing - 1] : went[freeing - 1]) + 1);
        in.pop(cycle);
        came[in_beats++] = cycle;
        taken += wide_in;
      }
      for (; (open || out.has_room()) && taken >= given + wide_out; again = true) {
        given += wide_out;
        for (; filled < given; filled += wide_in) ++filling;
        Cycle cycle = open ? came[filling] : std::max(out.room(), came[filling] + 1);
        out.push(cycle);
        went[out_beats++] = cycle;
      }
    }
    return moved;
  }
};

// Zeros around the image; they need no input, but leave in their turn.
struct Pad : Node {
  Stream &in, &out;
  Count folds, columns, rows, top, left, bottom, right, row = 0, at = 0;
  Pad(Stream& in, Stream& out, Count folds, Count columns, Count rows, Count top, Count left, Count bottom,
      Count right)
      : in(in), out(out), folds(folds), columns(columns), rows(rows), top(top), left(left), bottom(bottom),
        right(right) {}
  bool advance() override {
    bool moved = false;
    for (; out.has_room(); moved = true) {
      Cycle cycle = out.room();
      if (row >= top && row < top + rows && at >= left * folds && at < (left + columns) * folds) {
        if (!in.has_beat()) return moved;
        cycle = std::max(cycle, in.beat());
        in.pop(cycle);
      }
      out.push(cycle);
      if (++at == (left + columns + right) * folds) {
        at = 0;
        if (++row == top + rows + bottom) row = 0;
      }
    }
    return moved;
  }
};

// One level up a pyramid: the last pixel of each cell of 2x2 gives a beat, the others only go in.
struct Halve : Node {
  Stream &in, &out;
  Count columns, at = 0;
  bool lower = false;
  Halve(Stream& in, Stream& out, Count columns) : in(in), out(out), columns(columns) {}
  bool advance() override {
    bool moved = false;
    for (; in.has_beat(); moved = true) {
      Cycle cycle = in.beat();
      if (lower && at % 2) {
        if (!out.has_room()) return moved;
        cycle = std::max(cycle, out.room());
        out.push(cycle);
      }
      in.pop(cycle);
      if (++at == columns) {
        at = 0;
        lower = !lower;
      }
    }
    return moved;
  }
};

// One level down: a row needs up to two rows of the level above, whole ones, of which four from the upper of the
// two on have a place; those of the next frame come once this one has left. See pyramid_double.sv.
struct Double : Node {
  static constexpr Count places = 4;
  Stream &above, &level, &out;
  Count columns, rows;                  // of the level
  Count loaded = 0, cell = 0;           // whole rows of the level above, cells of the next
  Count row = 0, column = 0;            // of the level
  Cycle begin = 0;                      // of the frame
  std::vector<Cycle> whole_at, left_at;  // by row: of the level above, and of the level
  Double(Stream& above, Stream& level, Stream& out, Count columns, Count rows)
      : above(above), level(level), out(out), columns(columns), rows(rows), whole_at(rows / 2), left_at(rows) {}
  bool advance() override {
    bool moved = false;
    for (bool again = true; again; moved = moved || again) {
      again = false;
      for (; loaded < rows / 2 && above.has_beat(); again = true) {
        Count freeing = 2 * (loaded - places) + 2;  // the last row that needs the row whose place this one takes
        if (loaded >= places && row <= freeing) break;
        Cycle cycle = std::max(above.beat(), loaded < places ? begin : left_at[freeing] + 1);
        above.pop(cycle);
        if (++cell < columns / 2) continue;
        cell = 0;
        whole_at[loaded++] = cycle + 1;
      }
      for (; level.has_beat() && out.has_room(); again = true) {
        Count lower = std::min((row + 1) / 2, rows / 2 - 1);
        if (loaded <= lower) break;
        Cycle cycle = std::max({level.beat(), out.room(), whole_at[lower]});
        level.pop(cycle);
        out.push(cycle);
        if (++column < columns) continue;
        column = 0;
        left_at[row++] = cycle;
        if (row < rows) continue;
        row = loaded = 0;
        begin = cycle + 1;
      }
    }
    return moved;
  }
};

// A sweep: a pixel leaves `lag` steps after it has come; once the frame's last has come, steps need no more input.
struct Relax : Node {
  Stream &in, &out;
  Count pixels, lag, step = 0;
  Cycle last = -1;
  Relax(Stream& in, Stream& out, Count pixels, Count lag) : in(in), out(out), pixels(pixels), lag(lag) {}
  bool advance() override {
    bool moved = false;
    for (;; moved = true) {
      Cycle cycle = last + 1;
      bool takes = step < pixels, gives = step >= lag;
      if ((takes && !in.has_beat()) || (gives && !out.has_room())) return moved;
      if (takes) cycle = std::max(cycle, in.beat());
      if (gives) cycle = std::max(cycle, out.room());
      if (takes) in.pop(cycle);
      if (gives) out.push(cycle);
      last = cycle;
      if (++step == pixels + lag) step = 0;
    }
  }
};

// FINN's sliding window: fetches windows from a cyclic buffer while it reads elements into it; the first element
// of a frame is read once the last of the frame before has been handed on.
struct Window : Node {
  Stream &in, &out;
  Count folds, columns, window_rows, window_columns, kernel, stride, buffer, elements;
  Ring read_at, allowed_at;
  Count read = 0, allowed;  // elements of this frame: read, and those that may be
  Count y = 0, x = 0, v = 0, position = 0, current = 0, next_first = 0;
  bool fetched = false, ended = false;
  Cycle last_read = -1, last_fetch = -1, begin = 0;
  bool held;  // by an output register, not by a FIFO

  Window(Stream& in, Stream& out, Count folds, Count columns, Count rows, Count window_columns, Count window_rows,
         Count kernel, Count stride, Count buffer, bool held)
      : in(in), out(out), folds(folds), columns(columns), window_rows(window_rows),
        window_columns(window_columns), kernel(kernel), stride(stride), buffer(buffer),
        elements(columns * rows * folds), read_at(2 * buffer + 2), allowed_at(2 * buffer + 2),
        allowed(std::min(buffer, elements)), held(held) {
    for (Count n = 0; n < allowed; ++n) allowed_at[n] = 0;
  }

  Count start(Count row, Count column) const { return (row * columns + column) * stride * folds; }

  void allow(Count until, Cycle cycle) {
    for (until = std::min(until, elements); allowed < until; ++allowed) allowed_at[allowed] = cycle;
  }

  void fetch(Cycle cycle) {
    out.push(cycle);
    last_fetch = cycle;
    if (v == 0 && position == 0) {  // elements before the next window are free from now on
      bool row_ends = x + 1 == window_columns;
      next_first = start(row_ends ? y + 1 : y, row_ends ? 0 : x + 1);
    }
    if (++position == kernel * folds) {
      position = 0;
      if (++v == kernel) {
        v = 0;
        if (++x == window_columns) {
          x = 0;
          if (++y == window_rows) fetched = true;
        }
      }
    }
    if (fetched) {
      allow(elements, cycle + 1);
    } else {
      current = start(y, x) + v * columns * folds + position;
      allow(std::min(next_first, current) + buffer, cycle + 1);
    }
  }

  bool advance() override {
    bool moved = false;
    for (bool again = true; again; moved = moved || again) {
      again = false;
      for (; read < allowed && in.has_beat(); again = true) {
        Cycle cycle = std::max({in.beat(), allowed_at[read], begin});
        in.pop(cycle);
        read_at[read++] = last_read = cycle;
      }
      for (; !fetched && current < read && out.has_room(); again = true)
        fetch(std::max(out.room(), std::max(read_at[current] + 1, last_fetch + 1)));
      // the frame ends with the last element handed on and the last read
      if (fetched && read == elements && (!held || out.left == out.entered)) {
        begin = std::max(last_read, held ? out.last_out : last_fetch + 1) + 1;
        read = y = x = v = position = current = next_first = allowed = 0;
        fetched = false;
        allow(buffer, begin);
        last_fetch = begin;
        again = true;
      }
    }
    return moved;
  }
};

// FINN's matrix-vector unit: `steps` beats of a window enter a replay buffer, which is run through `passes` times.
// Each run gives one beat; a beat of the buffer is free when the last run has passed it. A run stops at its step
// `gate` while the results before it fill the output queue.
struct Matrix : Node {
  Stream &in, &out;
  Count steps, passes, gate, room = 1;
  Ring came, freed;
  Count written = 0, first = 0, pass = 0, step = 0;  // first: beat of the input that opens the window
  Cycle at = -1;                                     // of the last step
  Matrix(Stream& in, Stream& out, Count steps, Count passes, Count gate)
      : in(in), out(out), steps(steps), passes(passes), gate(gate), room(power(steps)), came(2 * room),
        freed(2 * room) {}

  static Count power(Count least) {
    Count value = 1;
    while (value < least) value *= 2;
    return value;
  }

  // Replayed beats are there: to the next step that anything but the step before can delay.
  void skip() {
    Count stop = step <= gate ? gate : steps - 1;
    if (pass == passes - 1)
      for (Count n = step; n < stop; ++n) freed[first + n] = at + 1 + n - step;
    at += stop - step;
    step = stop;
  }

  void next() {
    if (++step < steps) {
      if (pass > 0) skip();
      return;
    }
    out.push(at);
    step = 0;
    if (++pass < passes) return skip();
    pass = 0;
    first += steps;
  }

  bool advance() override {
    bool moved = false;
    for (bool again = true; again; moved = moved || again) {
      again = false;
      Count released = first + (pass == passes - 1 ? step : 0);
      for (; in.has_beat() && written < released + room; again = true) {
        Cycle cycle = in.beat();
        if (written >= room) cycle = std::max(cycle, freed[written - room] + 1);
        in.pop(cycle);
        came[written++] = cycle;
      }
      for (; first + step < written; again = true) {
        if (step == gate && !out.has_room()) break;
        at = std::max(at + 1, came[first + step] + 1);
        if (step == gate) at = std::max(at, out.room());
        if (pass == passes - 1) freed[first + step] = at;
        next();
      }
    }
    return moved;
  }
};

// Row phases of a transposed convolution: one FIFO a phase, replayed row by row; see pixel_shuffle.sv.
struct Shuffle : Node {
  Stream &in, &out;
  Count folds, rows, columns, stride, north, east, south, west;
  Count fold = 0, s = 0, r = 0, column = 0, row = 0;  // of the input
  Count beats, out_rows, out_beat = 0, out_row = 0, phase;
  std::vector<Stream> fifo;
  Shuffle(Stream& in, Stream& out, Count folds, Count rows, Count columns, Count stride, Count north, Count east,
          Count south, Count west, Count first_depth, Count row_depth)
      : in(in), out(out), folds(folds), rows(rows * stride), columns(columns * stride), stride(stride),
        north(north), east(east), south(south), west(west), beats((columns * stride - west - east) * folds),
        out_rows(rows * stride - north - south), phase(north % stride) {
    for (Count n = 0; n < stride; ++n) fifo.emplace_back(n == 0 ? first_depth : row_depth, 2, 1);
  }
  bool advance() override {
    bool moved = false;
    for (bool again = true; again; moved = moved || again) {
      again = false;
      for (; in.has_beat(); again = true) {
        Cycle cycle = in.beat();
        bool keep = row + r >= north && row + r < rows - south && column + s >= west && column + s < columns - east;
        if (keep) {
          if (!fifo[r].has_room()) break;
          cycle = std::max(cycle, fifo[r].room());
          fifo[r].push(cycle);
        }
        in.pop(cycle);
        step();
      }
      for (; out.has_room() && fifo[phase].has_beat(); again = true) {
        Cycle cycle = std::max(out.room(), fifo[phase].beat());
        fifo[phase].pop(cycle);
        out.push(cycle);
        if (++out_beat == beats) {
          out_beat = 0;
          bool ends = ++out_row == out_rows;
          if (ends) out_row = 0;
          phase = ends ? north % stride : (phase + 1) % stride;
        }
      }
    }
    return moved;
  }
  void step() {
    if (++fold < folds) return;
    fold = 0;
    if (++s < stride) return;
    s = 0;
    if (++r < stride) return;
    r = 0;
    if ((column += stride) < columns) return;
    column = 0;
    if ((row += stride) == rows) row = 0;
  }
};

struct Pipeline {
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<std::unique_ptr<Node>> nodes;
  Source* source = nullptr;
  Sink* sink = nullptr;

  void make(const std::string& kind, std::istringstream& line) {
    auto number = [&] {
      Count value;
      if (!(line >> value)) throw std::runtime_error(kind + ": a number is missing");
      return value;
    };
    auto stream = [&]() -> Stream& { return *streams.at(number()); };
    auto several = [&] {
      std::vector<Stream*> found(number());
      for (Stream*& one : found) one = &stream();
      return found;
    };
    if (kind == "stream") {
      Count capacity = number();
      Cycle latency = number();
      streams.push_back(std::make_unique<Stream>(capacity, latency, number()));
    } else if (kind == "source") {
      Stream& out = stream();
      source = add<Source>(out, number());
    } else if (kind == "sink") {
      Stream& in = stream();
      sink = add<Sink>(in, number());
    } else if (kind == "join") {
      std::vector<Stream*> in = several();
      add<Join>(in, stream());
    } else if (kind == "double") {
      Stream& above = stream();
      Stream& level = stream();
      Stream& out = stream();
      Count columns = number();
      add<Double>(above, level, out, columns, number());
    } else if (kind == "fork") {
      Stream& in = stream();
      add<Fork>(in, several());
    } else {
      Stream& in = stream();
      Stream& out = stream();
      std::vector<Count> n;
      for (Count value; line >> value;) n.push_back(value);
      if (kind == "convert") add<Convert>(in, out, n.at(0), n.at(1), n.at(2) != 0);
      else if (kind == "halve") add<Halve>(in, out, n.at(0));
      else if (kind == "relax") add<Relax>(in, out, n.at(0), n.at(1));
      else if (kind == "pad") add<Pad>(in, out, n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6));
      else if (kind == "window")
        add<Window>(in, out, n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6), n.at(7), n.at(8) != 0);
      else if (kind == "matrix") add<Matrix>(in, out, n.at(0), n.at(1), n.at(2));
      else if (kind == "shuffle")
        add<Shuffle>(in, out, n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6), n.at(7), n.at(8), n.at(9));
      else throw std::runtime_error("unknown kind of node: " + kind);
    }
  }

  template <class Kind, class... Arguments> Kind* add(Arguments&&... arguments) {
    nodes.push_back(std::make_unique<Kind>(std::forward<Arguments>(arguments)...));
    return static_cast<Kind*>(nodes.back().get());
  }

  void run(Count frames) {
    if (!source || !sink) throw std::runtime_error("no source or no sink");
    source->rest *= frames;
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& node : nodes) moved = node->advance() || moved;
    }
    for (Cycle end : sink->ends) std::printf("%lld ", (long long)end);
    std::printf("\n");
    for (auto& stream : streams) std::printf("%lld ", (long long)stream->level());
    std::printf("\n");
  }
};

int main() {
  try {
    Pipeline pipeline;
    for (std::string text; std::getline(std::cin, text);) {
      std::istringstream line(text);
      std::string kind;
      line >> kind;
      Count frames;
      if (kind != "run") pipeline.make(kind, line);
      else if (line >> frames) pipeline.run(frames);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
