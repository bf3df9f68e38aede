"""Our packing of memory words against FINN's, digit by digit."""

from pathlib import Path

import numpy as np
import pytest
from finn.custom_op.fpgadataflow import matrixvectoractivation
from finn.util.data_packing import pack_innermost_dim_as_hex_string as finn_pack
from qonnx.core.datatype import DataType

from hls.rtl.packing import fast_packing, pack
from pixelmend.errors import UserError
from tests.networks import Case, lowered


@pytest.mark.parametrize(
    "name", ["INT2", "INT3", "INT4", "INT8", "INT17", "UINT1", "UINT5", "UINT8", "BINARY"]
)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_equals_finn(name: str, reverse: bool, count: int) -> None:
    kind = DataType[name]
    rng = np.random.default_rng(count)
    values = rng.integers(int(kind.min()), int(kind.max()) + 1, (2, 5, count)).astype(np.float32)
    exact = -(-count * kind.bitwidth() // 4) * 4
    for bits in (exact, exact + 4, exact + 24):
        got, want = pack(values, kind, bits, reverse, ""), finn_pack(values, kind, bits, reverse, "")
        assert got.shape == want.shape
        assert got.tolist() == want.tolist()
    assert pack(values[0, 0], kind, exact).tolist() == finn_pack(values[0, 0], kind, exact).tolist()


@pytest.mark.parametrize(
    ("values", "bits", "message"),
    [
        ([[8.0]], 8, "expected values of INT4, got 8 to 8"),
        ([[-9.0]], 8, "expected values of INT4, got -9 to -9"),
        ([[0.5]], 8, "expected values of INT4, got 0.5 to 0.5"),
        ([[1.0, 2.0, 3.0]], 8, "3 values of 4 bits do not fit hexadecimal words of 8 bits"),
        ([[1.0]], 6, "1 values of 4 bits do not fit hexadecimal words of 6 bits"),
    ],
)
def test_refuses(values: list[list[float]], bits: int, message: str) -> None:
    with pytest.raises(UserError) as error:
        pack(np.array(values), DataType["INT4"], bits)
    assert str(error.value) == message


def test_a_build_has_the_memory_files_that_finn_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(weight_bits=3, pixels_per_beat=2, target_fps=20_000, seed=5)
    (tmp_path / "ours").mkdir()
    (tmp_path / "finns").mkdir()
    _, _, ours = lowered(case, tmp_path / "ours")
    monkeypatch.setattr("hls.rtl.packing.pack", finn_pack)
    _, _, finns = lowered(case, tmp_path / "finns")
    names = sorted(path.name for path in (ours / "rtl" / "memory").iterdir())
    assert names == sorted(path.name for path in (finns / "rtl" / "memory").iterdir())
    assert len(names) > 10
    for name in names:
        assert (ours / "rtl/memory" / name).read_bytes() == (finns / "rtl/memory" / name).read_bytes(), name


def test_finn_has_its_own_function_back() -> None:
    with pytest.raises(ZeroDivisionError), fast_packing():
        assert matrixvectoractivation.pack_innermost_dim_as_hex_string is pack
        raise ZeroDivisionError
    assert matrixvectoractivation.pack_innermost_dim_as_hex_string is finn_pack
