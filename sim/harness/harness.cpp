// SPDX-License-Identifier: Apache-2.0
// A testbench for any module with AXI-Stream ports: feeds files of packed beats, takes the outputs under a
// stall pattern, checks the handshake rules, counts, and stops where nothing moves any more.
//
//   simulate RUN_FOLDER
//
// RUN_FOLDER/run.txt (written by sim/verilator.py):
//   idle_limit N | drain N | max_cycles N
//   cap I BEATS                           the most that FIFO I may hold; no limit without the line
//   input  I BEATS    KIND VALUE SEED     beats from in<I>.bin, TLAST from in<I>.last
//   output I EXPECTED KIND VALUE SEED     beats to out<I>.bin, cycles to out<I>.cycles, TLAST to out<I>.last
// Cycle 0 is the first cycle after reset; cycle numbers are uint64, little-endian. Results of the whole run
// go to RUN_FOLDER/summary.json. Lines 'P done total cycle' on standard output tell the progress.

#include "harness.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace {

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "testbench: %s\n", message.c_str());
  std::exit(2);
}

// xorshift64*: small, and the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED03ull) {
    if (state_ == 0) state_ = 1;
  }
  bool chance(double p) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return double((state_ * 0x2545F4914F6CDD1Dull) >> 11) * 0x1p-53 < p;
  }

 private:
  uint64_t state_;
};

// Decides, cycle by cycle, whether a port may move.
class Stall {
 public:
  Stall(const std::string& kind, double value, uint64_t seed) : kind_(kind[0]), value_(value), random_(seed) {}

  bool go() {
    switch (kind_) {
      case 'r': return !random_.chance(value_);  // random: stalled with probability `value`
      case 'b':                                  // bursty: moves and stalls for `value` cycles on average
        if (random_.chance(1 / value_)) moving_ = !moving_;
        return moving_;
      case 'p': {                                // periodic: one cycle in `value`
        const bool now = phase_ == 0;
        phase_ = phase_ + 1 >= value_ ? 0 : phase_ + 1;
        return now;
      }
      default: return true;                      // none
    }
  }

 private:
  char kind_;
  double value_;
  Random random_;
  bool moving_ = true;
  double phase_ = 0;
};

class OutFile {
 public:
  explicit OutFile(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) {
    if (!file_) fail("cannot write " + path);
  }
  OutFile(OutFile&& other) noexcept : file_(other.file_) { other.file_ = nullptr; }
  ~OutFile() {
    if (file_) std::fclose(file_);
  }
  void write(const void* bytes, size_t count) {
    if (std::fwrite(bytes, 1, count, file_) != count) fail("cannot write results, is the disk full?");
  }

 private:
  std::FILE* file_;
};

