"""The Brevitas twin: it computes what the float network does, on grids that hardware can hold."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model.generator import Generator, GeneratorConfig, Mode, fold_spectral_norm, folded
from model.pyramid import fill
from pixelmend.errors import UserError
from quant.bits import QuantConfig, layer_names
from quant.calibrate import calibrate
from quant.generator import QuantGenerator

NET = GeneratorConfig(widths=(6, 8), spectral_norm=False)
PIXEL = np.float32(1 / 255)


def frames(count: int = 20, side: int = 16, mapped: bool = False) -> Tensor:
    """Random pixels; `mapped`: a fifth of them broken by a map, the fourth channel."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (count, 3, side, side))
    if mapped:
        pixels = np.concatenate([pixels, 255 * (rng.random((count, 1, side, side)) < 0.2)], 1)
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))


def quantized(
    quant: QuantConfig, net: GeneratorConfig = NET, seed: int = 1
) -> tuple[Generator, QuantGenerator]:
    """A random float network and its calibrated twin, both in evaluation."""
    torch.manual_seed(seed)
    floating = Generator(net).eval()
    twin = QuantGenerator(net, quant)
    twin.load_float(floating)
    calibrate(twin, frames(mapped=net.inputs > 3))
    return floating, twin


def outputs(twin: QuantGenerator) -> dict[str, Tensor]:
    """What every layer's quantizer gave on the frames, by layer."""
    found: dict[str, list[Tensor]] = {}
    handles = [
        quantizer.register_forward_hook(
            lambda _module, _inputs, result, name=name: found.setdefault(name, []).append(result.detach())
        )
        for name, quantizer in twin.acts.items()
    ]
    with torch.no_grad():
        twin(frames())
    for handle in handles:
        handle.remove()
    return {name: torch.stack(results) if len(results) > 1 else results[0] for name, results in found.items()}


def scale_of(quantizer: Any) -> float:
    return float(quantizer.act_quant.scale().detach())


@pytest.mark.parametrize(
    "net",
    [
        NET,
        GeneratorConfig((6, 8, 8), spectral_norm=False),
        GeneratorConfig((6,), 3, 3, False, False, 0, False),
        GeneratorConfig((16,), center=False, middle=1, spectral_norm=False),
    ],
    ids=["skips", "3 levels", "no skips", "middle"],
)
def test_8_bits_are_nearly_the_float_network(net: GeneratorConfig) -> None:
    floating, twin = quantized(QuantConfig(8, 8), net)
    given = frames(side=18 if net.stride == 3 else 16)
    with torch.no_grad():
        wanted, came = floating(given).clamp(0, 1), twin(given)
    assert float(wanted.std()) > 0.02, "the network says nearly nothing"
    assert psnr_db(wanted, came) > 35
    coarse = quantized(QuantConfig(3, 3), net)[1]
    with torch.no_grad():
        assert psnr_db(wanted, coarse(given)) < psnr_db(wanted, came) - 5


@pytest.mark.parametrize("sweeps", [0, 2])
@pytest.mark.parametrize("mode", ["filled", "corrected"])
def test_what_is_filled_and_corrected_is_so_in_whole_numbers(mode: Mode, sweeps: int) -> None:
    """Of the network's own numbers, however coarse: the score's threshold, or the correction that it adds."""
    net = GeneratorConfig(widths=(6, 8), spectral_norm=False, mode=mode, fill_levels=2, fill_sweeps=sweeps)
    _, twin = quantized(QuantConfig(4, 4), net)
    given = frames(mapped=net.inputs > 3)
    said: list[Tensor] = []
    with torch.no_grad():
        if mode == "filled":
            dict(twin.named_parameters())["dec.1.bias"] += 0.5  # that some scores reach the threshold
        else:
            dict(twin.named_parameters())["dec.1.weight"].uniform_(-0.3, 0.3)  # it begins with no correction
        twin.image_out.register_forward_hook(lambda _module, _inputs, result: said.append(result.detach()))
        came = torch.round(twin(given) * 255)
    own, pixels = torch.round(said[0] * 255), torch.round(given * 255)
    broken = own >= 128 if mode == "filled" else pixels[:, 3:] >= 128
    assert 0.05 < float(broken.float().mean()) < 0.95
    wanted = torch.round(fill(given[:, :3], broken, 2, sweeps) * 255)
    if mode == "corrected":
        wanted = torch.where(broken, (wanted + own - 128).clamp(0, 255), wanted)
        assert float((own - 128).abs().mean()) > 4, "the network corrects nearly nothing"
    assert torch.equal(came, wanted)
    sound = ~broken.expand_as(came)
    assert torch.equal(came[sound], pixels[:, :3][sound])


