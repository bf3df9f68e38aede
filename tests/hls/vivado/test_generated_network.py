"""The plan of a network as hls.lower writes it, which the other tests replace by a few lines."""

from pathlib import Path

from hls.vivado.plan import make
from tests.hls.vivado.tcl import with_standin
from tests.networks import Case, lowered


def test_a_generated_network(tmp_path: Path) -> None:
    """Not the hand-written build of the other tests: its real RTL, packaged by the stand-in."""
    lowered(Case(), tmp_path)
    plan = make(tmp_path / "build", tmp_path / "config.toml", "pynq-z2", "rtl")
    plan.write(tmp_path / "package")
    done = with_standin(tmp_path / "package" / "build.tcl", tmp_path / "record")
    assert done.returncode == 0, done.stdout + done.stderr
    memory = f"{tmp_path}/package/rtl/memory/"
    copies = [
        path.read_text() for path in (tmp_path / "package" / "work" / "rtl").rglob("*") if path.is_file()
    ]
    assert sum(f'"{memory}' in text for text in copies) > 5
    assert not [text for text in copies if '"memory/' in text]
    assert not [name for name in plan.files if "probe" in name]
