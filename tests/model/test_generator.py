"""The float network and its critic."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from model.critic import Critic, CriticConfig
from model.generator import (
    SCORED,
    Generator,
    GeneratorConfig,
    Mode,
    check_frame,
    fold_batch_norm,
    fold_spectral_norm,
    folded,
)
from model.pyramid import fill
from pixelmend.config import Frame, parse
from pixelmend.errors import UserError

MODES: tuple[Mode, ...] = ("direct", "selective", "mapped", "residual", "filled", "corrected")


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


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize("center", [False, True])
def test_folding_batch_norm_keeps_the_outputs_and_the_original(spectral_norm: bool, center: bool) -> None:
    torch.manual_seed(1)
    network = Generator(
        GeneratorConfig(widths=(4, 8, 12), batch_norm=True, spectral_norm=spectral_norm, center=center)
    )
    for norm in network.norms.values():
        for parameter in norm.parameters():
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    for _ in range(3):
        network(torch.rand(2, 3, 16, 16))  # means and variances of its own
    network.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    plain = folded(network)
    assert not plain.config.batch_norm
    assert sorted(plain.state_dict()) == sorted(Generator(plain.config).state_dict())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    x = torch.rand(2, 3, 16, 16)
    assert torch.allclose(plain(x), network(x), atol=1e-5)
    assert float((plain(x) - Generator(plain.config).eval()(x)).abs().max()) > 0.01
    if spectral_norm:
        with pytest.raises(ValueError, match="fold_spectral_norm must come first"):
            fold_batch_norm(network)


def test_batch_norm_by_hand() -> None:
    """w g / sqrt(v + eps) and (b - m) g / sqrt(v + eps) + beta of each channel; the last layer has none."""
    torch.manual_seed(1)
    network = Generator(GeneratorConfig(widths=(2,), batch_norm=True, spectral_norm=False, center=False))
    assert sorted(network.norms) == ["enc0"]
    norm = network.norms["enc0"]
    assert isinstance(norm, torch.nn.BatchNorm2d)
    norm.weight.data, norm.bias.data = torch.tensor([2.0, 3.0]), torch.tensor([0.5, -0.5])
    norm.running_mean, norm.running_var = torch.tensor([0.1, 0.2]), torch.tensor([4.0, 9.0]) - norm.eps
    plain = fold_batch_norm(network)
    gain = torch.tensor([1.0, 1.0])
    assert torch.allclose(plain.enc[0].weight, network.enc[0].weight * gain.view(-1, 1, 1, 1))
    shifted = network.enc[0].bias.detach() + torch.tensor([0.5 - 0.1, -0.5 - 0.2])
    assert torch.allclose(plain.enc[0].bias, shifted)
    assert torch.equal(plain.dec[0].weight, network.dec[0].weight)


def test_last_activations() -> None:
    sums = torch.tensor([-1.0, 0.0, 2.0]).reshape(1, 3, 1, 1)
    results = {}
    for last in ("relu", "tanh", "none"):
        config = GeneratorConfig(widths=(4,), last=last)  # type: ignore[arg-type]
        results[last] = Generator(config).activate(sums).flatten()
    assert results["relu"].tolist() == [0.0, 0.0, 2.0]
    assert results["none"].tolist() == [-1.0, 0.0, 2.0]
    assert results["tanh"].tolist() == pytest.approx([0.1192029, 0.5, 0.9820138])  # (1 + tanh) / 2


def test_a_colour_below_zero_still_learns() -> None:
    sums = torch.tensor([-0.3, 0.4]).reshape(1, 1, 1, 2).requires_grad_()
    Generator(GeneratorConfig(widths=(4,), last="relu")).activate(sums).backward(
        torch.tensor([[[[2.0, 3.0]]]])
    )
    assert sums.grad is not None
    assert sums.grad.flatten().tolist() == [2.0, 3.0]


def test_a_score_is_not_bent_by_the_last_activation() -> None:
    network = Generator(GeneratorConfig(widths=(4,), mode="selective", last="tanh"))
    assert network.activate(torch.full((1, 4, 1, 1), 0.4))[0, 3, 0, 0] == pytest.approx(0.4)


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
        ({"last": "sine"}, "last: Input should be 'relu', 'tanh' or 'none'; got 'sine'"),
        ({"mode": "residual", "last": "tanh"}, "mode 'residual' has no last activation"),
        ({"middle": 9}, "middle must be 0 to 8"),
        ({"mode": "filled", "fill_levels": 7}, "fill_levels must be 1 to 6"),
        ({"mode": "filled", "fill_sweeps": 5}, "fill_sweeps must be 0 to 4"),
        ({"mode": "filled", "fill_sweeps": -1}, "fill_sweeps must be 0 to 4"),
    ],
)
def test_bad_settings_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(values, GeneratorConfig, "x.toml: [generator]")


def test_convolutions_in_the_middle_keep_the_latents_shape() -> None:
    plain, more = (
        Generator(GeneratorConfig(widths=(4, 6), middle=middle, spectral_norm=False)) for middle in (0, 3)
    )
    x = torch.rand(1, 3, 16, 24)
    assert more.latent(x).shape == plain.latent(x).shape == (1, 6, 4, 6)
    assert count(more) - count(plain) == 3 * (6 * 6 * 9 + 6)
    with torch.no_grad():
        for layer in more.mid:
            nn.init.dirac_(layer.weight)
            nn.init.zeros_(layer.bias)
    more.load_state_dict(plain.state_dict(), strict=False)
    assert torch.allclose(more(x), plain(x)), "of identities nothing is seen"


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


def test_a_global_critic_has_one_score_a_frame() -> None:
    torch.manual_seed(1)
    critic = Critic(CriticConfig(widths=(8, 16), judges="global")).eval()
    x = torch.rand(2, 3, 16, 24)
    scores = critic(x)
    assert scores.shape == (2, 1, 1, 1)
    x[0, :, 2, 3] += 1
    assert (critic(x) != scores).flatten().tolist() == [True, False]


def test_a_conditional_critic_has_six_inputs() -> None:
    assert Critic(CriticConfig(loss="cgan"))(torch.rand(1, 6, 4, 4)).shape == (1, 1, 4, 4)


def test_critic_widths_are_checked() -> None:
    with pytest.raises(UserError, match="widths must be one or more"):
        parse({"widths": []}, CriticConfig, "critic")


def generator(mode: Mode) -> Generator:
    torch.manual_seed(4)
    return Generator(GeneratorConfig(widths=(4, 8), mode=mode, spectral_norm=False, fill_levels=2)).eval()


def test_channels_of_the_modes() -> None:
    shapes = {
        mode: (generator(mode).enc[0].in_channels, generator(mode).dec[-1].out_channels) for mode in MODES
    }
    assert shapes == {
        "direct": (3, 3), "selective": (3, 4), "mapped": (4, 3), "residual": (3, 3), "filled": (3, 1),
        "corrected": (4, 3),
    }  # fmt: skip


def test_selective_takes_the_networks_pixel_where_the_score_is_at_least_one_half() -> None:
    network = generator("selective")
    x = torch.rand(2, 3, 8, 8)
    sums = network.decode(*network.encode(x))
    sums[:, 3] = torch.tensor([0.49, 0.5]).repeat(2, 8, 4)  # every other column
    network.decode = lambda latent, outputs: sums  # type: ignore[method-assign]
    result = network(x)
    assert torch.equal(result[..., ::2], x[..., ::2])
    assert torch.equal(result[..., 1::2], torch.relu(sums[:, :3, :, 1::2]))


def test_mapped_keeps_every_pixel_that_the_map_does_not_name() -> None:
    network = generator("mapped")
    x = torch.rand(2, 4, 8, 8)
    x[:, 3] = (x[:, 3] < 0.3).float()
    broken = (x[:, 3:] == 1).expand(-1, 3, -1, -1)
    values = torch.relu(network.decode(*network.encode(x)))
    assert torch.equal(network(x)[broken], values[broken])
    assert torch.equal(network(x)[~broken], x[:, :3][~broken])


def test_residual_adds_a_signed_correction() -> None:
    network = generator("residual")
    x = torch.rand(2, 3, 8, 8)
    sums = network.decode(*network.encode(x))
    assert float(sums.detach().min()) < 0
    assert torch.equal(network(x), x + sums)


def test_filled_fills_what_scores_at_least_one_half_and_nothing_else() -> None:
    network = generator("filled")
    x = torch.rand(2, 3, 8, 8)
    sums = torch.full((2, 1, 8, 8), 0.49)
    sums[0, 0, 2, 5] = 0.5
    network.decode = lambda latent, outputs: sums  # type: ignore[method-assign]
    result = network(x)
    assert (result != x).any(1).nonzero().tolist() == [[0, 2, 5]]
    assert torch.equal(result, fill(x, sums >= 0.5, 2))


@pytest.mark.parametrize("mode", ["filled", "corrected"])
def test_what_is_filled_is_swept(mode: Mode) -> None:
    network = generator(mode)
    x = torch.rand(2, 3, 8, 8)
    broken = torch.rand(2, 1, 8, 8) < 0.4
    network.config = replace(network.config, fill_sweeps=3)
    assert torch.equal(network.fill(x, broken), fill(x, broken, 2, 3))
    assert not torch.equal(network.fill(x, broken), fill(x, broken, 2))


def test_a_correction_is_none_to_begin_with() -> None:
    network = generator("corrected")
    x = torch.rand(2, 4, 8, 8)
    x[:, 3] = (x[:, 3] < 0.3).float()
    assert torch.allclose(network(x), fill(x[:, :3], x[:, 3:] == 1, 2), atol=1e-6)


def test_a_correction_starts_from_differences_between_pixels() -> None:
    """However bright a frame is, its first filters say the same, and no bias silences what they say."""
    network = generator("corrected")
    x = torch.rand(1, 4, 16, 16) / 2
    brighter = x.clone()
    brighter[:, :3] += 0.4
    inner = (..., slice(1, -1), slice(1, -1))  # windows without padding
    seen, same = (network.enc[0](one)[inner] for one in (x, brighter))
    assert torch.allclose(seen, same, atol=1e-5)
    assert float(seen.detach().std()) > 0.5
    layers = [*network.enc, network.center, *network.dec[:-1]]
    assert all(float(layer.bias.detach().abs().max()) == 0 for layer in layers if layer is not None)


def test_corrected_sees_a_filled_frame_and_adds_to_what_was_filled() -> None:
    network = generator("corrected")
    x = torch.rand(2, 4, 8, 8)
    x[:, 3] = (x[:, 3] < 0.3).float()
    broken = x[:, 3:] == 1
    filled = fill(x[:, :3], broken, 2)
    assert torch.equal(network.enter(x), torch.cat([filled, x[:, 3:]], 1))
    values = torch.relu(network.decode(*network.encode(network.enter(x))))
    values += 10 * torch.eye(8)  # beyond white
    network.decode = lambda latent, outputs: values  # type: ignore[method-assign]
    expected = torch.where(broken, (filled + values - 128 / 255).clamp(0, 1), x[:, :3])
    assert torch.allclose(network(x), expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["filled", "corrected"])
def test_a_frame_must_be_divisible_for_the_pyramid_too(mode: Mode) -> None:
    config = GeneratorConfig(widths=(4,), mode=mode, fill_levels=3)
    assert config.multiple == 8
    with pytest.raises(UserError, match=r"fills from 3 halvings, so both sides must be multiples of 8"):
        check_frame(Frame(8, 12), config)


@pytest.mark.parametrize("mode", MODES)
def test_what_training_sees_is_what_comes_out_once_the_choice_is_sharp(mode: Mode) -> None:
    network = generator(mode)
    x = torch.rand(2, network.config.inputs, 8, 8)
    entered = network.enter(x)
    sums = network.decode(*network.encode(entered)).detach()
    if mode in SCORED:
        sums[:, -1] = torch.where(sums[:, -1] >= 0.5, 30.0, -30.0)  # sigmoids of 0 and 1
    network.decode = lambda latent, outputs: sums  # type: ignore[method-assign]
    painted = network.paint(entered, sums)
    mixed = painted.choice * painted.colours + (1 - painted.choice) * entered[:, :3]
    if mode == "corrected":
        mixed = mixed.clamp(0, 1)
    assert torch.allclose(mixed, network(x), atol=1e-6)
