"""Files damaged at random: whatever reads them says so in one error of ours, or reads them.

Hypothesis draws the damage and shrinks what fails. Its seed is fixed, so a failure repeats.
"""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import board.defectmap
import board.errors
import board.overlay
import board.pictures
import hls.dataflow
import hls.fold
import hls.table
import model.evaluate
import model.photos
import quant.qat
from hls import frontend
from model.generator import GeneratorConfig
from model.learn import TrainConfig
from pixelmend import config as configuration
from pixelmend.errors import UserError
from pixelmend.files import read_fields
from quant.qat import QatConfig
from sim.config import SimConfig
from tests.bad_input.place import Place, make

OURS = (UserError, board.errors.BoardError)
REPEATED = settings(
    max_examples=25, derandomize=True, database=None, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip

OFTEN = settings(REPEATED, max_examples=200)  # what takes no time to read

Read = Callable[[Path], Any]


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Cut short, a stretch overwritten, removed or repeated; places are shares of the length."""
    kind = draw(st.sampled_from(["cut", "write", "remove", "repeat"]))
    place = draw(st.floats(0, 1, exclude_max=True))
    new = draw(st.binary(min_size=1, max_size=16))

    def damaged(data: bytes) -> bytes:
        at = int(place * len(data))
        if kind == "cut":
            return data[:at]
        if kind == "write":
            return data[:at] + new + data[at + len(new) :]
        if kind == "remove":
            return data[:at] + data[at + len(new) :]
        return data[:at] + data[at : at + 64] * 2 + data[at + 64 :]

    return damaged


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make(tmp_path_factory.mktemp("place"))


def reads(read: Read, path: Path) -> None:
    """It is read, or refused by one line that names the file."""
    try:
        read(path)
    except OURS as error:
        assert path.stem in str(error), f"the message does not name the file: {error}"
        assert len(str(error).strip().splitlines()) == 1, str(error)


FILES: dict[str, tuple[str, Read]] = {
    "configuration": ("good.toml", lambda path: configuration.load(path, "train", TrainConfig)),
    "float checkpoint": ("float.safetensors", model.evaluate.load_generator),
    "quantized checkpoint": ("qat.safetensors", quant.qat.load_twin),
    "network": ("generator.onnx", frontend.read),
    "graph": ("build/dataflow.onnx", hls.dataflow.read),
    "table": ("build/dataflow.csv", hls.table.read_csv),
    "folding": ("build/folding.json", hls.fold.read),
    "io": ("build/io.json", lambda path: read_fields(path, {"frame.height": int, "rtl_digest": str})),
    "overlay": ("overlay/io.json", lambda path: board.overlay.read(path.parent)),
}


@pytest.mark.parametrize("what", FILES)
@REPEATED
@given(damage=damage())
def test_files_of_ours(place: Place, what: str, damage: Callable[[bytes], bytes]) -> None:
    name, read = FILES[what]
    good = place.folder / name
    whole = good.read_bytes()
    path = good if what == "overlay" else good.with_stem(f"{good.stem}_damaged")
    try:
        path.write_bytes(damage(whole))
        reads(read, path)
    finally:
        path.write_bytes(whole)


def encoded(kind: str) -> bytes:
    """A small picture in a format."""
    pixels = np.random.default_rng(4).integers(0, 256, (12, 17, 3), dtype=np.uint8)
    stream = BytesIO()
    if kind == "npy":
        np.save(stream, pixels)
    elif kind == "map":
        Image.fromarray((pixels[..., 0] > 99) * np.uint8(255)).save(stream, "PNG")
    else:
        Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


PICTURES = {kind: encoded(kind) for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM", "npy", "map")}
READERS: dict[str, Read] = {"npy": board.pictures.read, "map": board.defectmap.read}


@pytest.mark.parametrize("kind", PICTURES)
@OFTEN
@given(damage=damage())
def test_pictures(tmp_path: Path, kind: str, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"picture.{'png' if kind == 'map' else kind.lower()}"
    path.write_bytes(damage(PICTURES[kind]))
    for read in [READERS[kind]] if kind in READERS else [board.pictures.read, model.photos.read_photo]:
        reads(read, path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TABLES: dict[str, type] = {
    "generator": GeneratorConfig,
    "train": TrainConfig,
    "qat": QatConfig,
    "sim": SimConfig,
}


@pytest.mark.parametrize("name", TABLES)
@REPEATED
@given(data=st.data())
def test_any_value_of_any_key(name: str, data: st.DataObject) -> None:
    cls = TABLES[name]
    fields = list(cls.__dataclass_fields__)
    given_keys = data.draw(st.dictionaries(st.sampled_from([*fields, "nobody"]), VALUES, max_size=3))
    try:
        made = configuration.parse(given_keys, cls, f"some.toml: [{name}]")
    except UserError as error:
        assert str(error).startswith(f"some.toml: [{name}] ")
    else:
        numbers = [value for value in vars(made).values() if isinstance(value, float)]
        assert np.isfinite(numbers).all()


@REPEATED
@given(value=VALUES)
def test_any_json_for_an_overlay(tmp_path: Path, value: Any) -> None:
    (tmp_path / "io.json").write_text(
        json.dumps({"format": "pixelmend io 1", "frame": value, "input": value})
    )
    with pytest.raises(board.errors.BoardError, match=r"io\.json: a field is missing or of another kind"):
        board.overlay.read(tmp_path)
