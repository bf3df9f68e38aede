"""The float network and its critic."""

import pytest
import torch

from model.critic import Critic, CriticConfig
from model.generator import Generator, GeneratorConfig, fold_spectral_norm
from pixelmend.config import parse
from pixelmend.errors import UserError


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("spectral_norm", [True, False])
def test_published_parameter_count(spectral_norm: bool) -> None:
    assert count(Generator(GeneratorConfig(spectral_norm=spectral_norm))) == 5_775_235


@pytest.mark.parametrize(
    ("widths", "kernel", "stride", "frame", "latent"),
    [
        ((4, 8, 12, 16), 4, 2, (32, 48), (2, 3)),
        ((5,), 2, 2, (6, 4), (3, 2)),
        ((4, 6), 3, 2, (8, 12), (2, 3)),
        ((4, 6), 5, 3, (18, 9), (2, 1)),
        ((4, 4, 4, 4, 4), 4, 2, (32, 32), (1, 1)),
        ((4, 6), 6, 2, (8, 8), (2, 2)),
    ],
)
def test_sides(
    widths: tuple[int, ...], kernel: int, stride: int, frame: tuple[int, int], latent: tuple[int, int]
) -> None:
    network = Generator(GeneratorConfig(widths=widths, kernel=kernel, stride=stride, spectral_norm=False))
    x = torch.rand(2, 3, *frame)
    assert network(x).shape == (2, 3, *frame)
    assert network.latent(x).shape == (2, widths[-1], *latent)


def test_layers_are_named_and_mapped_as_the_other_stages_expect() -> None:
    network = Generator(GeneratorConfig(widths=(4, 8, 16), spectral_norm=False))
    assert [tuple(layer.weight.shape) for layer in network.enc] == [(4, 3, 4, 4), (8, 4, 4, 4), (16, 8, 4, 4)]
    assert [tuple(layer.weight.shape) for layer in network.dec] == [(16, 8, 4, 4), (8, 4, 4, 4), (4, 3, 4, 4)]
    assert network.center is not None
    assert tuple(network.center.weight.shape) == (16, 16, 1, 1)


def test_no_center_makes_the_last_encoder_output_the_latent() -> None:
    network = Generator(GeneratorConfig(widths=(4, 8), center=False, spectral_norm=False))
    x = torch.rand(1, 3, 8, 8)
    latent, outputs = network.encode(x)
    assert network.center is None
    assert torch.equal(latent, outputs[-1])


def test_forward_against_the_definition() -> None:
    """Two levels written out: the skip is added after the ReLU, and the last layer has none."""
    torch.manual_seed(1)
    network = Generator(GeneratorConfig(widths=(4, 8), spectral_norm=False))
    x = torch.rand(1, 3, 16, 16)
    first = network.enc[0](x).relu()
    latent = network.center(network.enc[1](first).relu()).relu()
    expected = network.dec[1](network.dec[0](latent).relu() + first).relu()
    assert torch.equal(network(x), expected)


def test_a_new_network_starts_at_mid_grey() -> None:
    torch.manual_seed(1)
    result = Generator(GeneratorConfig(widths=(4, 8), spectral_norm=False))(torch.rand(1, 3, 16, 16))
    assert 0.3 < float(result.detach().mean()) < 0.7


def test_skips_can_be_left_out() -> None:
    torch.manual_seed(1)
    network = Generator(GeneratorConfig(widths=(4, 8), skips=False, spectral_norm=False))
    x = torch.rand(1, 3, 16, 16)
    assert torch.equal(network(x), network.dec[1](network.dec[0](network.latent(x)).relu()).relu())


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(1)
    network = Generator(GeneratorConfig(widths=(8, 32), dropout=0.5, spectral_norm=False))
    x = torch.rand(1, 3, 16, 16)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize("training", [True, False])
def test_folding_keeps_the_outputs_and_the_original(training: bool) -> None:
    torch.manual_seed(1)
    network = Generator(GeneratorConfig(widths=(4, 8)))
    x = torch.rand(2, 3, 16, 16)
    network.train()
    network(x)  # a step of the power iteration
    network.train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    plain = fold_spectral_norm(network)
    assert not plain.config.spectral_norm
    assert sorted(plain.state_dict()) == sorted(Generator(plain.config).state_dict())
    assert network.training == plain.training == training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(plain.eval()(x), network.eval()(x))
    raw = network.enc[0].parametrizations.weight.original
    assert not torch.allclose(plain.enc[0].weight, raw)  # the norm did something


def test_indivisible_frames_are_refused() -> None:
    network = Generator(GeneratorConfig(widths=(4, 8)))
    with pytest.raises(UserError, match=r"divisible by 4, got \(8, 10\)"):
        network(torch.rand(1, 3, 8, 10))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widths": []}, "widths must be 1 to 5 positive channel counts"),
        ({"widths": [1, 2, 3, 4, 5, 6]}, "widths must be 1 to 5"),
        ({"widths": [4, 0]}, "widths must be 1 to 5 positive"),
        ({"stride": 1}, "stride must be at least 2"),
        ({"kernel": 2, "stride": 3}, "kernel must be at least stride"),
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1"),
        ({"wide": 3}, "unknown key; known are widths"),
    ],
)
def test_bad_settings_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(values, GeneratorConfig, "x.toml: [generator]")


def test_critic_judges_each_pixel_by_itself() -> None:
    torch.manual_seed(1)
    critic = Critic(CriticConfig(widths=(8, 16))).eval()
    x = torch.rand(2, 3, 6, 5)
    scores = critic(x)
    assert scores.shape == (2, 1, 6, 5)
    x[0, :, 2, 3] += 1
    changed = (critic(x) != scores).nonzero().tolist()
    assert changed == [[0, 0, 2, 3]]
    assert float(critic(torch.rand(4, 3, 8, 8) * 20 - 10).detach().min()) < 0  # no output activation


def test_critic_widths_are_checked() -> None:
    with pytest.raises(UserError, match="widths must be one or more"):
        parse({"widths": []}, CriticConfig, "critic")
