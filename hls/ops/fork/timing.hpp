// SPDX-License-Identifier: Apache-2.0
// Every output takes the beat as soon as it can; the input's leaves with the last.
struct Fork : Node {
  Stream& in;
  std::vector<Stream*> out;
  std::vector<Count> given;
  Fork(const Streams& in, const Streams& out, const Numbers&) : Fork(*in.at(0), out) {}
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
RECURRENCE("fork", Fork)
