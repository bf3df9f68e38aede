"""Networks that qonnx turns to channels last are read as the same networks."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean

from hls.frontend import prepared, read
from pixelmend.errors import UserError
from quant.channels_first import TO_FIRST, TO_LAST, WRAPPED
from quant.zoo import exported
from tests.hls.frontend.files import PIXEL, File, kernel
from tests.hls.frontend.oracle import integers

# Not all of the zoo, for time. `preact` can't serve: qonnx' own conversion of it does not run.
NAMES = ("n2n", "dncnn", "unet_four", "medley")


@pytest.mark.parametrize("name", NAMES)
def test_networks_of_the_zoo(tmp_path: Path, name: str) -> None:
    plain, last = tmp_path / "plain.onnx", tmp_path / "last.onnx"
    exported(name, 8, 12, plain)
    model = prepared(plain).transform(ConvertToChannelsLastAndClean(make_input_channels_last=True))
    assert any(node.domain == WRAPPED for node in model.graph.node)
    model.save(str(last))
    ours, theirs = read(plain), read(last)
    assert Counter(map(type, ours.layers)) == Counter(map(type, theirs.layers))  # in some order
    taken = ours.image_in
    assert taken.shape == theirs.image_in.shape
    frames = np.random.default_rng(1).integers(taken.minimum, taken.maximum + 1, (2, *taken.shape))
    for one, other in zip(integers(ours, frames), integers(theirs, frames), strict=True):
        assert np.array_equal(one, other)


def test_a_raw_image_behind_a_transpose(tmp_path: Path) -> None:
    """As Keras has it: the input is turned first, and quantized then."""
    file = File(shape=(1, 8, 6, 3))
    x = file.quant("in", file.node("Transpose", "t", ["image"], perm=TO_FIRST), PIXEL, 8)
    path = file.save(tmp_path / "a.onnx", file.convolved("c", x, 2))
    assert read(path).image_in.shape == (8, 6, 3)


def test_what_is_left_is_refused(tmp_path: Path) -> None:
    """Rows taken for channels, by a convolution that reads (1, H, W, C)."""
    file = File(shape=(1, 8, 6, 3))
    x = file.quant("in", "image", PIXEL, 8)
    y = file.node("Transpose", "t", [x], perm=TO_FIRST)
    a = file.quant("a", file.node("Conv", "c", [y, file.weights("w", kernel(2, 3, 1, 1))]), PIXEL, 8)
    back = file.node("Transpose", "u", [a], perm=TO_LAST)
    b = file.quant("b", file.node("Conv", "d", [back, file.weights("v", kernel(2, 8, 1, 1))]), PIXEL, 8)
    with pytest.raises(UserError, match=r"node \S*Conv_1\S* \(Transpose\): axes may change their order"):
        read(file.save(tmp_path / "a.onnx", b))
