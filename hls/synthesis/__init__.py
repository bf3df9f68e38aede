"""Synthesis without the vendor: Yosys `synth_xilinx`, with slang reading the SystemVerilog.

sources.py           the RTL of a build as slang takes it, and which of it a module needs
units.py             what is synthesized on its own: each node with its memories, the image ports, the top
run_yosys.py         the synthesis itself, a program of its own: one process a unit
jobs.py              units -> cells, in parallel and from the cache
cells.py             cells -> LUT, FF, CARRY4, block RAM, DSP
primitives.sv        black boxes of the primitives that FINN instantiates
shift_registers.v    how slang writes a shift register -> how Yosys looks for one
"""
