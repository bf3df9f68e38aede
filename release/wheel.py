"""The driver as a wheel: pure Python, made without a build tool, the same bytes from the same sources."""

import base64
import hashlib
import zipfile
from pathlib import Path

import board
from pixelmend.files import replacing

NAME = "pixelmend_board"
REQUIRES = ("numpy>=1.21", "pillow>=9")
"""As on PYNQ 3.0's image; pynq itself comes with the image."""

PYTHON = ">=3.10"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip file can tell


def make(folder: Path, version: str) -> Path:
    """Write the wheel into `folder`; its path."""
    sources = Path(board.__file__).parent
    files = {f"board/{path.name}": path.read_bytes() for path in sorted(sources.glob("*.py"))}
    info = f"{NAME}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in REQUIRES)
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: pixelmend-board\nVersion: {version}\nLicense: Apache-2.0\n"
        f"Summary: Driver of the pixelmend accelerator on a PYNQ board\n"
        f"Requires-Python: {PYTHON}\n{needs}"
    ).encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: pixelmend\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = "".join(f"{name},{_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    path = folder / f"{NAME}-{version}-py3-none-any.whl"
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return path


def _digest(data: bytes) -> str:
    """As RECORD wants it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
