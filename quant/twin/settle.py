"""Move a twin's biases off rounding ties, see `quant.settle_onnx`."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from qonnx.core.modelwrapper import ModelWrapper

from quant.settle_onnx import Settled, settle_model
from quant.twin.build import Twin
from quant.twin.export import layer_of, random_inputs, write


def settle(twin: Twin, shapes: list[tuple[int, int, int]]) -> Settled:
    """Settle `twin` in place, by way of its file for inputs of `shapes` (C, H, W): the size does not matter.

    A convolution that is called more than once stays as it is.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "twin.onnx"
        write(twin, random_inputs(twin, shapes, np.random.default_rng(0)), path)
        model = ModelWrapper(str(path))
    result = settle_model(model)
    nodes = [node for node in model.graph.node if node.op_type in ("Conv", "ConvTranspose")]
    calls = Counter(layer_of(node) for node in nodes)
    weighted = twin.weighted()
    repeated = []
    with torch.no_grad():
        for node in nodes:
            name = layer_of(node) or ""
            if calls[name] > 1:
                repeated.append(f"{name}: it is called {calls[name]} times")
                continue
            layer = weighted[name]
            layer.bias.copy_(torch.from_numpy(model.get_initializer(node.input[2]).copy()))
            if node.name in result.factors:
                axis = 0 if node.op_type == "Conv" else 1
                shape = [1] * layer.weight.ndim
                shape[axis] = -1
                factors = torch.from_numpy(result.factors[node.name]).to(layer.weight.dtype)
                layer.weight.mul_(factors.reshape(shape))
    result.unknown += tuple(dict.fromkeys(repeated))
    return result
