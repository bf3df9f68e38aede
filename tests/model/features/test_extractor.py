"""Feature extractors: their forms and names, torchvision's files, and training without labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data as pictures
from torch import Tensor
from torch.nn import functional as nn

from model.checkpoint import load as load_checkpoint
from model.crops import CropPool
from model.features.extractor import (
    ALEXNET_SHIPPED,
    KIND,
    SHIPPED,
    Extractor,
    ExtractorConfig,
    load_extractor,
)
from model.features.pretext import Which, drawn, in_other_light, layer_scales, train
from pixelmend.config import load
from pixelmend.errors import UserError
from pixelmend.files import read_json
from pixelmend.provenance import ROOT

SMALL = ExtractorConfig("vgg", (4, 6), (2, 1))
CONFIG = """
[features]
widths = [4, 6]
convolutions = [1, 1]

[train]
steps = 6
batch = 2
crop = 16
betas = [0.9, 0.99]
validate_every = 3
validation_crops = 4
"""


def frames(side: int = 16) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))


def test_layers_of_vgg_by_their_names() -> None:
    extractor = Extractor(SMALL).eval()
    assert extractor.names == (
        "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "relu2_1", "pool2",
    )  # fmt: skip
    state, x = extractor.state_dict(), frames()
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    y = (x - mean[:, None, None]) / deviation[:, None, None]
    for index in (0, 2):
        y = nn.relu(
            nn.conv2d(y, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1)
        )
    found = extractor.results(x, ["relu1_2", "pool2"])
    assert torch.allclose(found["relu1_2"], y, atol=1e-6)
    y = nn.relu(
        nn.conv2d(nn.max_pool2d(y, 2), state["features.5.weight"], state["features.5.bias"], padding=1)
    )
    assert torch.allclose(found["pool2"], nn.max_pool2d(y, 2), atol=1e-6)
    assert [extractor.stride(name) for name in ("relu1_2", "pool1", "pool2")] == [1, 2, 4]
    assert [extractor.channels(name) for name in ("relu1_2", "pool1", "conv2_1")] == [4, 4, 6]


def test_alexnet_normalizes_its_local_responses() -> None:
    """b[c] = a[c] / (2 + 1e-4/5 * sum of a[k]^2 over five channels around c)^0.75, by hand at every place."""
    extractor = Extractor(ExtractorConfig("alexnet", (6, 8, 8, 8, 6))).eval().requires_grad_(False)
    found = extractor.results(100 * frames(64), ["relu1", "lrn1"])
    a, b = found["relu1"].numpy(), found["lrn1"].numpy()
    for c in range(6):
        around = (a[:, max(0, c - 2) : c + 3] ** 2).sum(1)
        assert np.allclose(b[:, c], a[:, c] / (2 + 1e-4 / 5 * around) ** 0.75, rtol=1e-4)
    assert extractor.stride("pool5") == 32
    assert extractor.results(frames(64), ["pool5"])["pool5"].shape == (2, 6, 2, 2)


@pytest.mark.parametrize(
    "shape",
    [
        ExtractorConfig("vgg", (4, 6, 8), (2, 2, 3)),  # VGG16's counts are 2, 2, 3, 3, 3
        ExtractorConfig("vgg", (4, 6), (1, 1)),  # VGG11 begins with single ones
        ExtractorConfig("alexnet", (4, 6, 8, 8, 6), normalized=False, whole=False),
    ],
    ids=["vgg", "vgg11", "alexnet"],
)
def test_a_file_of_torchvisions_tells_its_shape(shape: ExtractorConfig, tmp_path: Path) -> None:
    theirs = Extractor(shape).eval()
    path = tmp_path / "theirs.pth"
    torch.save(theirs.state_dict() | {"classifier.0.weight": torch.zeros(2, 2)}, path)
    ours = load_extractor(path)
    name = ours.names[-1]
    x = frames(64)
    assert torch.equal(ours.results(x, [name])[name], theirs.results(x, [name])[name])
    assert not any(weight.requires_grad for weight in ours.parameters())


def test_what_is_no_extractor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.pth: no such file; expected torchvision's state dict"):
        load_extractor(tmp_path / "nowhere.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(UserError, match="expected a state dict of torch"):
        load_extractor(tmp_path / "text.pth")
    torch.save({"layer1.0.weight": torch.zeros(2, 2, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"expected tensors features.N.weight"):
        load_extractor(tmp_path / "other.pth")
    with pytest.raises(UserError, match="no layer 'relu9_1'; there are conv1_1, relu1_1"):
        Extractor(SMALL).stride("relu9_1")
    with pytest.raises(UserError, match="expected as many convolutions as widths"):
        Extractor(ExtractorConfig("vgg", (4, 6), (1,)))
    with pytest.raises(UserError, match="AlexNet has 5 layers"):
        Extractor(ExtractorConfig("alexnet", (4, 6)))


def test_other_light_is_a_gain_and_an_offset_of_each_colour() -> None:
    x = 0.4 + 0.2 * frames().repeat(
        200, 1, 1, 1
    )  # nothing is clipped at the usual gains and offsets of these
    made = in_other_light(x, torch.Generator().manual_seed(0))
    grey = 0
    for before, after in zip(x.numpy(), made.numpy(), strict=True):
        inside = (after > 0).all() and (after < 1).all()
        mean = before.mean(0)
        without = all(np.corrcoef(colour.ravel(), mean.ravel())[0, 1] > 0.9999 for colour in after)
        grey += without
        for a, b in zip(before, after, strict=True):
            gain, offset = np.polyfit((mean if without else a).ravel(), b.ravel(), 1)
            assert not inside or (0.94 < gain < 1.06 and -0.04 < offset < 0.04)
    assert 7 <= grey <= 33, "one in twenty of 400"


def test_crops_know_their_photograph() -> None:
    photos = [np.full((20, 20, 3), level, np.uint8) for level in (40, 120, 200)]
    crops, which = drawn(CropPool(photos, 16), 30, 3)
    assert set(which.tolist()) == {0, 1, 2}
    levels = [float(crops[which == n].mean()) for n in range(3)]
    assert levels == sorted(levels)
    again, _ = drawn(CropPool(photos, 16), 30, 3)
    assert torch.equal(crops, again)


def test_training_writes_an_extractor_and_its_scales(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "features.toml"
    config.write_text(CONFIG)
    path = train(config, data, tmp_path / "one")
    extractor = load_extractor(path)
    assert extractor.config == ExtractorConfig("vgg", (4, 6), (1, 1))
    assert extractor.scales.keys() == set(extractor.names)
    assert extractor.scales["pool1"] <= extractor.scales["relu1_1"] * 1.5
    assert min(extractor.scales.values()) > 0
    assert [row["step"] for row in read_json(tmp_path / "one" / "features.json")["curve"]] == [3, 6]
    assert train(config, data, tmp_path / "two").read_bytes() == path.read_bytes(), "one seed, the same file"


def test_a_scale_is_what_nearly_all_values_are_below() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        extractor = Which(SMALL, 2).extractor.eval()
    crops = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    scales = layer_scales(extractor, crops)
    x = torch.from_numpy(crops).permute(0, 3, 1, 2) / 255
    values = extractor.results(x, ["relu1_2"])["relu1_2"]
    assert float((values <= scales["relu1_2"]).float().mean()) == pytest.approx(0.999, abs=5e-4)


@pytest.mark.parametrize(("path", "config"), [(SHIPPED, "features"), (ALEXNET_SHIPPED, "features-alexnet")])
def test_those_that_ship(path: str, config: str) -> None:
    """Their configurations' shapes, with a scale for each layer; their layers are no edge detectors that forget the
    image: a linear map of 3x3 results finds nearly all of it.
    """
    extractor = load_extractor(Path(path))
    assert extractor.config == load(ROOT / "configs" / f"{config}.toml", "features", ExtractorConfig)
    assert extractor.scales.keys() == set(extractor.names)
    assert load_checkpoint(ROOT / path, KIND).made_by["best"]["right"] > 0.35, "of 135 photographs"
    layer = "relu1_2" if config == "features" else "lrn1"
    stride = extractor.stride(layer)
    image = torch.from_numpy(np.asarray(pictures.coffee())[:256, :256]).permute(2, 0, 1)[None] / 255
    results = nn.unfold(extractor.results(image, [layer])[layer], 3, padding=1)[0].T.double()
    wanted = nn.unfold(image, stride, stride=stride)[0].T.double()
    results = torch.cat([results, torch.ones(len(results), 1, dtype=torch.float64)], 1)
    known = results[::2]
    ridge = 1e-6 * len(known) * torch.eye(known.shape[1], dtype=torch.float64)
    solution = torch.linalg.solve(known.T @ known + ridge, known.T @ wanted[::2])
    left = (results[1::2] @ solution - wanted[1::2]).square().mean() / wanted.var(0).mean()
    assert float(left) < 0.3
