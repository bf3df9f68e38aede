"""Document 001's own point: a convolutional network trained with nothing but numpy.

Each layer has a forward and a hand-written backward pass; no gradient is derived by a library. The tests hold
every gradient against PyTorch's autograd. `network.py` builds the Noise2Noise denoiser of `model.networks.n2n`
from them, `train.py` trains it.
"""
