// SPDX-License-Identifier: Apache-2.0
// The sliding window: fetches windows from a cyclic memory while it takes elements into it. Elements are numbered without
// end, and a frame ends with no more than a step to the next one's first window.
struct Window : Node {
  Stream &in, &out;
  Count beats, columns, rows, window_columns, window_rows, kernel_rows, kernel_columns, down, right, apart_rows,
      apart_columns, places;
  Ring taken_at, allowed_at;
  Count taken = 0, allowed = 0;  // elements: taken, and those that may be
  Count frame = 0, y = 0, x = 0, v = 0, position = 0, current = 0, next_first = 0;
  Cycle last_fetch = -1;

  Window(const Streams& in, const Streams& out, const Numbers& n)
      : Window(*in.at(0), *out.at(0), n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6), n.at(7), n.at(8), n.at(9),
               n.at(10), n.at(11)) {}
  Window(Stream& in, Stream& out, Count beats, Count columns, Count rows, Count window_columns, Count window_rows,
         Count kernel_rows, Count kernel_columns, Count down, Count right, Count apart_rows, Count apart_columns,
         Count places)
      : in(in), out(out), beats(beats), columns(columns), rows(rows), window_columns(window_columns),
        window_rows(window_rows), kernel_rows(kernel_rows), kernel_columns(kernel_columns), down(down), right(right),
        apart_rows(apart_rows), apart_columns(apart_columns), places(places),
        taken_at(places + 2),
        // at most the memory and a step to the next window, of the next row or frame, lie between taken and allowed
        allowed_at(places + std::max(down, rows - (window_rows - 1) * down) * columns * beats + 2) {
    allow(places, 0);
  }

  Count start(Count row, Count column) const {
    return frame * columns * rows * beats + (row * down * columns + column * right) * beats;
  }

  void allow(Count until, Cycle cycle) {
    for (; allowed < until; ++allowed) allowed_at[allowed] = cycle;
  }

  void fetch(Cycle cycle) {
    out.push(cycle);
    last_fetch = cycle;
    bool first = v == 0 && position == 0;
    if (first) {  // elements before the next window are free from now on
      bool row_ends = x + 1 == window_columns, frame_ends = row_ends && y + 1 == window_rows;
      next_first = frame_ends ? start(0, 0) + columns * rows * beats : start(row_ends ? y + 1 : y, row_ends ? 0 : x + 1);
    }
    if (++position == kernel_columns * beats) {
      position = 0;
      if (++v == kernel_rows) {
        v = 0;
        if (++x == window_columns) {
          x = 0;
          if (++y == window_rows) {
            y = 0;
            ++frame;
          }
        }
      }
    }
    current = start(y, x) + (v * apart_rows * columns + position / beats * apart_columns) * beats + position % beats;
    allow(std::min(next_first, current) + places, cycle + 1);
  }

  bool advance() override {
    bool moved = false;
    for (bool again = true; again; moved = moved || again) {
      again = false;
      for (; taken < allowed && in.has_beat(); again = true) {
        Cycle cycle = std::max(in.beat(), allowed_at[taken]);
        in.pop(cycle);
        taken_at[taken++] = cycle;
      }
      for (; current < taken && out.has_room(); again = true)
        fetch(std::max({out.room(), taken_at[current] + 1, last_fetch + 1}));
    }
    return moved;
  }
};
RECURRENCE("window", Window)
