// SPDX-License-Identifier: Apache-2.0
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

  Convert(const Streams& in, const Streams& out, const Numbers& n)
      : Convert(*in.at(0), *out.at(0), n.at(0), n.at(1), n.at(2) != 0) {}
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
RECURRENCE("convert", Convert)
