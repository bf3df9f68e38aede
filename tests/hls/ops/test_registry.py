"""Which operators there are: names of their own, and a user's from a file, a module, or a variable."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from qonnx.custom_op.registry import get_ops_in_domain

from bench.mutants.mutants import mutants
from hls.ops import DOMAIN, facets, folders, load, operators, register, registry
from hls.ops.skip_add.op import SkipAdd_rtl
from pixelmend.errors import UserError
from sim.formal.proofs import proofs


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(registry, "_known", dict(operators()))
    monkeypatch.delenv(registry.VARIABLE, raising=False)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


MODULE = """
from hls.ops import register
from hls.ops.skip_add.op import SkipAdd_rtl

class {name}(SkipAdd_rtl):
    short = "{short}"

register({name})
"""


def written(
    folder: Path, name: str = "Gain_rtl", short: str = "gain", file: str = "gain_of_a_user.py"
) -> Path:
    path = folder / file
    path.write_text(MODULE.format(name=name, short=short))
    return path


def test_every_operator_is_known_to_finn_and_has_a_short_name() -> None:
    assert {kind for kind, _ in get_ops_in_domain(DOMAIN)} >= operators().keys()
    shorts = [operator.short for operator in operators().values()]
    assert len(set(shorts)) == len(shorts) >= 15
    assert list(operators()) == [operator.__name__ for operator in operators().values()]


def test_an_operator_may_be_registered_again() -> None:
    before = list(operators())
    assert register(SkipAdd_rtl) is SkipAdd_rtl
    assert list(operators()) == before


@pytest.mark.parametrize(("name", "short"), [("SkipAdd_rtl", "gain"), ("Gain_rtl", "add")])
def test_a_name_that_is_taken_is_refused(name: str, short: str, tmp_path: Path) -> None:
    path = written(tmp_path, name, short, f"taken_{short}.py")
    with pytest.raises(UserError) as error:
        load(str(path))
    assert str(error.value) == (
        f"operator {name} ('{short}') of taken_{short}: the name is taken by SkipAdd_rtl ('add') of "
        "hls.ops.skip_add.op"
    )
    assert operators()["SkipAdd_rtl"] is SkipAdd_rtl


@pytest.mark.parametrize(
    "text", ["class Gain_rtl(Operator):\n    pass\n", "class Gain_rtl:\n    short = 'gain'\n"]
)
def test_what_is_no_operator_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "no_operator.py"
    path.write_text(
        f"from hls.ops import register\nfrom hls.ops.operator import Operator\n{text}register(Gain_rtl)\n"
    )
    with pytest.raises(
        UserError, match="Gain_rtl of no_operator: expected a class derived from Operator with a `short` name"
    ):
        load(str(path))


def test_a_file_of_a_user(tmp_path: Path) -> None:
    """Its proofs and planted bugs are found beside it as those of our own are."""
    path = written(tmp_path)
    (tmp_path / "gain.sv").write_text("module gain; endmodule\n")
    (tmp_path / "proofs.toml").write_text(
        '[[module]]\nmodule = "gain"\nsources = ["gain.sv"]\nengine = "pdr"\n'
    )
    (tmp_path / "mutants.toml").write_text(
        '[checks]\n"gain.sv" = ["formal:gain"]\n\n[[mutant]]\nname = "no-gain"\nfile = "gain.sv"\n'
        'old = "gain"\nnew = "loss"\n'
    )
    module = load(str(path))
    assert operators()["Gain_rtl"] is module.Gain_rtl
    assert folders()[-1] == tmp_path == module.Gain_rtl.folder()
    (proof,) = [proof for proof in proofs() if proof.module == "gain"]
    assert (proof.sources, proof.harness) == ((str(tmp_path / "gain.sv"),), tmp_path / "gain_proof.sv")
    (mutant,) = [mutant for mutant in mutants() if mutant.name == "no-gain"]
    assert (mutant.file, mutant.area, mutant.checks) == (str(tmp_path / "gain.sv"), "rtl", ("formal:gain",))
    assert mutant.mutated() == "module loss; endmodule\n"


def test_what_can_not_be_loaded(tmp_path: Path) -> None:
    nothing, wrong = tmp_path / "registers_nothing.py", tmp_path / "no_python.py"
    nothing.write_text("x = 1\n")
    wrong.write_text("def")
    for name, message in [
        (str(nothing), "the module registers no operator (hls.ops.register)"),
        (str(wrong), "expected a module or a .py file of operators; "),
        (str(tmp_path / "not_there.py"), "expected a module or a .py file of operators; "),
        ("no.such.module", "expected a module or a .py file of operators; No module named 'no'"),
    ]:
        with pytest.raises(UserError, match=f"^--operators {re.escape(name)}: {re.escape(message)}"):
            load(name)


def test_a_variable_hands_them_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the processes that a command starts: `load` sets it, importing the operators reads it."""
    import os

    path = written(tmp_path)
    load(str(path))
    load(str(path))
    assert os.environ[registry.VARIABLE] == str(path)
    code = "from hls.ops import operators; print(operators()['Gain_rtl'].short)"
    said = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert said.stdout == "gain\n"


def test_a_node_of_no_operator() -> None:
    class Node:
        op_type, name = "Pool_rtl", "one"

    with pytest.raises(
        UserError, match=r"node one is a Pool_rtl, which no operator .* stands for; there are FMPadding_rtl"
    ):
        facets(Node())
