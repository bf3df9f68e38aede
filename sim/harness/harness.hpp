// SPDX-License-Identifier: Apache-2.0
// What the testbench needs to know of a verilated module. `sim/verilator.py` writes the one function
// `make_dut` for each module; everything else is compiled once for all modules.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

// One AXI-Stream port. Verilator keeps a port of any width as little-endian words, so a beat is copied in
// and out as plain bytes. `last` is null where the port has no TLAST.
struct StreamPort {
  int bits;
  uint8_t* data;
  uint8_t* valid;
  uint8_t* ready;
  uint8_t* last;
};

// A module under test. Vector `probe_*` is null where the module has no probes.
struct Dut {
  std::vector<StreamPort> inputs;
  std::vector<StreamPort> outputs;
  std::vector<const uint8_t*> flags;  // single-bit outputs
  uint8_t* clock = nullptr;
  uint8_t* reset_n = nullptr;
  int probes = 0;  // streams seen by probe_valid and probe_ready, one bit each
  const uint8_t* probe_valid = nullptr;
  const uint8_t* probe_ready = nullptr;
  int fills = 0;  // FIFOs seen by probe_fill, 32 bits each
  const uint32_t* probe_fill = nullptr;
  int caps = 0;  // FIFOs limited by probe_cap, 32 bits each
  uint32_t* probe_cap = nullptr;
  int signatures = 0;  // words of probe_signature, read at the end
  const uint32_t* probe_signature = nullptr;

  virtual ~Dut() = default;
  virtual void eval() = 0;
  virtual bool finished() const = 0;  // the module called $finish
  virtual void final() = 0;
};

std::unique_ptr<Dut> make_dut(int argc, char** argv);
