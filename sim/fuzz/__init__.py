"""The network fuzzer: random generators of the family through the whole path, bit-exact and without deadlock.

python -m sim.fuzz --cases 50 --seed 7        draw and try, see `campaign`
python -m sim.fuzz --repeat build/fuzz/failure-0123456789ab.json

trial.py     one network with its frames and stalls, and how it is tried
draw.py      a random one from a seed and a number
shrink.py    a smaller one that fails in the same way
campaign.py  many of them: progress, report, resumption
"""
