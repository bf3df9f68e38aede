"""Every operator of the dataflow graph on its own, ours and FINN's, in every execution there is.

python -m sim.operators --only pad --seed 3       one node
python -m sim.operators --cases 20                twenty of each operator

cases.py     what is drawn, and what it computes in plain loops
node.py      a graph of one node: its reference, integer model, HLS C++ and RTL
check.py     all of them compared, the RTL under every pair of stalls
"""
