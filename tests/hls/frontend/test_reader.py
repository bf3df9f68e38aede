"""Reading QONNX: what is read is what the file says, and every refusal names the node and what came.

Nodes are named as qonnx's clean-up numbers them, which `quant.export` has done before it writes a file.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper
from qonnx.custom_op.registry import getCustomOp

from hls import dataflow
from hls.frontend import read
from hls.frontend.quantizers import PIXEL_SCALE
from hls.layers import Convolution, Operation, Requantization, TransposedConvolution
from hls.network import Layer, Tensor
from pixelmend.errors import UserError
from quant.export import export
from tests.hls.frontend.files import PIXEL, File, kernel
from tests.networks import Case, equal, twin

NEUTRAL = np.float32(128) * PIXEL


def made_by(layer: Layer) -> str:
    """The operator of a layer that is one."""
    assert isinstance(layer, Operation)
    return layer.operator.__name__


BIAS = (0.25, -0.5, 0.0, 1.0)


def autoencoder(path: Path, **changed: Any) -> Path:
    """image -> conv (4 channels, half the sides) -> transposed conv -> image; `changed`: what is wrong."""
    file = File(shape=changed.get("shape", (1, 3, 8, 8)))
    x = file.quant("in", "image", **{"scale": PIXEL, "bits": 8} | changed.get("image_in", {}))
    w = file.weights("w1", changed.get("kernel1", kernel(4, 3, 4, 4)), **changed.get("weights1", {}))
    conv = {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1]} | changed.get("conv", {})
    x = file.node("Conv", "enc", [x, w, file.constant("bias", changed.get("bias", BIAS))], **conv)
    if "behind_conv" in changed:
        x = changed["behind_conv"](file, x)
    x = file.node("Relu", "relu", [x])
    x = file.quant("act", x, **{"scale": 0.125, "bits": 4} | changed.get("act", {}))
    if "behind_act" in changed:
        x = changed["behind_act"](file, x)
    w = file.weights("w2", kernel(4, 3, 4, 4, seed=1), **changed.get("weights2", {}))
    back = {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1]} | changed.get("deconv", {})
    x = file.node("ConvTranspose", "dec", [x, w], **back)
    x = file.quant("out", x, **{"scale": PIXEL, "bits": 8} | changed.get("image_out", {}))
    return file.save(path, x)


def choice(path: Path, **changed: Any) -> Path:
    """image -> conv to R, G, B and a score -> of both images one for each pixel; `changed`: what is wrong."""
    file = File()
    image = file.quant("in", "image", PIXEL, 8)

    def painted(name: str, bits: float = 8, outputs: int = 4) -> str:
        return file.convolved(name, image, outputs, bits=bits)

    ours = painted("ours")
    score = painted("theirs") if changed.get("score_of_another") else ours
    scores = file.channels("score", score, *changed.get("score", (3, 4, 1, 1)))
    limit = changed.get("limit", 0.5)
    limit = scores if limit is None else file.constant("limit", limit)
    flag = file.node("GreaterOrEqual", "flag", [scores, limit])
    colours = file.channels("colours", ours, *changed.get("colours", (0, 3, 1, 1)))
    images = [colours, changed.get("other", image)]
    if changed.get("coarse"):
        images[1] = file.channels("other", painted("coarse", 7), 0, 3, 1, 1)
    if changed.get("other_scale"):
        images[1] = file.channels("other", file.convolved("wide", image, 4, scale=2 * PIXEL), 0, 3, 1, 1)
    if changed.get("three_and_three"):
        images[0] = painted("three", outputs=3)
    if changed.get("four_and_four"):
        images[1] = file.channels("other", painted("more"), 0, 3, 1, 1)
    if changed.get("swapped"):
        images.reverse()
    return file.save(path, file.node("Where", "choose", [flag, *images]))


@pytest.mark.parametrize("swapped", [False, True])
def test_a_choice_between_two_images(swapped: bool, tmp_path: Path) -> None:
    network = read(choice(tmp_path / "m.onnx", swapped=swapped))
    conv, select = network.layers
    assert made_by(select) == "PixelSelect_rtl"
    assert select.sources == ((network.image_in, conv.result) if swapped else (conv.result, network.image_in))
    assert network.image_out is select.result
    assert (select.result.channels, select.result.bits, select.result.scale) == (3, 8, PIXEL_SCALE)


FOURTH = "node GreaterOrEqual_0 (GreaterOrEqual): it must look at the fourth channel of a quantized image"
HALF = "node GreaterOrEqual_0 (GreaterOrEqual): it must compare with the constant 0.5"
OF_ITS_OWN = "node Where_0 (Where): one of its images must have four channels, the last its condition"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"limit": 0.25}, HALF),
        ({"limit": np.nextafter(np.float32(0.5), np.float32(1))}, HALF),
        ({"limit": [0.5, 0.5]}, HALF),
        ({"limit": None}, HALF),
        ({"score": (2, 3, 1, 1)}, FOURTH),
        ({"score": (2, 4, 1, 1)}, FOURTH),
        ({"score": (3, 4, 2, 1)}, FOURTH),
        (
            {"score": (0, 4, 1, 3)},
            "(Slice): it must take neighbouring channels, rows or columns (step 1), got steps [3]",
        ),
        ({"score_of_another": True}, OF_ITS_OWN),
        ({"three_and_three": True}, OF_ITS_OWN),
        ({"four_and_four": True}, OF_ITS_OWN),
        ({"coarse": True}, "(Where): it must choose between two images of one size, 8 bits, scale 1/255"),
        (
            {"other_scale": True},
            "(Where): it must choose between two images of one size, 8 bits, scale 1/255",
        ),
        ({"colours": (1, 4, 1, 1)}, "must be R, G, B of a quantized image"),
    ],
    ids=str,
)
def test_choices_that_are_none_of_this_hardware(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        read(choice(tmp_path / "m.onnx", **changed))
    assert message in str(error.value)


def test_a_condition_that_is_no_comparison(tmp_path: Path) -> None:
    file = File()
    image = file.quant("in", "image", PIXEL, 8)
    file.constants.append(numpy_helper.from_array(np.ones((1, 1, 8, 8), np.bool_), "always"))
    path = file.save(tmp_path / "m.onnx", file.node("Where", "choose", ["always", image, image]))
    with pytest.raises(UserError, match="its condition must be the fourth channel of an image, at least"):
        read(path)


def filler(path: Path, **changed: Any) -> Path:
    """image -> conv to a score -> the image filled where it reaches one half; `changed`: what is wrong."""
    file = File(shape=(1, 3, 8, changed.get("width", 8)))
    image = file.quant("in", "image", PIXEL, 8)
    if "image_bits" in changed:
        image = file.convolved("other", image, 3, bits=changed["image_bits"])
    if changed.get("fourth_of_another"):
        flag = file.reached("flag", file.channels("map", file.convolved("more", image, 4), 3, 4))
    elif changed.get("half_a_side"):
        weights = file.weights("wide", kernel(1, 3, 2, 2))
        sums = file.node("Conv", "half", [image, weights], strides=[2, 2], kernel_shape=[2, 2])
        flag = file.reached("flag", file.quant("half_q", sums, PIXEL, 8))
    else:
        score = file.convolved("score", image, changed.get("scores", 1), bits=changed.get("score_bits", 8))
        flag = score if changed.get("no_comparison") else file.reached("flag", score)
    filled = file.fill("fill", image, flag, changed.get("levels", 2), changed.get("sweeps", 0))
    if changed.get("twice"):
        filled = file.fill("again", filled, flag)
    return file.save(path, filled)


def test_an_image_filled_where_its_score_says(tmp_path: Path) -> None:
    network = read(filler(tmp_path / "m.onnx"))
    conv, mark, *pyramid = network.layers
    assert isinstance(conv, Convolution)
    assert made_by(mark) == "PixelMark_rtl"
    assert mark.sources == (conv.result, network.image_in)
    assert pyramid_of(pyramid, mark.result, 2) is network.image_out
    assert (network.image_out.channels, network.image_out.bits, network.image_out.scale) == (
        3,
        8,
        PIXEL_SCALE,
    )


def test_what_is_filled_and_then_swept(tmp_path: Path) -> None:
    network = read(filler(tmp_path / "m.onnx", sweeps=3))
    _, mark, *pyramid = network.layers
    pyramid, sweeps = pyramid[:-3], pyramid[-3:]
    bilinear = pyramid_of(pyramid, mark.result, 2)
    assert bilinear.channels == 4, "sweeps look at the flags"
    assert [made_by(sweep) for sweep in sweeps] == ["PyramidRelax_rtl"] * 3
    assert sweeps[0].inputs == (bilinear,)
    assert sweeps[-1].outputs == (network.image_out,)
    assert network.image_out.channels == 3
    nodes = [node for node in dataflow.build(network).graph.node if node.op_type == "PyramidRelax_rtl"]
    assert [getCustomOp(node).get_nodeattr("KeepFlag") for node in nodes] == [1, 1, 0]
    assert nodes[-1].output[0] == "image_out"


def pyramid_of(layers: list[Layer], bottom: Tensor, levels: int) -> Tensor:
    """What `layers` make of `bottom`: so many halvings, and back level by level."""
    up, down = layers[:levels], layers[levels:]
    sides = [bottom]
    for halve in up:
        assert made_by(halve) == "PyramidHalve_rtl"
        assert halve.inputs == (sides[-1],)
        sides.append(halve.result)
    shapes = [(level.height, level.width, level.channels, level.bits) for level in sides]
    assert shapes == [(bottom.height >> n, bottom.width >> n, 4, 8) for n in range(levels + 1)]
    above = sides.pop()
    for double in down:
        assert made_by(double) == "PyramidDouble_rtl"
        assert double.sources == (above, sides.pop())
        above = double.result
    assert not sides
    return above


SCORE = "node GreaterOrEqual_0 (GreaterOrEqual): "


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"levels": 0}, "node PyramidFill_0 (PyramidFill): levels must be 1 to 6, got 0"),
        ({"levels": 7}, "node PyramidFill_0 (PyramidFill): levels must be 1 to 6, got 7"),
        ({"levels": 4}, "node PyramidFill_0 (PyramidFill): 8x8 px can't be halved 4 times"),
        ({"sweeps": 5}, "node PyramidFill_0 (PyramidFill): sweeps must be 0 to 4, got 5"),
        ({"sweeps": -1}, "node PyramidFill_0 (PyramidFill): sweeps must be 0 to 4, got -1"),
        ({"sweeps": 1, "width": 4}, "rows of 4 px can't be swept, only of 6 and more"),
        ({"no_comparison": True}, "(PyramidFill): what is broken must come from a score or a map, at least"),
        ({"half_a_side": True}, "(PyramidFill): its image and what is broken must have one size, 8 bits, sc"),
        ({"image_bits": 7}, "(PyramidFill): its image and what is broken must have one size, 8 bits, sc"),
        ({"twice": True}, "node PyramidFill_1 (PyramidFill): only one image can be filled, and this is the"),
        (
            {"fourth_of_another": True},
            "what is broken must be the image's own map, or a score of one channel",
        ),
        ({"scores": 2}, SCORE + "it must look at the fourth channel of a quantized image, or at a score"),
        ({"score_bits": 7}, SCORE + "what it looks at must be the last channel, of 8 bits, scale 1/255"),
    ],
    ids=str,
)
def test_fillings_that_are_none_of_this_hardware(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        read(filler(tmp_path / "m.onnx", **changed))
    assert message in str(error.value)


def corrector(path: Path, **changed: Any) -> Path:
    """image and map -> filled -> conv to a correction, for what the map says; `changed`: what is wrong."""
    file = File(shape=(1, 4, 8, 8))
    image = file.quant("in", "image", PIXEL, 8)
    colours, broken = file.channels("colours", image, 0, 3), file.channels("map", image, 3, 4)
    flag = file.reached("flag", broken)
    filled = file.fill("fill", colours, flag)
    parts = {"filled": filled, "map": broken, "colours": colours}
    if "map_of_another" in changed.get("joined", ()):
        parts["map_of_another"] = file.channels("others", file.convolved("more", image, 4, 4), 3, 4)
    joined = [parts[name] for name in changed.get("joined", ("filled", "map"))]
    whole = file.node("Concat", "join", joined, axis=changed.get("axis", 1))
    outputs, bits = changed.get("corrections", 3), changed.get("correction_bits", 8)
    correction = file.convolved("correction", whole, outputs, 4, bits)
    if outputs > 3:
        correction = file.channels("three", correction, 0, 3)
    kept = file.channels("kept", whole, 0, 3)
    operand = file.channels("unmapped", correction, 0, 3) if changed.get("corrected_correction") else kept
    x = file.node("Add", "sum", [operand, correction])
    for n in range(changed.get("shifts", 1)):
        x = file.node("Sub", f"neutral{n}", [x, file.constant(f"less{n}", changed.get("less", NEUTRAL))])
    if changed.get("shifted_image"):
        x = file.node("Sub", "odd", [correction, file.constant("less", NEUTRAL)])
    if changed.get("shifted_by_itself"):
        x = file.node("Sub", "odd", [x, correction])
    if changed.get("convolved"):
        x = file.convolved("late", x, 3)
    if changed.get("quantized", True):
        x = file.quant("out", file.node("Relu", "relu", [x]), PIXEL, changed.get("bits", 8))
    if not changed.get("flag_of_the_image"):
        flag = file.reached("flag2", file.channels("map2", whole, 3, 4))
    other = colours if changed.get("instead_of_the_image") else kept
    return file.save(path, file.node("Where", "choose", [flag, x, other]))


def test_an_image_filled_and_corrected_where_its_map_says(tmp_path: Path) -> None:
    network = read(corrector(tmp_path / "m.onnx"))
    *pyramid, conv, correct = network.layers
    filled = pyramid_of(pyramid, network.image_in, 2)
    assert filled.channels == 4
    assert isinstance(conv, Convolution)
    assert conv.source is filled
    assert made_by(correct) == "PixelCorrect_rtl"
    assert correct.sources == (conv.result, filled)
    assert network.image_out is correct.result
    assert (correct.result.channels, correct.result.bits, correct.result.scale) == (3, 8, PIXEL_SCALE)


LESS = "(Quant): a corrected image must be less 128/255 and be quantized to 8 bits, scale 1/255"
CHOICE = "(Where): it must choose between an image and its correction by the image's map"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"correction_bits": 7}, "(Add): image and correction must have one size, 8 bits, scale 1/255"),
        ({"corrections": 4}, "(Add): it must add a correction of three channels to an image with a map"),
        ({"shifts": 2}, "(Sub): it must take the neutral value off a corrected image"),
        ({"less": 0.5}, "(Sub): it must take off the constant 128/255, 0.50196"),
        ({"less": [NEUTRAL] * 3}, "(Sub): it must take off the constant 128/255, 0.50196"),
        ({"shifts": 0, "shifted_by_itself": True}, "(Sub): it must take off the constant 128/255, 0.50196"),
        ({"shifts": 0}, LESS),
        ({"bits": 7}, LESS),
        ({"convolved": True}, "must be quantized first"),
        ({"quantized": False}, CHOICE),
        ({"flag_of_the_image": True}, CHOICE),
        ({"instead_of_the_image": True}, CHOICE),
    ],
    ids=str,
)
def test_corrections_that_are_none_of_this_hardware(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        read(corrector(tmp_path / "m.onnx", **changed))
    assert message in str(error.value)


def test_weights_names_and_shapes(tmp_path: Path) -> None:
    network = read(autoencoder(tmp_path / "m.onnx"))
    conv, deconv = network.layers
    assert isinstance(conv, Convolution)
    assert isinstance(deconv, TransposedConvolution)
    assert [layer.name for layer in network.layers] == ["conv1", "deconv1"]
    equal("conv weights", conv.weights, (kernel(4, 3, 4, 4) / 0.5).astype(int))
    equal("deconv weights", deconv.weights, (kernel(4, 3, 4, 4, seed=1) / 0.5).astype(int))
    assert (conv.stride, conv.pads, conv.weight_bits) == ((2, 2), (1, 1, 1, 1), 4)
    assert (deconv.stride, deconv.pad) == (2, (1, 1))
    image, middle = network.image_in, conv.result
    assert (image.height, image.width, image.channels, image.bits, image.maximum) == (8, 8, 3, 8, 255)
    assert (middle.height, middle.width, middle.channels, middle.bits, middle.maximum) == (4, 4, 4, 4, 15)
    assert network.image_out is deconv.result
    assert conv.source is image
    assert deconv.source is middle


def test_thresholds_stand_for_scales_and_biases(tmp_path: Path) -> None:
    """a * (0.5 / 255) + b >= (t - 1/2) / 8; no accumulator of these weights comes near a tie."""
    conv = read(autoencoder(tmp_path / "m.onnx")).layers[0]
    bias = np.array([0.25, -0.5, 0.0, 1.0])
    flat = conv.weights.reshape(4, -1)
    lowest = 255 * int(np.minimum(flat, 0).sum(1).min())
    highest = 255 * int(np.maximum(flat, 0).sum(1).max())
    crossing = ((np.arange(1, 16) - 0.5) / 8 - bias[:, None]) / (0.5 * PIXEL_SCALE)
    equal("thresholds", conv.thresholds, np.clip(np.ceil(crossing).astype(int), lowest, highest + 1))


def test_rows_that_no_window_reaches_are_not_padded(tmp_path: Path) -> None:
    """k3 s2 p1 over 8 rows: the last window ends at row 7, so the bottom and right zeros are left out."""
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    network = read(autoencoder(tmp_path / "m.onnx", kernel1=kernel(4, 3, 3, 3), conv=conv))
    assert network.layers[0].pads == (1, 1, 0, 0)


def test_least_margin_is_the_distance_to_the_nearest_tie(tmp_path: Path) -> None:
    network = read(autoencoder(tmp_path / "m.onnx"))
    scales = (0.5 * PIXEL_SCALE, [0.25, -0.5, 0.0, 1.0], 0.125, 4), (0.5 * 0.125, [0.0] * 3, PIXEL_SCALE, 8)
    nearest = []
    for layer, (scale, bias, result, bits) in zip(network.layers, scales, strict=True):
        crossing = ((np.arange(1, 2**bits) - 0.5) * result - np.array(bias)[:, None]) / scale
        reach = layer.thresholds.max()
        inside = crossing[(crossing <= reach) & (crossing >= layer.thresholds.min() - 1)]
        nearest.append(np.abs(inside - np.round(inside)).min())
    assert network.least_margin == pytest.approx(min(nearest), rel=1e-6)


def test_a_tie_out_of_reach_is_no_tie(tmp_path: Path) -> None:
    """A bias of 100 puts all thresholds of its channel below any sum, the first of them on an integer."""
    tie = 100 + (0.5 / 8 / (0.5 * PIXEL_SCALE) % 1) * 0.5 * PIXEL_SCALE
    bias = np.float32([*BIAS[:3], tie]).astype(float)
    crossing = (0.5 / 8 - bias[3]) / (0.5 * PIXEL_SCALE)
    assert abs(crossing - round(crossing)) < 0.005, "float32 has no nearer one"
    fine = {"scale": PIXEL_SCALE / (5 * 0.125)}  # the last layer's thresholds lie between integers
    least = read(autoencoder(tmp_path / "m.onnx", weights2=fine)).least_margin
    network = read(autoencoder(tmp_path / "tie.onnx", weights2=fine, bias=list(bias)))
    assert least > 0.01
    assert network.least_margin >= least


@pytest.mark.parametrize("sum_bits", [None, 4])
def test_a_generator_as_it_is_exported(sum_bits: int | None, tmp_path: Path) -> None:
    case = Case(widths=(4, 6, 8), sum_bits=sum_bits, weight_bits=3, layer_weight_bits={"enc1": 8})
    network = twin(case)
    export(network, case.height, case.width, tmp_path / "m.onnx")
    layers = read(tmp_path / "m.onnx").layers
    requant = ["requant"] if sum_bits else []
    kinds = ["conv"] * 4 + ["deconv", "add", *requant, "deconv", "add", *requant, "deconv"]
    assert [layer.name.rstrip("123456789") for layer in layers] == kinds
    assert sum(isinstance(layer, Requantization) for layer in layers) == 2 * len(requant)
    adds = [layer for layer in layers if isinstance(layer, Operation)]
    assert [(add.result.bits, add.result.maximum) for add in adds] == [(5, 30), (5, 30)]
    assert adds[0].sources[1] is layers[1].result
    assert adds[1].sources[1] is layers[0].result
    modules = [*network.enc, network.center, *network.dec]
    matrices = [layer for layer in layers if isinstance(layer, Convolution | TransposedConvolution)]
    for layer, module in zip(matrices, modules, strict=True):
        equal(layer.name, layer.weights, module.quant_weight().int().numpy().astype(np.int64))
    assert [layer.weight_bits for layer in matrices] == [8] + [3] * 6


def _gelu(file: File, x: str) -> str:
    return file.node("Gelu", "odd", [x])


def _unlike_sum(file: File, x: str) -> str:
    other = file.quant("act2", x, 0.25, 4)
    return file.node("Add", "sum", [x, other])


def _half_sum(file: File, x: str) -> str:
    return file.node("Add", "sum", [x, "enc_y"])


def _again(file: File, x: str) -> str:
    weights = file.weights("w9", kernel(4, 4, 1, 1))
    return file.node("Conv", "unquantized", [x, weights])


def _plain_weights(file: File, x: str) -> str:
    return file.node("Conv", "plain", [x, file.constant("w8", kernel(4, 4, 1, 1))])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"behind_act": _gelu},
            "node Gelu_0 (Gelu): there is no hardware for it; GELU rises and falls: use ReLU, leaky",
        ),
        (
            {"behind_act": _unlike_sum},
            "node Add_0 (Add): its operands have scales 0.125 (node Quant_3 (Quant)) and 0.25 (node",
        ),
        ({"behind_act": _half_sum}, "node Add_0 (Add): both operands must be quantized tensors"),
        ({"behind_conv": _again}, "node Conv_1 (Conv): its input Conv_0_out0 must be quantized first"),
        ({"behind_act": _plain_weights}, "node Conv_1 (Conv): its weights must come from a Quant node over"),
        ({"weights1": {"bits": 9}}, "node Quant_1 (Quant): bit widths must be 2 to 8, got 9"),
        ({"weights1": {"bits": 1}}, "node Quant_1 (Quant): bit widths must be 2 to 8, got 1"),
        ({"act": {"bits": 9}}, "node Quant_3 (Quant): bit widths must be 2 to 8, got 9"),
        ({"act": {"bits": 3.5}}, "node Quant_3 (Quant): bit widths must be 2 to 8, got 3.5"),
        ({"act": {"zero": 3}}, "node Quant_3 (Quant): the zero point must be 0, got 3"),
        (
            {"act": {"scale": np.full((1, 4, 1, 1), 0.125)}},
            "node Quant_3 (Quant): activations must have one scale, got 4",
        ),
        ({"act": {"scale": -0.125}}, "node Quant_3 (Quant): scales must be positive, got -0.125"),
        ({"act": {"scale": np.inf}}, "its constant Quant_3_param0 must be finite, it holds NaN or infinity"),
        (
            {"act": {"rounding_mode": "FLOOR"}},
            "node Quant_3 (Quant): rounding must be ROUND (half to even), got",
        ),
        ({"weights1": {"signed": 0, "narrow": 0}}, "node Quant_1 (Quant): weights must be signed"),
        ({"shape": (2, 3, 8, 8)}, "must have the fixed shape (1, C, H, W), got (2, 3, 8, 8)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = autoencoder(tmp_path / "m.onnx", **changed)
    with pytest.raises(UserError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_relu_on_the_raw_image(tmp_path: Path) -> None:
    file = File()
    path = file.save(tmp_path / "m.onnx", file.node("Relu", "early", ["image"]))
    with pytest.raises(UserError, match=r"node Relu_0 \(Relu\): it reads the input .* as floating point"):
        read(path)


def test_two_inputs(tmp_path: Path) -> None:
    file = File(inputs=("image", "other"))
    total = file.node("Add", "sum", ["image", "other"])
    with pytest.raises(UserError, match="expected one input and one or more outputs, got 2: "):
        read(file.save(tmp_path / "m.onnx", total))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.onnx: no such file; expected a QONNX model"):
        read(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x09\x12\xff\xff\xff"])
def test_damaged_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"m\.onnx: not a readable QONNX model: ."):
        read(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_off_file(share: float, tmp_path: Path) -> None:
    path = autoencoder(tmp_path / "m.onnx")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"m\.onnx: "):
        read(path)
