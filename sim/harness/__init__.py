"""The testbench that `sim.verilator` builds around a module."""
