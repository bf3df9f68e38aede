// SPDX-License-Identifier: Apache-2.0
// One level down: a row needs up to two rows of the level above, whole ones, of which four from the upper of the
// two on have a place; those of the next frame come once this one has been taken. The steps behind are registers of the
// output. See pyramid_double.sv.
struct Double : Node {
  static constexpr Count places = 4;
  Stream &above, &level, &out;
  Count columns, rows;                  // of the level
  Count loaded = 0, cell = 0;           // whole rows of the level above, cells of the next
  Count row = 0, column = 0;            // of the level
  Cycle begin = 0;                      // of the frame
  std::vector<Cycle> whole_at, left_at;  // by row: of the level above, and of the level
  Double(const Streams& in, const Streams& out, const Numbers& n)
      : Double(*in.at(0), *in.at(1), *out.at(0), n.at(0), n.at(1)) {}
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
RECURRENCE("double", Double)
