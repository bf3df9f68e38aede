"""Formal proofs of our RTL with SymbiYosys: `python -m sim.formal.prove`, `make formal`.

proofs.toml    what is proved: module, parameters, engine, depth; here and in the operators' folders
(`hls/ops/`) harness/       `<module>_proof.sv`: the module between neighbours that do anything they may; an
operator's is beside it checks/        what the harnesses are made of: neighbours, and properties of streams
proofs.py      all proofs.toml, read and checked
sby.py         one proof run with SymbiYosys
yosys.py       native Yosys in the place of SymbiYosys' own
prove.py       the command: all proofs, a table, report.json

No harness makes an assumption: everything an environment may do is a free input, and what it may not do it
can't express (see checks/stream_source.sv). So no proof holds because its assumptions contradict each other.
Reset may come at any time. Parameters are small; widths too, since no module looks at the data it passes on.

Engines:
  pdr        property-directed reachability (`abc pdr`), which finds an inductive invariant: unbounded
  induction  k-induction (`smtbmc z3`), helped by invariants that the harness states: unbounded
  bounded    every run of so many cycles from reset (`abc bmc3`), and nothing about longer ones
"""