def psnr_db(wanted: Tensor, came: Tensor) -> float:
    return float(-10 * torch.log10(((wanted - came) ** 2).mean()))


def test_pixels_go_in_and_out_untouched() -> None:
    _, twin = quantized(QuantConfig())
    assert scale_of(twin.image_in) == scale_of(twin.image_out) == PIXEL
    every = torch.arange(256).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(twin.image_in(every.float() / 255), every * torch.tensor(PIXEL))
    with torch.no_grad():
        result = twin(frames()).numpy()
    pixels = np.round(result * 255)
    assert 0 <= pixels.min() < pixels.max() <= 255
    assert np.array_equal(pixels.astype(np.float32) * PIXEL, result)


def test_training_leaves_the_scales_of_pixels_alone() -> None:
    _, twin = quantized(QuantConfig())
    twin.train()
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    before = scale_of(twin.act_of("enc1"))
    (twin(frames()) - frames()).abs().mean().backward()
    optimizer.step()
    assert scale_of(twin.image_in) == scale_of(twin.image_out) == PIXEL
    assert scale_of(twin.act_of("enc1")) != before  # the others are learned


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_weights_are_narrow_range_with_a_scale_for_each_channel(bits: int) -> None:
    _, twin = quantized(QuantConfig(weight_bits=bits))
    limit = 2 ** (bits - 1) - 1
    for name in layer_names(NET):
        layer: Any = twin.layer(name)
        weights = layer.quant_weight()
        channels = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
        integers = torch.round(weights.value / weights.scale).transpose(0, channels).flatten(1)
        assert torch.equal(integers.abs().amax(1), torch.full((len(integers),), float(limit)))
        assert weights.scale.numel() == layer.weight.shape[channels]


def test_bit_widths_of_single_layers_take_effect() -> None:
    quant = QuantConfig(4, 4, None, {"enc2": 2, "dec1": 8}, {"enc2": 2, "center": 6})
    _, twin = quantized(quant)
    widths = {name: int(twin.layer(name).quant_weight().bit_width) for name in layer_names(NET)}  # type: ignore[operator]
    assert widths == {"enc1": 4, "enc2": 2, "center": 4, "dec1": 8, "dec2": 4}
    levels = {name: len(values.unique()) for name, values in outputs(twin).items()}
    assert levels["enc2"] == 4
    assert 16 < levels["center"] <= 64
    assert 8 < levels["enc1"] <= 16  # and of dec1, which shares its quantizer


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_activations_are_unsigned_multiples_of_their_scale(bits: int) -> None:
    _, twin = quantized(QuantConfig(act_bits=bits))
    for name, values in outputs(twin).items():
        integers = values / scale_of(twin.acts[name])
        assert torch.allclose(integers, integers.round(), atol=1e-3)
        assert (float(integers.min()), float(integers.max().round())) == (0.0, 2**bits - 1), name


def test_operands_of_a_sum_share_one_quantizer() -> None:
    three = GeneratorConfig(widths=(4, 6, 8), spectral_norm=False)
    _, twin = quantized(QuantConfig(), three)
    assert twin.act_of("dec1") is twin.act_of("enc2")
    assert twin.act_of("dec2") is twin.act_of("enc1")
    assert len({id(twin.act_of(name)) for name in layer_names(three)}) == 5
    assert set(twin.acts) == {"enc1", "enc2", "enc3", "center"}
    both = outputs(twin)["enc1"]  # the encoder's pass and the decoder's
    assert both.shape[0] == 2
    sums = (both[0] + both[1]) / scale_of(twin.acts["enc1"])
    assert torch.allclose(sums, sums.round(), atol=1e-3)
    assert 15 < float(sums.max()) <= 30.001


def test_without_skips_every_layer_has_its_own_quantizer() -> None:
    plain = GeneratorConfig(widths=(4, 6), skips=False, spectral_norm=False)
    twin = QuantGenerator(plain, QuantConfig())
    assert set(twin.acts) == {"enc1", "enc2", "center", "dec1"}


