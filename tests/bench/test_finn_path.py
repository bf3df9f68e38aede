"""FINN's path computes what the QONNX file does, and is folded within the budget it is given."""

from pathlib import Path

import pytest

from bench import finn_path, folding, skips
from bench.painted import painted
from bench.streamline_plus import bounded
from bench.versus_finn import random_network
from hls import budget
from hls.config import HlsConfig
from hls.finn_setup import finn_workspace
from hls.frontend import read
from hls.parts import find

CONFIG = """\
[frame]
height = 16
width = 16

[generator]
widths = [8, 16]
spectral_norm = false
"""


@pytest.fixture(
    scope="module", params=["", "[quant]\nsum_bits = 4\n"], ids=["exact sums", "requantized sums"]
)
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    config = folder / "small.toml"
    config.write_text(CONFIG + request.param)
    return random_network(config, folder / "generator.onnx")


def test_finn_lowers_it_exactly_and_folds_within_the_budget(network: Path) -> None:
    hls = HlsConfig()
    part = find(hls.part)
    with finn_workspace():
        lowered = finn_path.lower(network, hls.part)
        assert finn_path.wrong_values(network, lowered) == 0
        plain = folding.use(lowered.dataflow, part)
        best = folding.fastest(lowered.dataflow, hls)
        found = folding.use(best, part)
        heuristic = folding.use(folding.set_folding(lowered.dataflow, hls), part)
    limits = budget.Budget.of(part, hls).limits
    assert found.fits(limits) and heuristic.fits(limits)
    assert found.cycles < plain.cycles
    assert found.cycles <= heuristic.cycles
    (skip,) = skips.whole_tensors(best)
    assert skip.bits == 8 * 8 * 8 * 4  # rows, columns, channels, bits


@pytest.mark.parametrize(
    ("mode", "channels"), [("direct", 3), ("selective", 4), ("mapped", 3), ("filled", 1)]
)
def test_a_network_is_compared_up_to_its_painted_pixels(mode: str, channels: int, tmp_path: Path) -> None:
    config = tmp_path / "small.toml"
    config.write_text(CONFIG + f'mode = "{mode}"\n')
    whole, cut = random_network(config, tmp_path / "whole.onnx"), tmp_path / "cut.onnx"
    assert painted(whole, cut) == (mode != "direct")
    network = read(cut)
    assert network.image_out.channels == channels
    mine = [layer.name for layer in read(whole).layers if "conv" in layer.name or "add" in layer.name]
    assert [layer.name for layer in network.layers] == mine
    with finn_workspace():
        assert finn_path.wrong_values(cut, finn_path.lower(cut, HlsConfig().part)) == 0


def test_a_transformation_that_does_not_end_is_bounded(network: Path) -> None:
    outcome = bounded(network, 0.01)
    assert not outcome.ended
    assert outcome.seconds == 0.01
