"""From a general network's description to its QONNX file and its lowered build, in a folder."""

from pathlib import Path

from hls.lower import lower
from pixelmend.files import write_json
from sim.family import random_folding, written
from sim.fuzz.net import Net
from sim.fuzz.qonnx_file import write

NO_CAPS = 100.0  # every folding fits: what is drawn is to be simulated, not built


def lowered(net: Net, folder: Path) -> tuple[Path, Path]:
    """The QONNX file and the build."""
    model = write(net, folder / "network.onnx")
    folding = None
    if net.folding_seed is not None:
        folding = folder / "folding.json"
        write_json(folding, random_folding(model, net.folding_seed))
    size = net.height, net.width
    config = written(folder / "config.toml", size, net.target_fps, net.pixels_per_beat, NO_CAPS)
    lower(model, config, folder / "build", folding)
    return model, folder / "build"
