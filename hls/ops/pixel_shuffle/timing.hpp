// SPDX-License-Identifier: Apache-2.0
// Row phases of a transposed convolution: one FIFO a phase, replayed row by row; see pixel_shuffle.sv.
struct Shuffle : Node {
  Stream &in, &out;
  Count folds, rows, columns, stride, north, east, south, west;
  Count fold = 0, s = 0, r = 0, column = 0, row = 0;  // of the input
  Count beats, out_rows, out_beat = 0, out_row = 0, phase;
  std::vector<Stream> fifo;
  Shuffle(const Streams& in, const Streams& out, const Numbers& n)
      : Shuffle(*in.at(0), *out.at(0), n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6), n.at(7), n.at(8),
                n.at(9)) {}
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
RECURRENCE("shuffle", Shuffle)
