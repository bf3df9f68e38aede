"""Static timing without the vendor: which clock the netlists support, and by which paths.

    delays.toml    delays of a family's cells and nets, each with its source
    delays.py      a cell of the netlist -> its arcs, where paths start in it and end in it
    netlist.py     what `hls.synthesis` kept of a node's netlist
    sta.py         the longest paths of one netlist, and what of them is open at its ports
    compose.py     the whole top level: paths that leave a node at a port go on in the next one
    report.py      fit.json's "clock", the tables, and whether the configured clock is met

One clock, setup only: hold is the router's matter. Every path counts, also one that no data takes. A register
is a flip-flop, a shift register, a memory in LUTs, a block RAM or a DSP slice. How far the model can be
trusted says `bench.clock`, which compares it with routed modules.
"""
