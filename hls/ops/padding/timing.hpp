// SPDX-License-Identifier: Apache-2.0
// Zeros around the image; they need no input, but leave in their turn.
struct Pad : Node {
  Stream &in, &out;
  Count folds, columns, rows, top, left, bottom, right, row = 0, at = 0;
  Pad(const Streams& in, const Streams& out, const Numbers& n)
      : Pad(*in.at(0), *out.at(0), n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6)) {}
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
RECURRENCE("pad", Pad)
