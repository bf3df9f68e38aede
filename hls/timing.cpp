// SPDX-License-Identifier: Apache-2.0
// Evaluates the recurrence of a network; timing.hpp and those of the operators stand before it.
//
// Standard input: one line a stream (`stream PLACES LATENCY TURN`), then one line a node (`KIND INPUTS in.. OUTPUTS out..
// numbers..`), then `run FRAMES`. Standard output: a line a sink with the cycle of the last beat of each frame, as far as
// they were reached: fewer than FRAMES mean a deadlock. Then a line with the most beats that each stream has held at
// once: all its places, where more beats than those have gone through it.

// The frame comes as fast as it is taken.
struct Source : Node {
  Stream& out;
  Count rest;
  Source(const Streams&, const Streams& out, const Numbers& n) : out(*out.at(0)), rest(n.at(0)) {}
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
  Sink(const Streams& in, const Streams&, const Numbers& n) : in(*in.at(0)), beats(n.at(0)) {}
  bool advance() override {
    bool moved = in.has_beat();
    while (in.has_beat()) {
      in.pop(in.beat());
      if (++taken % beats == 0) ends.push_back(in.last_out);
    }
    return moved;
  }
};

// All streams in step: the frame's steps in runs, each with a mask of the streams that move in it, inputs first. A step
// takes a cycle, or longer where a beat is missing or has no room.
struct Steps : Node {
  Streams in, out;
  std::vector<Count> masks, counts;
  size_t run = 0;
  Count step = 0;
  Cycle last = -1;
  Steps(const Streams& in, const Streams& out, const Numbers& n) : in(in), out(out) {
    for (size_t i = 0; i + 1 < n.size(); i += 2) {
      masks.push_back(n[i]);
      counts.push_back(n[i + 1]);
    }
    if (masks.empty()) throw std::runtime_error("steps: no step");
  }
  bool advance() override {
    for (bool moved = false;; moved = true) {
      Count mask = masks[run];
      Cycle cycle = last + 1;
      for (size_t i = 0; i < in.size(); ++i)
        if (mask >> i & 1) {
          if (!in[i]->has_beat()) return moved;
          cycle = std::max(cycle, in[i]->beat());
        }
      for (size_t i = 0; i < out.size(); ++i)
        if (mask >> (in.size() + i) & 1) {
          if (!out[i]->has_room()) return moved;
          cycle = std::max(cycle, out[i]->room());
        }
      for (size_t i = 0; i < in.size(); ++i)
        if (mask >> i & 1) in[i]->pop(cycle);
      for (size_t i = 0; i < out.size(); ++i)
        if (mask >> (in.size() + i) & 1) out[i]->push(cycle);
      last = cycle;
      if (++step == counts[run]) {
        step = 0;
        if (++run == masks.size()) run = 0;
      }
    }
  }
};
RECURRENCE("steps", Steps)

struct Pipeline {
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<Source*> sources;
  std::vector<Sink*> sinks;

  void make(const std::string& kind, std::istringstream& line) {
    auto number = [&] {
      Count value;
      if (!(line >> value)) throw std::runtime_error(kind + ": a number is missing");
      return value;
    };
    if (kind == "stream") {
      Count capacity = number();
      Cycle latency = number();
      streams.push_back(std::make_unique<Stream>(capacity, latency, number()));
      return;
    }
    auto several = [&] {
      Streams found(number());
      for (Stream*& one : found) one = streams.at(number()).get();
      return found;
    };
    Streams in = several();
    Streams out = several();
    Numbers numbers;
    for (Count value; line >> value;) numbers.push_back(value);
    if (kind == "source") {
      sources.push_back(new Source(in, out, numbers));
      nodes.emplace_back(sources.back());
    } else if (kind == "sink") {
      sinks.push_back(new Sink(in, out, numbers));
      nodes.emplace_back(sinks.back());
    } else {
      auto maker = makers().find(kind);
      if (maker == makers().end()) throw std::runtime_error("unknown kind of node: " + kind);
      nodes.push_back(maker->second(in, out, numbers));
    }
  }

  void run(Count frames) {
    if (sources.empty() || sinks.empty()) throw std::runtime_error("no source or no sink");
    for (Source* source : sources) source->rest *= frames;
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& node : nodes) moved = node->advance() || moved;
    }
    for (Sink* sink : sinks) {
      for (Cycle end : sink->ends) std::printf("%lld ", (long long)end);
      std::printf("\n");
    }
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
