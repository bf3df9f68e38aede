"""The overlay of a build: its bitstream, or a placeholder where none was built.

    python -m release.overlay build/tiny --config configs/tiny.toml

A placeholder has all that the driver checks and that the simulated board needs; a real board refuses it.
"""

from pathlib import Path
from typing import Annotated

import typer

from board import overlay as overlays
from board.errors import BoardError
from board.overlay import BITSTREAM, HANDOFF, PLACEHOLDER, Overlay
from hls.vivado import plan
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, replacing_folder, write_json


def find_or_make(build: Path, config: Path, board: str) -> Overlay:
    """The overlay of the bitstream that was built of the RTL in `build`, else the placeholder in
    `placeholder-<board>/`, written anew. `UserError` for a bad build.
    """
    made = plan.make(build, config, board, "rtl")
    built = build / f"bitstream-{board}"
    if built.is_dir():
        found = _read(built)
        if found.rtl_digest == made.accelerator.rtl_digest:
            return found
        note(f"{built}: built of other RTL than lies in {build} now, left out; run `make bitstream`")
    folder = build / f"placeholder-{board}"
    with replacing_folder(folder) as temporary:
        for name in (BITSTREAM, HANDOFF):
            text = (
                PLACEHOLDER
                + f": {name} of plan {made.digest} was not built; see docs/bitstream.md\n".encode()
            )
            (temporary / name).write_bytes(text)
        files = {name: file_digest(temporary / name) for name in (BITSTREAM, HANDOFF)}
        write_json(
            temporary / "io.json", plan.io(made.accelerator, made.board, made.digest) | {"files": files}
        )
    return _read(folder)


def _read(folder: Path) -> Overlay:
    try:
        return overlays.read(folder)
    except BoardError as error:
        raise UserError(str(error)) from error


def main(
    build: Annotated[Path, typer.Argument(help="folder of a lowered build, e.g. build/tiny")],
    config: Annotated[Path, typer.Option(help="configuration it was lowered for")],
    board: Annotated[str, typer.Option(help="pynq-z2, pynq-z1 or kv260")] = "pynq-z2",
) -> None:
    """Name the overlay of a build; make a placeholder where no bitstream was built."""
    note(str(find_or_make(build, config, board).folder))


if __name__ == "__main__":
    run(main)
