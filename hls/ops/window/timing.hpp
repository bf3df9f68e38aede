// SPDX-License-Identifier: Apache-2.0
// FINN's sliding window: fetches windows from a cyclic buffer while it reads elements into it; the first element
// of a frame is read once the last of the frame before has been handed on.
struct Window : Node {
  Stream &in, &out;
  Count folds, columns, window_rows, window_columns, kernel_rows, kernel_columns, down, right, apart_rows,
      apart_columns, buffer, elements;
  Ring read_at, allowed_at;
  Count read = 0, allowed;  // elements of this frame: read, and those that may be
  Count y = 0, x = 0, v = 0, position = 0, current = 0, next_first = 0;
  bool fetched = false, ended = false;
  Cycle last_read = -1, last_fetch = -1, begin = 0;
  bool held;  // by an output register, not by a FIFO

  Window(const Streams& in, const Streams& out, const Numbers& n)
      : Window(*in.at(0), *out.at(0), n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6), n.at(7), n.at(8), n.at(9),
               n.at(10), n.at(11), n.at(12) != 0) {}
  Window(Stream& in, Stream& out, Count folds, Count columns, Count rows, Count window_columns, Count window_rows,
         Count kernel_rows, Count kernel_columns, Count down, Count right, Count apart_rows, Count apart_columns,
         Count buffer, bool held)
      : in(in), out(out), folds(folds), columns(columns), window_rows(window_rows),
        window_columns(window_columns), kernel_rows(kernel_rows), kernel_columns(kernel_columns), down(down),
        right(right), apart_rows(apart_rows), apart_columns(apart_columns), buffer(buffer),
        elements(columns * rows * folds), read_at(2 * buffer + 2), allowed_at(2 * buffer + 2),
        allowed(std::min(buffer, elements)), held(held) {
    for (Count n = 0; n < allowed; ++n) allowed_at[n] = 0;
  }

  Count start(Count row, Count column) const { return (row * down * columns + column * right) * folds; }

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
    if (++position == kernel_columns * folds) {
      position = 0;
      if (++v == kernel_rows) {
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
      current = start(y, x) + (v * apart_rows * columns + position / folds * apart_columns) * folds + position % folds;
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
RECURRENCE("window", Window)

// FINN's sliding window of one tap, which it makes of a register: of each frame it hands on every down-th row's every
// right-th pixel. While a beat waits in the register none is read; the first of a frame is read once the last of the
// frame before has been handed on, if that was one to hand on.
struct Pick : Node {
  Stream &in, &out;
  Count folds, columns, rows, down, right;
  Count fold = 0, column = 0, row = 0;
  Cycle begin = 0;
  bool held;       // by an output register, not by a FIFO
  bool ended = false;  // the frame before, with a beat that was handed on

  Pick(const Streams& in, const Streams& out, const Numbers& n)
      : in(*in.at(0)), out(*out.at(0)), folds(n.at(0)), columns(n.at(1)), rows(n.at(2)), down(n.at(3)), right(n.at(4)),
        held(n.at(5) != 0) {}

  bool advance() override {
    for (bool moved = false;; moved = true) {
      if (!in.has_beat() || (held && out.has_beat())) return moved;
      bool pick = row % down == 0 && column % right == 0;
      if (pick && !out.has_room()) return moved;
      Cycle cycle = std::max(in.beat(), begin);
      if (held && out.entered) cycle = std::max(cycle, out.last_out + ended);
      if (pick) {
        cycle = std::max(cycle, out.room());
        out.push(cycle);
      }
      in.pop(cycle);
      ended = false;
      if (++fold < folds) continue;
      fold = 0;
      if (++column < columns) continue;
      column = 0;
      if (++row < rows) continue;
      row = 0;
      ended = pick;
      if (pick && !held) begin = cycle + 2;
    }
  }
};
RECURRENCE("pick", Pick)
