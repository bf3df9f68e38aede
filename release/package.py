"""All that is copied to the board, as one archive.

    python -m release.package build/tiny --config configs/tiny.toml

writes build/tiny/pixelmend-board-<config>-<board>.tar.gz: overlay/ (the bitstream, or a placeholder where
none was built), the driver as a wheel, samples/ with the digests of what the integer model makes of them, a
notebook and a README.
"""

import tempfile
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from board.overlay import BITSTREAM, HANDOFF, PLACEHOLDER
from model.tasks import task_of
from pixelmend.console import note, run
from pixelmend.files import write_archive
from pixelmend.provenance import ROOT
from release import notebook, samples, wheel
from release.overlay import find_or_make
from sim.integer import IntegerModel

README = Path(__file__).parent / "package_readme.md"


def package(build: Path, config: Path, board: str) -> Path:
    """The archive's path. `UserError` for a bad build."""
    overlay = find_or_make(build, config, board)
    model = IntegerModel.load(build / "dataflow.onnx")
    name = f"pixelmend-board-{overlay.config}-{board}"
    files = {
        f"overlay/{file}": (overlay.folder / file).read_bytes() for file in (BITSTREAM, HANDOFF, "io.json")
    }
    files |= {
        f"samples/{file}": data for file, data in samples.files(overlay, model, task_of(config)).items()
    }
    files["pixelmend.ipynb"] = notebook.text(overlay.ports.repairs).encode()
    files["README.md"] = README.read_bytes()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    with tempfile.TemporaryDirectory() as folder:
        made = wheel.make(Path(folder), version)
        files[made.name] = made.read_bytes()
    path = build / f"{name}.tar.gz"
    write_archive(path, name, files)
    built = not files[f"overlay/{BITSTREAM}"].startswith(PLACEHOLDER)
    note(
        f"{path}: {len(files)} files, {'the bitstream' if built else 'a placeholder for the bitstream'} in it"
    )
    return path


def main(
    build: Annotated[Path, typer.Argument(help="folder of a lowered build, e.g. build/tiny")],
    config: Annotated[Path, typer.Option(help="configuration it was lowered for")],
    board: Annotated[str, typer.Option(help="pynq-z2, pynq-z1 or kv260")] = "pynq-z2",
) -> None:
    """Pack what is copied to the board."""
    package(build, config, board)


if __name__ == "__main__":
    run(main)
