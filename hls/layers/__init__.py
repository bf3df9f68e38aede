"""The layers of an integer network, and the operators that each becomes."""

from hls.layers.convolution import Convolution
from hls.layers.operation import Operation
from hls.layers.pooling import Depthwise, MaxPool, SumPool
from hls.layers.requantization import Requantization
from hls.layers.transposed import TransposedConvolution

__all__ = [
    "Convolution",
    "Depthwise",
    "MaxPool",
    "Operation",
    "Requantization",
    "SumPool",
    "TransposedConvolution",
]
