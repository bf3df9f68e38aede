"""Adam over everything, or Muon over the kernels: what a step does, and that a saved state goes on."""

import copy
import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from model.generator import Generator, GeneratorConfig
from model.optimizer import Descent


def network() -> Generator:
    torch.manual_seed(4)
    made = Generator(GeneratorConfig(widths=(6, 10), mode="selective", spectral_norm=False))
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def descent(of: nn.Module, muon_rate: float | None) -> Descent:
    return Descent(of.parameters(), 1e-3, (0.9, 0.99), muon_rate)


def steps(of: Generator, optimizer: Descent, seeds: range, share: float = 1.0) -> None:
    for seed in seeds:
        frames = torch.rand((2, 3, 16, 16), generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        (of.decode(*of.encode(frames)) - 0.7).square().sum().backward()
        optimizer.step(share)


def change(before: nn.Module, after: nn.Module) -> dict[str, Tensor]:
    was = before.state_dict()
    return {name: value - was[name] for name, value in after.state_dict().items()}


def test_muon_makes_each_first_step_of_a_kernel_orthogonal() -> None:
    """A (wide) matrix of rows of one length at right angles; torch's iteration comes within a third of it."""
    net = network()
    before = copy.deepcopy(net)
    steps(net, descent(net, 0.1), range(1))
    moved = change(before, net)
    for name, value in moved.items():
        if not name.endswith("weight"):
            continue
        matrix = value.flatten(1)
        tall = matrix.shape[0] > matrix.shape[1]
        lengths = (
            torch.linalg.svdvals(matrix) / 0.1 / (matrix.shape[0] / matrix.shape[1] if tall else 1) ** 0.5
        )
        strong = lengths[torch.linalg.svdvals(matrix) > 0.03]  # a colour with no gradient has no direction
        assert len(strong) > 0 and bool(((strong > 0.3) & (strong < 1.4)).all()), (name, lengths)


def test_the_rest_is_adams() -> None:
    net = network()
    before = copy.deepcopy(net)
    steps(net, descent(net, 0.1), range(1), share=0.5)
    biases = {name: value for name, value in change(before, net).items() if name.endswith("bias")}
    assert len(biases) == 5
    for value in biases.values():
        sizes = value.abs()[value != 0]
        assert torch.allclose(sizes, torch.full_like(sizes, 0.5e-3), rtol=1e-2)  # Adam's first step


@pytest.mark.parametrize("muon_rate", [None, 0.01])
def test_both_learn_and_go_on_from_a_saved_state(muon_rate: float | None) -> None:
    def loss(of: Generator) -> float:
        frames = torch.rand((2, 3, 16, 16), generator=torch.Generator().manual_seed(99))
        return float((of.decode(*of.encode(frames)) - 0.7).square().mean().detach())

    net = network()
    optimizer = descent(net, muon_rate)
    start = loss(net)
    steps(net, optimizer, range(3))
    weights, state = copy.deepcopy(net.state_dict()), copy.deepcopy(optimizer.state_dict())
    steps(net, optimizer, range(3, 6))
    assert loss(net) < start
    other = network()
    resumed = descent(other, muon_rate)
    other.load_state_dict(weights)
    resumed.load_state_dict(_through_a_file(state))
    steps(other, resumed, range(3, 6))
    assert all(not bool(value.any()) for value in change(net, other).values())


def _through_a_file(state: Any) -> Any:
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


def test_a_kernel_in_another_layout() -> None:
    plain = Generator(GeneratorConfig(widths=(6, 10), spectral_norm=False))
    with pytest.raises(ValueError, match="expected a kernel in channels-last layout, got strides"):
        descent(plain, 0.01)
    descent(plain, None)
