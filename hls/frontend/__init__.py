"""QONNX -> integer network. Read `read` in `reader.py`; what each ONNX operator means is in the modules beside it.

One idea: a *pending* expression - sums of an integer layer, then scales, biases and monotone functions, then
shuffles - is collected until a quantizer closes it; then all of it becomes integer thresholds, exactly.
A file is refused with everything that stands in its way, each with its node and the layer that its author named.
"""

from hls.frontend.reader import prepared, read
from hls.frontend.registry import handles

__all__ = ["handles", "prepared", "read"]
