"""Every layer of `model.scratch`, forward and backward, against PyTorch and its autograd."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from model.networks.n2n import N2NConfig
from model.scratch.descent import Descent, MeanSquaredError
from model.scratch.layers import Convolution, Layer, Relu, Sequential, Sigmoid, TransposedConvolution
from model.scratch.network import denoiser, in_torch
from model.scratch.unfold import Windows, fold, unfold
from pixelmend.errors import UserError

GEOMETRIES = [  # kernel, stride, padding, frame
    ((1, 1), 1, 0, (3, 4)),
    ((2, 2), 2, 0, (6, 4)),
    ((3, 3), 1, 1, (5, 6)),
    ((3, 2), 2, 1, (6, 7)),
    ((3, 3), 2, 1, (7, 7)),
    ((2, 3), 3, 2, (5, 9)),
    ((5, 4), 4, 0, (9, 10)),
]


def drawn(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def agree(layer: Layer, reference: Callable[..., torch.Tensor], x: np.ndarray) -> None:
    """Results and all gradients within float64's rounding, for a random gradient of the result."""
    names = list(layer.named())
    tensors = {name: torch.from_numpy(owner.parameters[own]).requires_grad_() for name, owner, own in names}
    at = torch.from_numpy(x).requires_grad_()
    expected = reference(at, **tensors) if tensors else reference(at)
    result = layer.forward(x)
    np.testing.assert_allclose(result, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    gradient = np.random.default_rng(9).standard_normal(result.shape)
    expected.backward(torch.from_numpy(gradient))
    assert at.grad is not None
    np.testing.assert_allclose(layer.backward(gradient), at.grad.numpy(), rtol=1e-11, atol=1e-12)
    for name, owner, own in names:
        found = tensors[name].grad
        assert found is not None
        np.testing.assert_allclose(owner.gradients[own], found.numpy(), rtol=1e-11, atol=1e-11, err_msg=name)


@pytest.mark.parametrize(("kernel", "stride", "padding", "frame"), GEOMETRIES)
def test_convolution(kernel: tuple[int, int], stride: int, padding: int, frame: tuple[int, int]) -> None:
    weight, bias, x = drawn(1, (4, 3, *kernel), (4,), (2, 3, *frame))

    def reference(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, weight, bias, stride, padding)

    agree(Convolution(weight, bias, stride, padding), reference, x)


@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize(("kernel", "stride", "padding", "frame"), GEOMETRIES)
def test_transposed_convolution(
    kernel: tuple[int, int], stride: int, padding: int, frame: tuple[int, int], extra: int
) -> None:
    weight, bias, x = drawn(2, (3, 4, *kernel), (4,), (2, 3, *frame))
    if extra >= stride:
        with pytest.raises(UserError, match=rf"extra: expected 0 to {stride - 1}"):
            TransposedConvolution(weight, bias, stride, padding, extra)
        return

    def reference(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv_transpose2d(x, weight, bias, stride, padding, extra)

    agree(TransposedConvolution(weight, bias, stride, padding, extra), reference, x)


def test_functions() -> None:
    x = np.concatenate(
        [drawn(3, (2, 3, 4, 5))[0], np.full((2, 3, 4, 1), 800.0), np.full((2, 3, 4, 1), -800.0)], 3
    )
    x[0, 0, 0, 0] = 0.0  # where ReLU has two slopes
    agree(Relu(), torch.relu, x)
    agree(Sigmoid(), torch.sigmoid, x)


@pytest.mark.parametrize(("kernel", "stride", "padding", "frame"), GEOMETRIES)
def test_fold_is_the_adjoint(
    kernel: tuple[int, int], stride: int, padding: int, frame: tuple[int, int]
) -> None:
    """<unfold(a), b> = <a, fold(b)>."""
    windows = Windows(kernel, stride, padding)
    (a,) = drawn(4, (2, 3, *frame))
    columns = unfold(a, windows)
    (b,) = drawn(5, columns.shape)
    assert np.vdot(columns, b) == pytest.approx(np.vdot(a, fold(b, (3, *frame), windows)), rel=1e-12)


def test_the_loss() -> None:
    result, target = drawn(6, (2, 3, 4, 4), (2, 3, 4, 4))
    loss, at = MeanSquaredError(), torch.from_numpy(result).requires_grad_()
    expected = nn.functional.mse_loss(at, torch.from_numpy(target))
    assert loss.forward(result, target) == pytest.approx(expected.item(), rel=1e-12)
    expected.backward()
    assert at.grad is not None
    np.testing.assert_allclose(loss.backward(), at.grad.numpy(), rtol=1e-12)
    with pytest.raises(
        UserError, match=r"expected a target of the result's shape \(2, 3, 4, 4\), got \(1, 3, 4, 4\)"
    ):
        loss.forward(result, target[:1])


def test_the_denoiser_takes_the_steps_that_pytorch_takes() -> None:
    config = N2NConfig(channels=3, hidden=5)
    ours = denoiser(config, seed=7, dtype=np.float64)
    theirs = in_torch(ours, config)
    descent, loss = Descent(ours, 0.5, 0.9), MeanSquaredError()
    reference = torch.optim.SGD(theirs.parameters(), 0.5, 0.9)
    for step in range(5):
        x, target = (0.5 + 0.2 * one for one in drawn(step, (2, 3, 8, 12), (2, 3, 8, 12)))
        found = loss.forward(ours.forward(x), target)
        ours.backward(loss.backward())
        descent.step()
        reference.zero_grad()
        expected = nn.functional.mse_loss(theirs(torch.from_numpy(x)), torch.from_numpy(target))
        expected.backward()
        reference.step()
        assert found == pytest.approx(float(expected), rel=1e-12)
    for name, owner, own in ours.named():
        np.testing.assert_allclose(
            owner.parameters[own], theirs.get_parameter(name).detach().numpy(), rtol=1e-10, atol=1e-12
        )


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(
        UserError, match="a kernel of 3x3 px does not fit a frame of 2x8 px with 0 px of padding"
    ):
        unfold(np.zeros((1, 1, 2, 8)), Windows((3, 3)))
    with pytest.raises(
        UserError, match=r"a bias for each of 2 output channels, got \(2, 3, 1, 1\) and \(3,\)"
    ):
        Convolution(np.zeros((2, 3, 1, 1)), np.zeros(3))
    with pytest.raises(UserError, match="expected rate > 0"):
        Descent(Sequential({}), 0.0)
