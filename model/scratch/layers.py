"""Layers with hand-written gradients.

    result = layer.forward(x)
    gradient_of_x = layer.backward(gradient_of_result)      # of the last forward pass

`forward` keeps what `backward` needs; `backward` leaves the gradients of the parameters in `layer.gradients`, by
the names of `layer.parameters`. Axis letters as in `model.scratch.unfold`; O output channels.
"""

from collections.abc import Iterator

import numpy as np

from model.scratch.unfold import Array, Windows, fold, unfold
from pixelmend.errors import UserError


class Layer:
    """A function with parameters (none by default) and its derivative."""

    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}

    def forward(self, x: Array) -> Array:
        """The layer's result for `x`."""
        raise NotImplementedError

    def backward(self, gradient: Array) -> Array:
        """From the loss's gradient by the result to that by `x` of the last `forward`."""
        raise NotImplementedError

    def named(self) -> Iterator[tuple[str, "Layer", str]]:
        """Every parameter of this layer and those within it: full name, its layer, its name there."""
        for name in self.parameters:
            yield name, self, name


class Convolution(Layer):
    """Frames (N, C, H, W) -> (N, O, rows, columns): weights (O, C, KH, KW) at every position, bias (O)."""

    def __init__(self, weight: Array, bias: Array, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        _check(weight, bias, weight.shape[0])
        self.parameters = {"weight": weight, "bias": bias}
        self.windows = Windows((weight.shape[2], weight.shape[3]), stride, padding)

    def forward(self, x: Array) -> Array:
        """Result (N, O, rows, columns)."""
        self._shape = x.shape[1:]
        self._columns = unfold(x, self.windows)
        weight = self.parameters["weight"]
        sums = weight.reshape(len(weight), -1) @ self._columns + self.parameters["bias"][:, None]
        return sums.reshape(len(x), len(weight), *self.windows.positions(*x.shape[2:]))

    def backward(self, gradient: Array) -> Array:
        """By the weights: gradient times window, summed over positions; by the input: spread by the weights."""
        weight = self.parameters["weight"]
        by_sum = gradient.reshape(*gradient.shape[:2], -1)  # N, O, P
        by_weight = np.tensordot(by_sum, self._columns, ((0, 2), (0, 2)))  # O, C*KH*KW
        self.gradients = {"weight": by_weight.reshape(weight.shape), "bias": by_sum.sum((0, 2))}
        return fold(weight.reshape(len(weight), -1).T @ by_sum, self._shape, self.windows)


class TransposedConvolution(Layer):
    """Frames (N, C, H, W) -> (N, O, rows, columns): the adjoint of a convolution from O to C channels.

    Weights (C, O, KH, KW); a side s becomes (s - 1) * stride - 2 * padding + kernel + extra, `extra` px being
    without a window at the bottom and the right.
    """

    def __init__(self, weight: Array, bias: Array, stride: int = 1, padding: int = 0, extra: int = 0) -> None:
        super().__init__()
        _check(weight, bias, weight.shape[1])
        if not 0 <= extra < stride:
            raise UserError(f"extra: expected 0 to {stride - 1}, less than the stride, got {extra}")
        self.parameters = {"weight": weight, "bias": bias}
        self.windows, self.extra = Windows((weight.shape[2], weight.shape[3]), stride, padding), extra

    def forward(self, x: Array) -> Array:
        """Result (N, O, rows, columns)."""
        weight, place = self.parameters["weight"], self.windows
        sides = [
            (side - 1) * place.stride - 2 * place.padding + taps + self.extra
            for side, taps in zip(x.shape[2:], place.kernel, strict=True)
        ]
        self._x, self._sides = x, x.shape
        spread = weight.reshape(len(weight), -1).T @ x.reshape(*x.shape[:2], -1)  # N, O*KH*KW, H*W
        shape = (weight.shape[1], sides[0], sides[1])
        return fold(spread, shape, place) + self.parameters["bias"][:, None, None]

    def backward(self, gradient: Array) -> Array:
        """The gradients of the adjoint: a convolution of the result's gradient."""
        weight = self.parameters["weight"]
        columns = unfold(gradient, self.windows)  # N, O*KH*KW, H*W
        flat = self._x.reshape(*self._sides[:2], -1)
        by_weight = np.tensordot(flat, columns, ((0, 2), (0, 2)))  # C, O*KH*KW
        self.gradients = {"weight": by_weight.reshape(weight.shape), "bias": gradient.sum((0, 2, 3))}
        return (weight.reshape(len(weight), -1) @ columns).reshape(self._sides)


class Relu(Layer):
    """max(x, 0); its gradient at 0 is 0, as PyTorch has it."""

    def forward(self, x: Array) -> Array:
        """Any shape."""
        self._passed = x > 0
        return np.where(self._passed, x, 0).astype(x.dtype)

    def backward(self, gradient: Array) -> Array:
        """Passed on where x was positive."""
        return np.where(self._passed, gradient, 0).astype(gradient.dtype)


class Sigmoid(Layer):
    """1 / (1 + exp(-x)), by the branch that does not overflow."""

    def forward(self, x: Array) -> Array:
        """Any shape, into (0, 1)."""
        small = np.exp(-np.abs(x))
        self._result = (np.where(x >= 0, 1, small) / (1 + small)).astype(x.dtype)
        return self._result

    def backward(self, gradient: Array) -> Array:
        """s' = s (1 - s)."""
        return gradient * self._result * (1 - self._result)


class Sequential(Layer):
    """Named layers, one behind the other."""

    def __init__(self, layers: dict[str, Layer]) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Array) -> Array:
        """Of the last layer."""
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def backward(self, gradient: Array) -> Array:
        """By the chain rule, from the last layer to the first."""
        for layer in reversed(self.layers.values()):
            gradient = layer.backward(gradient)
        return gradient

    def named(self) -> Iterator[tuple[str, Layer, str]]:
        """Names as PyTorch gives them: `conv1.weight`."""
        for outer, layer in self.layers.items():
            for inner, owner, own in layer.named():
                yield f"{outer}.{inner}", owner, own


def _check(weight: Array, bias: Array, outputs: int) -> None:
    if weight.ndim != 4 or bias.shape != (outputs,):
        raise UserError(
            f"expected weights of four axes and a bias for each of {outputs} output channels, got "
            f"{weight.shape} and {bias.shape}"
        )
