"""The network fuzzer: random networks through the whole path, bit-exact and without deadlock.

Two kinds: general ones of every layer there is, and generators of the family.

python -m sim.fuzz --cases 50 --seed 7        draw and try, see `campaign`
python -m sim.fuzz --repeat build/fuzz/failure-0123456789ab.json

trial.py     one network with its frames and stalls, and how it is tried
draw.py      a random one from a seed and a number
shrink.py    a smaller one that fails in the same way

net.py       a general network as a list of steps
known.py     what follows for its tensors, or why there is no such network
graphs.py    a random one
qonnx_file.py  its QONNX file, with random parameters and scales that fit
general.py   its build
reduce.py    smaller ones

campaign.py  many of them: progress, report, resumption
"""
