// SPDX-License-Identifier: Apache-2.0
// What differs between the tools: Vitis HLS (2022.2 to 2024.2), Vivado HLS 2020.1, and a plain C++ compiler.
//
// All kernels keep to C++11, the oldest language that one of the front ends has, so no constexpr function with
// a loop, no `if constexpr`, no std:: in what is synthesised. Vivado HLS knows RESOURCE where Vitis HLS
// knows BIND_STORAGE and BIND_OP; the macros below are the only place that knows which.
#pragma once

#include "ap_int.h"
#include "hls_stream.h"

#define KERNELS_PRAGMA_TEXT(text) _Pragma(#text)
#define KERNELS_PRAGMA(text) KERNELS_PRAGMA_TEXT(text)

#if defined(__VITIS_HLS__)
#include "ap_axi_sdata.h"
#define KERNELS_FIFO_BRAM(name) KERNELS_PRAGMA(HLS BIND_STORAGE variable = name type = fifo impl = bram)
#define KERNELS_FIFO_LUTRAM(name) KERNELS_PRAGMA(HLS BIND_STORAGE variable = name type = fifo impl = lutram)
#define KERNELS_FIFO_SRL(name) KERNELS_PRAGMA(HLS BIND_STORAGE variable = name type = fifo impl = srl)
#define KERNELS_ROM_BRAM(name) KERNELS_PRAGMA(HLS BIND_STORAGE variable = name type = rom_1p impl = bram)
#define KERNELS_ROM_LUTRAM(name) KERNELS_PRAGMA(HLS BIND_STORAGE variable = name type = rom_1p impl = lutram)
#define KERNELS_RAM_LUTRAM(name) KERNELS_PRAGMA(HLS BIND_STORAGE variable = name type = ram_s2p impl = lutram)
#define KERNELS_RAM_BRAM(name) KERNELS_PRAGMA(HLS BIND_STORAGE variable = name type = ram_s2p impl = bram)
#define KERNELS_MULTIPLY_DSP(name) KERNELS_PRAGMA(HLS BIND_OP variable = name op = mul impl = dsp)
#define KERNELS_MULTIPLY_LUT(name) KERNELS_PRAGMA(HLS BIND_OP variable = name op = mul impl = fabric)
#elif defined(__VIVADO_HLS__)
#define KERNELS_FIFO_BRAM(name) KERNELS_PRAGMA(HLS RESOURCE variable = name core = FIFO_BRAM)
#define KERNELS_FIFO_LUTRAM(name) KERNELS_PRAGMA(HLS RESOURCE variable = name core = FIFO_LUTRAM)
#define KERNELS_FIFO_SRL(name) KERNELS_PRAGMA(HLS RESOURCE variable = name core = FIFO_SRL)
#define KERNELS_ROM_BRAM(name) KERNELS_PRAGMA(HLS RESOURCE variable = name core = ROM_1P_BRAM)
#define KERNELS_ROM_LUTRAM(name) KERNELS_PRAGMA(HLS RESOURCE variable = name core = ROM_1P_LUTRAM)
#define KERNELS_RAM_LUTRAM(name) KERNELS_PRAGMA(HLS RESOURCE variable = name core = RAM_S2P_LUTRAM)
#define KERNELS_RAM_BRAM(name) KERNELS_PRAGMA(HLS RESOURCE variable = name core = RAM_S2P_BRAM)
#define KERNELS_MULTIPLY_DSP(name) KERNELS_PRAGMA(HLS RESOURCE variable = name core = DSP48)
#define KERNELS_MULTIPLY_LUT(name) KERNELS_PRAGMA(HLS RESOURCE variable = name core = Mul_LUT)
#else  // a plain compiler: no memory, no DSP
#define KERNELS_FIFO_BRAM(name)
#define KERNELS_FIFO_LUTRAM(name)
#define KERNELS_FIFO_SRL(name)
#define KERNELS_ROM_BRAM(name)
#define KERNELS_ROM_LUTRAM(name)
#define KERNELS_RAM_LUTRAM(name)
#define KERNELS_RAM_BRAM(name)
#define KERNELS_MULTIPLY_DSP(name)
#define KERNELS_MULTIPLY_LUT(name)
#endif

namespace kernels {

// A beat of an AXI-Stream port that has TDATA and TLAST and no other signal, as the RTL top.
template <int WIDTH>
struct Axis {
#if defined(__VITIS_HLS__)  // makes ports of the fields of its own type only
  typedef hls::axis<ap_uint<WIDTH>, 0, 0, 0, AXIS_ENABLE_LAST> beat_t;
#else  // Vivado HLS takes the fields of any structure by their names
  struct beat_t {
    ap_uint<WIDTH> data;
    ap_uint<1> last;
  };
#endif
};

}  // namespace kernels
