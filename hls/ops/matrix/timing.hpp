// SPDX-License-Identifier: Apache-2.0
// FINN's matrix-vector unit: `steps` beats of a window enter a replay buffer, which is run through `passes` times.
// Each run gives one beat; a beat of the buffer is free when the last run has passed it. A run stops at its step
// `gate` while the results before it fill the output queue.
struct Matrix : Node {
  Stream &in, &out;
  Count steps, passes, gate, room = 1;
  Ring came, freed;
  Count written = 0, first = 0, pass = 0, step = 0;  // first: beat of the input that opens the window
  Cycle at = -1;                                     // of the last step
  Matrix(const Streams& in, const Streams& out, const Numbers& n)
      : Matrix(*in.at(0), *out.at(0), n.at(0), n.at(1), n.at(2)) {}
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
RECURRENCE("matrix", Matrix)
