"""What every registered operator keeps of what its facets say, whoever wrote it.

`tests/sim/test_operators.py` has that all its executions are equal. Here: access, foldings, pace, lint,
contract.
"""

import inspect
import re
from itertools import product, zip_longest
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hls import fold
from hls.cost import divisors
from hls.ops import facets, folders, operators
from hls.ops.access import Access, Axis
from hls.ops.base import StreamOp
from hls.ops.fifo.source import fifo_source, mend_fifo
from hls.ops.operator import Frame, Operator
from hls.ops.relax.op import PyramidRelax_rtl
from hls.ops.skip_add.op import SkipAdd_rtl
from hls.timing import Pipeline
from pixelmend.errors import UserError
from pixelmend.files import write_text
from sim.operators.check import by_name, draw
from sim.operators.needs import ENDS, check_access
from sim.verilator import verilate

NAMES = tuple(by_name())
OWN = tuple(name for name, operator in by_name().items() if issubclass(operator, StreamOp))
SEEDS = range(12)


@pytest.mark.parametrize("name", NAMES)
def test_results_depend_on_what_the_access_says(name: str) -> None:
    """And in some node on its outermost rows and columns: it says no more than it must."""
    reached: list[set[str]] = []
    for seed in SEEDS:
        found = check_access(draw(name, seed)[1], np.random.default_rng(seed))
        reached = [one | other for one, other in zip_longest(reached, found, fillvalue=set())]
    assert reached == [set(ENDS)] * len(reached)


@pytest.mark.parametrize(
    ("operator", "wrong", "complaint"),
    [
        (
            SkipAdd_rtl,
            Access(rows=Axis(first=1, last=1)),
            "access, input 0, output 0: .* its row does not say",
        ),
        (SkipAdd_rtl, Access(columns=Axis(last=-1)), "access, input 0, output 0: .* its column does not say"),
        (
            PyramidRelax_rtl,
            Access(*[Axis(first=-2, last=2)] * 2, delay=1, carry=31),
            "its order does not say",
        ),
        (PyramidRelax_rtl, Access(*[Axis(first=-2, last=2)] * 2), "its (row|column) does not say"),
    ],
    ids=["row", "column", "order", "carry"],
)
def test_an_access_that_says_too_little_is_found(
    operator: type[Operator], wrong: Access, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator, "access", lambda self, index: wrong)
    with pytest.raises(UserError, match=complaint):
        for seed in SEEDS:
            check_access(draw(operator.short, seed)[1], np.random.default_rng(seed))


def foldings(limits: dict[str, int]) -> list[dict[str, int]]:
    return [dict(zip(limits, lanes, strict=True)) for lanes in product(*map(divisors, limits.values()))]


@pytest.mark.parametrize("name", NAMES)
def test_every_folding_within_the_limits_is_one(name: str) -> None:
    """Beats hold the whole frame, results stay, wider is never slower by FINN's count of cycles."""
    for seed in SEEDS:
        _, node, frames = draw(name, seed)
        operator = facets(node.proto)
        limits, want = operator.limits(), node.integer(frames)
        for target in (1, 40, 10**9):
            chosen = operator.fold(target, None, {})
            assert chosen.keys() == limits.keys()
            assert all(limits[key] % lanes == 0 for key, lanes in chosen.items()), (chosen, limits)
        cycles = {}
        for folding in foldings(limits):
            fold.apply(node.model, {node.proto.name: folding})
            operator = facets(node.proto)
            for index, port in enumerate(node.inputs):
                shape = operator.get_folded_input_shape(index)
                assert prod(shape) in (prod(port.shape), prod(operator.get_normal_input_shape(index)))
                assert shape[-1] * port.kind.bitwidth() == operator.get_instream_width(index)
            for index, port in enumerate(node.outputs):
                assert prod(operator.get_folded_output_shape(index)) == prod(port.shape)
            cycles[tuple(folding.values())] = int(operator.get_exp_cycles())
            for got, due in zip(node.integer(frames), want, strict=True):
                assert np.array_equal(got, due), folding
        for (one, few), (other, many) in product(cycles.items(), repeat=2):
            assert few >= many or not all(a <= b for a, b in zip(one, other, strict=True)), (one, other)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_folding_is_refused(name: str) -> None:
    node = draw(name, 0)[1]
    limits = facets(node.proto).limits()
    for key, most in limits.items():
        wrong = foldings(limits)[0] | {key: most + 1}
        with pytest.raises(UserError, match=f"folding of dut: {key} must divide {most}, got {most + 1}"):
            fold.apply(node.model, {"dut": wrong})
    with pytest.raises(UserError, match=f"folding of dut: a {node.proto.op_type} has no LANES"):
        fold.apply(node.model, {"dut": {"LANES": 1}})


@pytest.mark.parametrize("name", NAMES)
def test_the_recurrence_of_a_node_goes_on(name: str) -> None:
    """Alone between a source and a sink no node waits for ever, and none is faster than a beat a cycle."""
    for seed in SEEDS:
        node = draw(name, seed)[1]
        if facets(node.proto).buffers:
            pytest.skip("it is part of the stream that it stands in")
        schedule = Pipeline(node.model).run()
        assert schedule.period >= max(port.beats for port in (*node.inputs, *node.outputs))
        assert len(schedule.ends) == len(node.outputs)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_the_recurrence_is_that_of_the_rtl(name: str, seed: int, simulations: Path) -> None:
    if by_name()[name].buffers:
        pytest.skip("it is part of the stream that it stands in")
    module = pytest.importorskip("sim.operators.pace", reason="the comparison is not there yet")
    module.check_pace(name, seed, simulations)


