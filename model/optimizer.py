"""The optimizer of the networks: Adam as published, or Muon for the kernels and Adam for all else.

Muon (https://kellerjordan.github.io/posts/muon/, torch.optim.Muon) makes every step of a matrix orthogonal,
so that no direction of a layer is left behind; `docs/log.md` (2026-11-21) has what that is worth here.
Axis letters: O, I channels as the kernel counts them, k its side.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Descent:
    """One optimizer over all parameters, whose rates are set anew at each step."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        betas: tuple[float, float],
        muon_rate: float | None = None,
    ) -> None:
        """`learning_rate` and `betas` are of Adam, `muon_rate` of Muon, None for Adam alone.

        `ValueError` where Muon gets a kernel in another layout, whose matrix would be a copy.
        """
        self._parameters = list(parameters)
        self._kernels = [value for value in self._parameters if muon_rate is not None and value.ndim == 4]
        self._matrices = [nn.Parameter(_matrix(kernel.data)) for kernel in self._kernels]
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            if kernel.data_ptr() != matrix.data_ptr():
                raise ValueError(f"expected a kernel in channels-last layout, got strides {kernel.stride()}")
        muons = {id(kernel) for kernel in self._kernels}
        rest = [value for value in self._parameters if id(value) not in muons]
        self._parts: list[torch.optim.Optimizer] = [
            torch.optim.Adam(rest, lr=learning_rate, betas=betas, fused=True)
        ]
        if muon_rate is not None:
            self._parts.append(torch.optim.Muon(self._matrices, lr=muon_rate, weight_decay=0.0))
        self._full = self.rates

    @property
    def rates(self) -> list[float]:
        """The rate of Adam, and that of Muon where it takes part, at the last step."""
        return [part.param_groups[0]["lr"] for part in self._parts]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for value in self._parameters:
            value.grad = None

    def step(self, share: float) -> None:
        """One step with this share of the rates."""
        for matrix, kernel in zip(self._matrices, self._kernels, strict=True):
            matrix.grad = None if kernel.grad is None else _matrix(kernel.grad)
        for part, rate in zip(self._parts, self._full, strict=True):
            part.param_groups[0]["lr"] = rate * share
            part.step()

    def state_dict(self) -> list[dict[str, Any]]:
        """What `load_state_dict` needs."""
        return [part.state_dict() for part in self._parts]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Take over what `state_dict` gave."""
        for part, its in zip(self._parts, state, strict=True):
            part.load_state_dict(its)


def _matrix(kernel: Tensor) -> Tensor:
    """(O, I, k, k) or, transposed, (I, O, k, k) -> its first axis by all others, in the same memory.

    Of a kernel in channels-last layout, that is: what Muon does to the matrix happens to the kernel.
    """
    return kernel.permute(0, 2, 3, 1).flatten(1)
