"""Where `ap_int.h` and `hls_stream.h` are: the vendor's with `XILINX_HLS` set, else the Apache-2 ones.

The vendor published its arbitrary-precision types under Apache-2; hls4ml carries them. Its wheel, pinned, is
downloaded and verified but not installed (it would bring five packages that nothing here needs), and the
headers are taken out.
"""

import os
from pathlib import Path

from pixelmend.archives import Archive, Downloader, members, obtain, pip_download
from pixelmend.errors import UserError
from pixelmend.files import replacing_folder
from pixelmend.native import locked

WHEEL = Archive(
    name="hls4ml",
    version="1.3.0",
    file="hls4ml-1.3.0-py3-none-any.whl",
    bytes=3300830,
    sha256="01bf1de2cd9bca56699b9fe3385cb1735026b022f9580fe1d73faf192dfb90f2",
    licence="Apache-2.0",
    members=("hls4ml/templates/vivado/ap_types/*.h",),
)
NEEDED = ("ap_int.h", "hls_stream.h")


def headers(cache: Path, download: Downloader = pip_download) -> Path:
    """The folder to include; those of the wheel are kept in `cache`.

    Raises `UserError` where `XILINX_HLS` leads nowhere or the wheel can't be had.
    """
    vendor = os.environ.get("XILINX_HLS")
    if vendor:
        return _checked(Path(vendor) / "include", "XILINX_HLS")
    folder = cache / f"ap_types-{WHEEL.version}-{WHEEL.sha256[:8]}"
    with locked(cache / "locks" / folder.name):
        if not folder.is_dir():
            archive = obtain(cache / ".archives", WHEEL, download, lambda count: None)
            with replacing_folder(folder) as work:
                for path, data in members(archive, WHEEL):
                    target = work.joinpath(*path.parts[path.parts.index("ap_types") + 1 :])
                    target.parent.mkdir(exist_ok=True)
                    target.write_bytes(data)
            archive.unlink()
    return _checked(folder, "the wheel of hls4ml")


def _checked(folder: Path, origin: str) -> Path:
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder} ({origin}): expected the header {missing[0]}, found nothing there")
    return folder
