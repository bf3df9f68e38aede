"""The table of parts."""

import pytest

from hls import parts
from hls.config import HlsConfig
from pixelmend.errors import UserError


@pytest.mark.parametrize(
    ("name", "family", "cells", "uram"),
    [
        ("xc7z020clg400-1", "xc7", {"lut": 53200, "ff": 106400, "dsp": 220, "bram36": 140}, 0),
        ("xck26-sfvc784-2LV-c", "xcup", {"lut": 117120, "ff": 234240, "dsp": 1248, "bram36": 144}, 64),
        ("xczu7ev-ffvc1156-2-e", "xcup", {"lut": 230400, "ff": 460800, "dsp": 1728, "bram36": 312}, 96),
        ("XC7Z020CLG400-1", "xc7", {"lut": 53200, "ff": 106400, "dsp": 220, "bram36": 140}, 0),
    ],
)
def test_rows(name: str, family: str, cells: dict[str, float], uram: int) -> None:
    part = parts.find(name)
    assert (part.family, part.uram) == (family, uram)
    assert part.cells() == cells


def test_default_part_is_known() -> None:
    assert parts.find(HlsConfig().part).name == "xc7z020"


@pytest.mark.parametrize("part", parts.parts().values(), ids=lambda part: part.name)
def test_shell_is_an_allowance_and_small(part: parts.Part) -> None:
    assert "allowance" in part.shell.why
    assert all(part.shell.cells()[key] < 0.15 * number for key, number in part.cells().items())


@pytest.mark.parametrize("name", ["xc7z010clg400-1", "xc7z0", "", "virtex"])
def test_unknown_part_names_the_known(name: str) -> None:
    with pytest.raises(
        UserError, match=rf"part '{name}': expected one that opens with xc7z020, xck26, xczu7"
    ):
        parts.find(name)