def test_a_sum_is_requantized_where_asked() -> None:
    _, twin = quantized(QuantConfig(sum_bits=3))
    sums: list[Tensor] = []
    twin.sums["dec1"].register_forward_hook(lambda _module, _inputs, result: sums.append(result.detach()))
    with torch.no_grad():
        twin(frames())
    assert 4 < len(sums[0].unique()) <= 8
    assert twin.input_act_of("dec2") is twin.sums["dec1"]
    assert QuantGenerator(NET, QuantConfig()).input_act_of("enc1").__class__ is twin.image_in.__class__


def test_the_next_layer_gets_fewer_bits_than_the_skip() -> None:
    fine = QuantConfig(
        layer_act_bits={"enc1": 5, "dec1": 5}, layer_sum_bits={"dec1": 6}, layer_input_bits={"enc2": 3}
    )
    _, twin = quantized(fine, GeneratorConfig(widths=(4, 6), spectral_norm=False))
    seen: dict[str, Tensor] = {}
    for name in ("enc2", "dec2"):
        twin.layer(name).register_forward_hook(
            lambda _module, inputs, _result, name=name: seen.update({name: inputs[0].detach()})
        )
    with torch.no_grad():
        twin(frames())
    narrow, wide = (seen[name] / scale_of(twin.input_act_of(name)) for name in ("enc2", "dec2"))
    for steps, least, most in ((narrow, 3, 7.001), (wide, 31, 62.001)):
        assert torch.allclose(steps, steps.round(), atol=1e-3)
        assert least < float(steps.max()) <= most
    assert twin.input_act_of("enc2") is twin.inputs["enc2"]
    assert twin.input_act_of("dec2") is twin.acts["enc1"]


def test_every_layer_knows_the_quantizer_of_its_input() -> None:
    _, twin = quantized(QuantConfig())
    assert twin.input_act_of("enc1") is twin.image_in
    assert twin.input_act_of("enc2") is twin.acts["enc1"]
    assert twin.input_act_of("center") is twin.acts["enc2"]
    assert twin.input_act_of("dec1") is twin.acts["center"]
    assert twin.input_act_of("dec2") is twin.acts["enc1"]  # the sum has its operands' scale
    assert twin.act_of("dec2") is twin.image_out


def test_weights_and_biases_come_from_the_float_network() -> None:
    torch.manual_seed(3)
    normed = Generator(GeneratorConfig(widths=(6, 8), spectral_norm=True))
    floating = fold_spectral_norm(normed)
    twin = QuantGenerator(floating.config, QuantConfig())
    twin.load_float(floating)
    own = dict(twin.named_parameters())
    taken = floating.state_dict()
    assert len(taken) == 10
    assert all(torch.equal(own[name], value) for name, value in taken.items())


def test_the_same_input_gives_the_same_output_alone_and_in_a_batch() -> None:
    _, twin = quantized(QuantConfig())
    with torch.no_grad():
        together = twin(frames())
        alone = torch.cat([twin(frame[None]) for frame in frames()])
    assert torch.equal((together * 255).round(), (alone * 255).round())


def test_loading_keeps_the_parameters_an_optimizer_holds() -> None:
    """Brevitas would replace its learned scales, and training that goes on would leave them as they are."""
    _, source = quantized(QuantConfig(), seed=1)
    _, target = quantized(QuantConfig(), seed=2)
    for network in (source, target):
        network.train()(frames())  # the learned scales start with the first step
    held = dict(target.named_parameters())
    target.load_state_dict(source.state_dict())
    now = dict(target.named_parameters())
    assert all(now[name] is held[name] for name in held)
    assert all(torch.equal(now[name], value) for name, value in source.named_parameters())
    with torch.no_grad():
        assert torch.equal(target.eval()(frames()), source.eval()(frames()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"last": "tanh"}, r"last: expected 'relu' for quantization, .*; got 'tanh'"),
        ({"last": "none"}, r"last: expected 'relu' for quantization, .*; got 'none'"),
        ({"batch_norm": True}, r"batch_norm: expected a network with it folded"),
        ({"mode": "residual"}, r"mode: 'residual' can't be quantized"),
    ],
)
def test_what_the_hardware_has_not_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        QuantGenerator(replace(NET, **changes), QuantConfig())


def test_a_network_trained_with_batch_norm_is_quantized_once_folded() -> None:
    torch.manual_seed(3)
    normed = Generator(GeneratorConfig(widths=(6, 8), batch_norm=True))
    normed(frames())
    floating = folded(normed.eval())
    twin = QuantGenerator(floating.config, QuantConfig(8, 8))
    twin.load_float(floating)
    assert all(
        torch.equal(dict(twin.named_parameters())[name], x) for name, x in floating.state_dict().items()
    )