@pytest.mark.parametrize("name", OWN)
def test_our_rtl_has_no_warnings(name: str, tmp_path: Path) -> None:
    """Verilator with all of them; the monitor ports of FINN's FIFO are left open on purpose."""
    fifo = tmp_path / "finn-rtllib" / "fifo.sv"
    write_text(fifo, mend_fifo(fifo_source().read_text()))
    flags = ["--lint-only", "-Wall", "-Wno-DECLFILENAME", "-Wno-PINCONNECTEMPTY", "--no-timing"]
    for seed in range(4):
        node = draw(name, seed)[1]
        operator, folder = facets(node.proto), tmp_path / "wrapper" / str(seed)
        folder.mkdir(parents=True)
        operator.set_nodeattr("code_gen_dir_ipgen", str(folder))
        operator.generate_hdl(node.model, "xc7z020clg400-1", 10.0)
        paths = [Path(path) for path in operator.get_rtl_file_list(abspath=True)]
        sources = [fifo if path == fifo_source() else path for path in paths]
        top = operator.get_nodeattr("gen_top_module")
        wrapper = folder / f"{top}.v"  # whose data ports are whole bytes
        write_text(wrapper, f"/* verilator lint_off UNUSEDSIGNAL */\n{wrapper.read_text()}")
        verilate([*flags, "--top-module", top], sources, ("*/finn-rtllib/*",), tmp_path)


def test_nothing_but_the_sources_of_a_node_is_built() -> None:
    """Harnesses of proofs lie beside the modules."""
    for name, seed in product(OWN, range(4)):
        operator = facets(draw(name, seed)[1].proto)
        assert isinstance(operator, StreamOp)
        names = [path.stem for path in operator.core_sources()]
        assert operator.core in names and not [name for name in names if name.endswith("_proof")]
    for known in operators().values():
        assert all(path.suffix == ".hpp" for path in [*known.kernels(), *known.recurrences()])


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_every_folder_says_what_is_in_it(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    here = [kind for kind, operator in operators().items() if operator.folder() == folder]
    assert text.startswith("# ")
    assert all(f"`{kind}`" in text for kind in here)
    assert "| Function |" in text or not here
    assert "\nTested by " in text
    for module in folder.glob("*.sv"):
        proved = f"{module.stem.removesuffix('_proof')}_proof.sv"
        if (folder / proved).is_file():
            assert "proved by" in text


class Bare(Operator):
    """Nothing is known of it."""

    short = "bare"


class BareStream(StreamOp):
    """Nor of this one, but what all of ours share."""

    short = "bare_stream"

    def __init__(self) -> None:  # not a node
        pass


FACETS: dict[str, tuple[Any, ...]] = {
    "evaluate": ([],),
    "draw": (np.random.default_rng(0),),
    "naive": (None, []),
    "access": (0,),
    "schedule": (Frame((1,), (1,), (False,)),),
    "registers": (),
    "ahead": (None,),
    "limits": (),
    "fold": (1, None, {}),
    "folded": (),
    "options": (None,),
    "work": (),
    "footprint": (),
    "instance": (None,),
    "unit": (None,),
}


@pytest.mark.parametrize("facet", FACETS)
def test_a_facet_that_was_left_out_is_named(facet: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"^Bare says nothing of its .*\b{facet}\b"):
        getattr(Bare(), facet)(*FACETS[facet])


def test_no_facet_has_a_default() -> None:
    lacking = {
        name
        for name, value in vars(Operator).items()
        if callable(value) or isinstance(value, classmethod)
        if "left_out(" in inspect.getsource(getattr(Operator, name)) and name != "left_out"
    }
    assert lacking == FACETS.keys()


@pytest.mark.parametrize("facet", ["evaluate", "draw", "naive", "access", "options", "unit"])
def test_what_our_operators_share_is_no_guess(facet: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"^BareStream says nothing of its .*\b{facet}\b"):
        getattr(BareStream(), facet)(*FACETS[facet])


@pytest.mark.parametrize(
    "method",
    [
        "get_normal_input_shape",
        "get_normal_output_shape",
        "get_input_datatype",
        "get_output_datatype",
        "core_instance",
    ],
)
def test_shapes_and_types_are_no_guess_either(method: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"^BareStream says nothing of its .*\b{method}\b"):
        getattr(BareStream(), method)()


def test_outside_the_operators_no_code_asks_what_kind_a_node_is() -> None:
    """Their classes are imported where layers and streams are built of them; nothing names them as text."""
    root = Path(fold.__file__).parents[1]
    known = "|".join(kind for kind in operators())
    text = re.compile(rf"""["'](?:{known})["']""")
    name = re.compile(rf"\b(?:{known})\b")
    builders = (
        root / "hls" / "layers",
        root / "hls" / "frontend",
        root / "hls" / "streams.py",
        root / "hls" / "dataflow.py",
    )
    found = []
    for package in ("hls", "sim", "quant", "board", "release", "model", "pixelmend"):
        for path in (root / package).rglob("*"):
            if path.suffix not in (".py", ".cpp", ".hpp") or path.is_relative_to(root / "hls" / "ops"):
                continue
            pattern = text if any(path.is_relative_to(place) for place in builders) else name
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [
                f"{path.relative_to(root)}:{n}: {line}"
                for n, line in enumerate(lines, 1)
                if pattern.search(line)
            ]
    assert not found, f"{len(found)} places:\n" + "\n".join(found)
