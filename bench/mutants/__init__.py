"""Planted bugs: how many of them the tests find. `python -m bench.mutants.run`, `make mutants`.

rtl.toml  kernels.toml  lowering.toml   the bugs: file, text, replacement, the checks that should find it
hls/ops/*/mutants.toml                  those of an operator
mutants.py                              all of them, read and checked against the sources
checks.py                               a check: a formal proof, or tests in a copy of the tree
fork_server.py                          pytest again and again, without importing torch and FINN again
run.py                                  the command: baseline, all mutants, resume, report.json

A check is `formal:MODULE[:SET]`, the proofs of a module (or its n-th set of parameters) in
the lists of sim.formal, or what pytest takes: `tests/hls/test_deconv.py` or `tests/x.py::test_y`. They run in
the order given until one fails, so the cheapest stands first. A mutant that no check finds has survived;
`survives` says why, where that is right: because no test can tell, not because it is hard to find.
"""
