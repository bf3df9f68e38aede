"""The headers of the HLS C++: those that all kernels share, and each operator's own."""

from pathlib import Path

from hls.ops import operators

COMMON = Path(__file__).parents[1] / "kernels"


def headers() -> list[Path]:
    """All headers; in a project they lie in one folder, so no two have the same name."""
    own = [path for operator in operators().values() for path in operator.kernels()]
    return [*sorted(COMMON.glob("*.hpp")), *dict.fromkeys(own)]


def folders() -> list[Path]:
    """Where a compiler finds them in the source tree."""
    return list(dict.fromkeys(path.parent for path in headers()))
