"""The mean squared error, and stochastic gradient descent on it."""

import numpy as np

from model.scratch.layers import Layer
from model.scratch.unfold import Array
from pixelmend.errors import UserError


class MeanSquaredError:
    """The mean of (result - target)^2 over all elements."""

    def forward(self, result: Array, target: Array) -> float:
        """The loss; `UserError` where the shapes differ."""
        if result.shape != target.shape:
            raise UserError(f"expected a target of the result's shape {result.shape}, got {target.shape}")
        self._difference = result - target
        return float(np.mean(np.square(self._difference, dtype=np.float64)))

    def backward(self) -> Array:
        """By the result: 2 (result - target) / elements."""
        return self._difference * self._difference.dtype.type(2 / self._difference.size)


class Descent:
    """SGD with momentum as PyTorch has it: v <- momentum v + g, parameter <- parameter - rate v."""

    def __init__(self, network: Layer, rate: float, momentum: float = 0.0) -> None:
        if rate <= 0 or not 0 <= momentum < 1:
            raise UserError(f"expected rate > 0 and 0 <= momentum < 1, got {rate} and {momentum}")
        self.network, self.rate, self.momentum = network, rate, momentum
        self.velocity = {name: np.zeros_like(layer.parameters[own]) for name, layer, own in network.named()}

    def step(self) -> None:
        """Move every parameter against the gradient that `backward` left."""
        for name, layer, own in self.network.named():
            velocity = self.velocity[name]
            velocity *= self.momentum
            velocity += layer.gradients[own]
            layer.parameters[own] -= velocity.dtype.type(self.rate) * velocity