std::vector<uint8_t> read_bytes(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail("cannot read " + path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Source {  // drives an input; a beat once offered is held until it is taken
  StreamPort port;
  std::string path;
  uint64_t beats;
  Stall stall;
  std::vector<uint8_t> data, last;
  OutFile cycles;
  uint64_t taken = 0;
  bool offered = false;

  Source(const StreamPort& p, const std::string& path, uint64_t beats, Stall s)
      : port(p), path(path), beats(beats), stall(s), data(read_bytes(path + ".bin")), cycles(path + ".cycles") {
    if (data.size() != beats * bytes()) fail(path + ".bin has a wrong size");
    if (port.last) last = read_bytes(path + ".last");
    if (port.last && last.size() != beats) fail(path + ".last has a wrong size");
  }
  size_t bytes() const { return (port.bits + 7) / 8; }

  void drive() {
    const bool go = stall.go();
    if (offered) return;
    offered = go && taken < beats;
    *port.valid = offered;
    if (!offered) return;
    std::memcpy(port.data, &data[taken * bytes()], bytes());
    if (port.last) *port.last = last[taken];
  }
  bool sample(uint64_t cycle) {
    if (!offered || !*port.ready) return false;
    cycles.write(&cycle, sizeof cycle);
    ++taken;
    offered = false;
    return true;
  }
};

struct Sink {  // takes an output; checks that an offered beat stays until it is taken
  StreamPort port;
  uint64_t expected;
  Stall stall;
  OutFile data, cycles, lasts;
  uint64_t got = 0, errors = 0;
  std::string first_error;
  bool held = false;
  std::vector<uint8_t> beat;
  uint8_t beat_last = 0;

  Sink(const StreamPort& p, const std::string& path, uint64_t expected, Stall s)
      : port(p), expected(expected), stall(s), data(path + ".bin"), cycles(path + ".cycles"),
        lasts(path + ".last"), beat((p.bits + 7) / 8) {}

  void drive() { *port.ready = stall.go(); }

  void error(uint64_t cycle, const char* what) {
    if (errors++ == 0) first_error = std::string(what) + " in cycle " + std::to_string(cycle);
  }
  bool sample(uint64_t cycle) {
    const uint8_t last = port.last ? *port.last : 0;
    if (held && !*port.valid) error(cycle, "TVALID fell before TREADY");
    if (held && *port.valid && std::memcmp(beat.data(), port.data, beat.size()))
      error(cycle, "TDATA changed before TREADY");
    if (held && *port.valid && last != beat_last) error(cycle, "TLAST changed before TREADY");
    held = *port.valid && !*port.ready;
    if (held) {
      std::memcpy(beat.data(), port.data, beat.size());
      beat_last = last;
    }
    if (!*port.valid || !*port.ready) return false;
    data.write(port.data, beat.size());
    cycles.write(&cycle, sizeof cycle);
    lasts.write(&last, 1);
    ++got;
    return true;
  }
};

// Counts how often each bit of a vector was set: 64 bits are added at once, as columns of 8-bit counters.
class BitCounts {
 public:
  explicit BitCounts(int bits) : totals_(bits), planes_((bits + 63) / 64) {}

  void add(size_t word, uint64_t bits) {
    for (int k = 0; bits != 0; ++k) {
      const uint64_t carry = planes_[word].bit[k] & bits;
      planes_[word].bit[k] ^= bits;
      bits = carry;
    }
  }
  void next_cycle() {
    if (++pending_ == 255) flush();
  }
  const std::vector<uint64_t>& totals() {
    flush();
    return totals_;
  }

 private:
  struct Planes {
    uint64_t bit[8] = {};
  };
  void flush() {
    for (size_t i = 0; i < totals_.size(); ++i)
      for (int k = 0; k < 8; ++k) totals_[i] += (planes_[i / 64].bit[k] >> (i % 64) & 1) << k;
    std::fill(planes_.begin(), planes_.end(), Planes());
    pending_ = 0;
  }
  std::vector<uint64_t> totals_;
  std::vector<Planes> planes_;
  int pending_ = 0;
};

class Probes {
 public:
  explicit Probes(const Dut& dut)
      : dut_(dut), transfers_(dut.probes), stalls_(dut.probes), max_fill_(dut.fills) {}

  // Looks at all probes; true where a transfer took place.
  bool sample() {
    bool moved = false;
    for (int word = 0; word * 64 < dut_.probes; ++word) {
      const uint64_t valid = bits(dut_.probe_valid, word), ready = bits(dut_.probe_ready, word);
      moved |= (valid & ready) != 0;
      transfers_.add(word, valid & ready);
      stalls_.add(word, valid & ~ready);
    }
    transfers_.next_cycle();
    stalls_.next_cycle();
    for (int i = 0; i < dut_.fills; ++i) max_fill_[i] = std::max(max_fill_[i], dut_.probe_fill[i]);
    return moved;
  }
  void report(std::ostream& json) {
    const auto &transfers = transfers_.totals(), &stalls = stalls_.totals();
    json << "  \"probes\": [";
    for (int i = 0; i < dut_.probes; ++i) {
      const char* state = !bit(dut_.probe_valid, i) ? "starved" : bit(dut_.probe_ready, i) ? "moving" : "blocked";
      json << (i ? ", " : "") << "{\"transfers\": " << transfers[i] << ", \"stalls\": " << stalls[i]
           << ", \"state\": \"" << state << "\"}";
    }
    json << "],\n  \"fills\": [";
    for (int i = 0; i < dut_.fills; ++i)
      json << (i ? ", " : "") << "{\"max\": " << max_fill_[i] << ", \"now\": " << dut_.probe_fill[i] << "}";
    json << "],\n";
  }

 private:
  uint64_t bits(const uint8_t* vector, int word) const {
    uint64_t value = 0;
    const int count = std::min(64, dut_.probes - word * 64);
    std::memcpy(&value, vector + word * 8, (count + 7) / 8);
    return value;
  }
  static bool bit(const uint8_t* vector, int i) { return vector[i / 8] >> (i % 8) & 1; }

  const Dut& dut_;
  BitCounts transfers_, stalls_;
  std::vector<uint32_t> max_fill_;
};

class Bench {
 public:
  Bench(Dut& dut, const std::string& folder)
      : dut_(dut), folder_(folder), probes_(dut), flag_first_(dut.flags.size(), -1), flag_now_(dut.flags.size()) {
    read_plan();
  }

  void run() {
    reset();
    uint64_t idle = 0, drained = 0;
    while (true) {
      const bool moved = step();
      idle = moved ? 0 : idle + 1;
      if (complete()) {
        if (drained == 0) cycles_ = cycle_;
        ++drained;
        const bool quiet = probes_idle_ >= drain_ || drained > idle_limit_;
        if (drained > drain_ && quiet) return finish("done");
      } else if (dut_.finished()) {
        return finish("finished");
      } else if (idle >= idle_limit_) {
        return finish("deadlock");
      } else if (cycle_ >= max_cycles_) {
        return finish("too long");
      }
      if ((cycle_ & 0xFFF) == 0) tell();
    }
  }

 private:
  void read_plan() {
    std::fill_n(dut_.probe_cap, dut_.caps, UINT32_MAX);
    std::ifstream plan(folder_ + "/run.txt");
    std::string line, word, kind;
    while (std::getline(plan, line)) {
      std::istringstream fields(line);
      size_t index;
      uint64_t count, seed;
      double value;
      fields >> word;
      if (word == "idle_limit") fields >> idle_limit_;
      else if (word == "drain") fields >> drain_;
      else if (word == "max_cycles") fields >> max_cycles_;
      else if (word == "cap") cap(fields);
      else if (fields >> index >> count >> kind >> value >> seed) add(word, index, count, {kind, value, seed});
      else fail("run.txt: cannot read '" + line + "'");
    }
    if (sources_.size() != dut_.inputs.size() || sinks_.size() != dut_.outputs.size()) fail("run.txt: ports missing");
  }
  void cap(std::istream& fields) {
    int index;
    uint32_t beats;
    if (!(fields >> index >> beats) || index < 0 || index >= dut_.caps) fail("run.txt: no such FIFO to cap");
    dut_.probe_cap[index] = beats;
  }
  void add(const std::string& word, size_t index, uint64_t count, const Stall& stall) {
    if (word == "input") {
      sources_.emplace_back(dut_.inputs.at(index), folder_ + "/in" + std::to_string(index), count, stall);
    } else {
      sinks_.emplace_back(dut_.outputs.at(index), folder_ + "/out" + std::to_string(index), count, stall);
    }
    total_ += count;
  }

  void reset() {
    *dut_.reset_n = 0;
    for (auto& source : sources_) *source.port.valid = 0;
    for (auto& sink : sinks_) *sink.port.ready = 0;
    for (int i = 0; i < 16; ++i) clock();
    *dut_.reset_n = 1;
  }
  void clock() {
    *dut_.clock = 0;
    dut_.eval();
    *dut_.clock = 1;
    dut_.eval();
  }

  // One cycle: ports are driven while the clock is low and looked at just before it rises.
  bool step() {
    for (auto& source : sources_) source.drive();
    for (auto& sink : sinks_) sink.drive();
    *dut_.clock = 0;
    dut_.eval();
    bool moved = probes_.sample();
    probes_idle_ = moved ? 0 : probes_idle_ + 1;
    for (auto& source : sources_) moved |= source.sample(cycle_);
    for (auto& sink : sinks_) moved |= sink.sample(cycle_);
    for (size_t i = 0; i < dut_.flags.size(); ++i) {
      flag_now_[i] = *dut_.flags[i];
      if (flag_now_[i] && flag_first_[i] < 0) flag_first_[i] = int64_t(cycle_);
    }
    *dut_.clock = 1;
    dut_.eval();
    ++cycle_;
    return moved;
  }

  bool complete() const {
    return std::all_of(sources_.begin(), sources_.end(), [](const Source& s) { return s.taken == s.beats; }) &&
           std::all_of(sinks_.begin(), sinks_.end(), [](const Sink& s) { return s.got >= s.expected; });
  }
  void tell() {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < std::chrono::milliseconds(250)) return;
    told_ = now;
    uint64_t done = 0;
    for (auto& source : sources_) done += source.taken;
    for (auto& sink : sinks_) done += std::min(sink.got, sink.expected);
    std::printf("P %llu %llu %llu\n", (unsigned long long)done, (unsigned long long)total_,
                (unsigned long long)cycle_);
    std::fflush(stdout);
  }

  void finish(const char* outcome) {
    std::ofstream json(folder_ + "/summary.json");
    json << "{\n  \"outcome\": \"" << outcome << "\",\n";
    json << "  \"cycles\": " << (std::strcmp(outcome, "done") ? cycle_ : cycles_) << ",\n";
    json << "  \"observed\": " << cycle_ << ",\n";
    json << "  \"inputs\": [";
    for (auto& s : sources_)
      json << (&s == &sources_[0] ? "" : ", ") << "{\"taken\": " << s.taken << ", \"blocked\": "
           << (s.offered ? "true" : "false") << "}";
    json << "],\n  \"outputs\": [";
    for (auto& s : sinks_)
      json << (&s == &sinks_[0] ? "" : ", ") << "{\"got\": " << s.got << ", \"errors\": " << s.errors
           << ", \"first_error\": \"" << s.first_error << "\"}";
    json << "],\n";
    probes_.report(json);
    json << "  \"flags\": [";
    for (size_t i = 0; i < flag_first_.size(); ++i)
      json << (i ? ", " : "") << "{\"value\": " << int(flag_now_[i]) << ", \"first\": " << flag_first_[i] << "}";
    json << "],\n  \"signatures\": [";
    for (int i = 0; i < dut_.signatures; ++i) json << (i ? ", " : "") << dut_.probe_signature[i];
    json << "]\n}\n";
    if (!json.flush()) fail("cannot write summary.json");
    dut_.final();
  }

  Dut& dut_;
  std::string folder_;
  Probes probes_;
  std::vector<int64_t> flag_first_;
  std::vector<uint8_t> flag_now_;
  std::vector<Source> sources_;
  std::vector<Sink> sinks_;
  uint64_t idle_limit_ = 10000, drain_ = 256, max_cycles_ = UINT64_MAX;
  uint64_t cycle_ = 0, cycles_ = 0, total_ = 0, probes_idle_ = 0;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) fail("expected: simulate RUN_FOLDER");
  auto dut = make_dut(argc, argv);
  Bench(*dut, argv[1]).run();
  return 0;
}
