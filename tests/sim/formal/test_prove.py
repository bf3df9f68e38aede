"""The formal proofs: a quick share of them holds, and a bug in a copy of a module makes its proof fail."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pixelmend.errors import UserError
from pixelmend.files import read_json
from pixelmend.provenance import ROOT
from sim.formal import proofs as listed
from sim.formal.proofs import Proof, proofs
from sim.formal.prove import main, prove_all
from sim.formal.sby import prove, told

FORMAL = ROOT / "sim" / "formal"
ORDER = (  # as a queue, by counting places, or by the place that a beat comes from
    {"in_order", "none_spurious"},
    {"as_the_formula_says", "in_time"},
    {"right_beat", "taken_in_time"},
)
WIRING = {
    "open_shell",
    "pixelmend",
    "window_reduce",
    "weight_rom",
}  # nothing but instances, and a memory of constants


@pytest.mark.parametrize("proof", [proof for proof in proofs() if proof.smoke], ids=lambda proof: proof.name)
def test_smoke(proof: Proof, tmp_path: Path) -> None:
    outcome = prove(proof, tmp_path)
    assert outcome.proved, outcome.failed
    assert outcome.failed == ()
    properties = set(outcome.properties)
    assert {"valid_holds", "data_holds", "no_deadlock"} <= properties
    assert any(order <= properties for order in ORDER)


def proof_of(module: str) -> Proof:
    """Of a module: one of the contract alone, or of the quick share, or the first."""
    found = [proof for proof in proofs() if proof.module == module]
    alone = [proof for proof in found if proof.parameters.get("INVARIANTS") == 0]
    return [*alone, *(proof for proof in found if proof.smoke), *found][0]


REGISTER = "hls/ops/stream/stream_register.sv"
BUGS = [
    ("stream_register", REGISTER, "s_axis_tready = !spare_valid_q;", "s_axis_tready = 1'b1;"),
    ("stream_register", REGISTER, "main_valid_q  <= spare_valid_q || s_axis", "main_valid_q  <= s_axis"),
    ("stream_fork", "hls/ops/fork/stream_fork.sv", "'0 : done_d;", "'0 : done_q;"),
    ("skip_add", "hls/ops/skip_add/skip_add.sv", "a_full + b_full", "a_full - b_full"),
    ("pixel_mark", "hls/ops/mark/pixel_mark.sv", "s_axis_a_tdata[7];", "s_axis_a_tdata[6];"),
    ("pyramid_halve", "hls/ops/halve/pyramid_halve.sv", "= n_had[0] && sound_q;", "= 1'b0;"),
    ("pyramid_double", "hls/ops/double/pyramid_double.sv", "held_q[1] || (held_q[0] && edge_q)", "held_q[0]"),
    ("pyramid_relax", "hls/ops/relax/pyramid_relax.sv", "far_left_q | first_left_q;", "far_left_q;"),
    ("pixel_correct", "hls/ops/correct/pixel_correct.sv", "corrected = 8'd255;", "corrected = sum[7:0];"),
    ("pixel_out", "hls/ops/stream/pixel_out.sv", "FRAME_BEATS - 1)", "FRAME_BEATS - 2)"),
]


@pytest.mark.parametrize(("module", "source", "old", "new"), BUGS)
def test_a_bug_is_found(module: str, source: str, old: str, new: str, tmp_path: Path) -> None:
    """What is lost, doubled, changed, or marked at the wrong place."""
    proof = proof_of(module).contract()
    text = (ROOT / source).read_text()
    assert text.count(old) == 1
    outcome = prove(proof, tmp_path, {source: text.replace(old, new)})
    assert not outcome.proved
    assert outcome.status == "FAIL"
    assert outcome.failed
    assert list((tmp_path / proof.name).rglob("*.vcd")), "a counterexample to look at"


def test_a_wrong_depth_is_a_deadlock(tmp_path: Path) -> None:
    """A row FIFO of a pixel shuffle one beat below the least: the contract, over every run of 40 cycles."""
    sets = [proof for proof in proofs() if proof.parameters.get("ROW_DEPTH") == 6]
    proof = sets[0].contract()
    assert (proof.engine, proof.parameters["INVARIANTS"]) == ("bounded", 0)
    source = "hls/ops/pixel_shuffle/pixel_shuffle.sv"
    text = (ROOT / source).read_text()
    outcome = prove(proof, tmp_path, {source: text.replace("ROW_DEPTH_SET : 2;", "ROW_DEPTH_SET - 1 : 2;")})
    assert outcome.status == "FAIL"
    assert any("no_deadlock" in name for name in outcome.failed), outcome.failed


def test_every_module_of_ours_is_proved() -> None:
    ours = set()
    for path in [*(ROOT / "hls").rglob("*.sv"), *(ROOT / "hls").rglob("*.in")]:
        harness = path.name.endswith("_proof.sv")
        if not harness and path.parent.name != "synthesis" and path.name != "primitives.sv":  # black boxes
            ours |= set(re.findall(r"^module (\w+)", path.read_text(), re.MULTILINE))
    assert len(ours) > 10
    assert ours - WIRING == {proof.module for proof in proofs()} - {"fifo"}


def test_no_proof_assumes_anything() -> None:
    """An assumption that contradicts another proves everything; the harnesses have none."""
    harnesses = {proof.harness for proof in proofs()}
    assert all(path.is_file() for path in harnesses)
    for path in [*(FORMAL / "checks").glob("*.sv"), *harnesses]:
        text = re.sub(r"//.*", "", path.read_text())
        assert not re.search(r"\b(assume|restrict)\b", text), path


def test_proofs_have_names_of_their_own() -> None:
    names = [proof.name for proof in proofs()]
    assert len(set(names)) == len(names)


def test_the_report(tmp_path: Path) -> None:
    """A queue said to have fewer places than it has is no queue of that size: told, and written down."""
    good = replace(proof_of("stream_register"), parameters={"WIDTH": 1}, engine="bounded", depth=8)
    bad = replace(
        proof_of("fifo"), parameters={"WIDTH": 1, "DEPTH": 2, "PLACES": 2}, engine="bounded", depth=8
    )
    prove_all([good], tmp_path / "good", 1)
    (row,) = read_json(tmp_path / "good" / "report.json")["proofs"]
    assert (row["module"], row["engine"], row["depth"]) == ("stream_register", "bounded", 8)
    assert (row["proved"], row["shown"]) == (True, "the first 8 cycles")
    with pytest.raises(
        UserError, match=r"^not proved, see .*: fifo-width_1-depth_2-places_2: FAIL .*level_in_range"
    ):
        prove_all([good, bad], tmp_path / "bad", 2)
    rows = read_json(tmp_path / "bad" / "report.json")["proofs"]
    assert [row["proved"] for row in rows] == [True, False]
    assert rows[1]["shown"] is None


def test_the_list_of_an_operator_from_outside(tmp_path: Path) -> None:
    """Its sources and its harness lie beside it; FINN's FIFO is named as in our own lists."""
    (tmp_path / "gain.sv").write_text("module gain; endmodule\n")
    path = tmp_path / "proofs.toml"
    path.write_text('[[module]]\nmodule = "gain"\nsources = ["fifo.sv", "gain.sv"]\nengine = "pdr"\n')
    (proof,) = listed.proofs(path)
    assert proof.sources == ("fifo.sv", str(tmp_path / "gain.sv"))
    assert proof.harness == tmp_path / "gain_proof.sv"


def test_a_source_that_cannot_be_read(tmp_path: Path) -> None:
    proof = replace(proof_of("stream_register"), parameters={"WIDTH": 0}, engine="bounded", depth=8)
    with pytest.raises(
        UserError, match=r"(?s)stream_register-width_0: SymbiYosys ended with ERROR: .*WIDTH must be 1"
    ):
        prove(proof, tmp_path)


def test_an_edit_of_another_file(tmp_path: Path) -> None:
    proof = proof_of("stream_register")
    with pytest.raises(
        UserError, match=r"expected edits of hls/ops/stream/stream_register.sv, got \['x.sv'\]"
    ):
        prove(proof, tmp_path, {"x.sv": ""})


def test_an_unknown_module(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--module: expected one of channel_concat, .*; got stream_knife"):
        main(tmp_path, ["stream_knife"], False, 1)


@pytest.mark.parametrize(
    ("engine", "depth", "message"),
    [
        ("pdr", "depth = 3\n", "expected a depth for induction and bounded proofs, and none for pdr"),
        ("bounded", "", "expected a depth for induction and bounded proofs, and none for pdr"),
        ("magic", "", "engine: Input should be 'pdr', 'induction' or 'bounded'; got 'magic'"),
    ],
)
def test_a_list_that_is_wrong(engine: str, depth: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "proofs.toml"
    path.write_text(f'[[module]]\nmodule = "m"\nsources = []\nengine = "{engine}"\n{depth}')
    with pytest.raises(UserError, match=re.escape(message)):
        listed.proofs(path)


@pytest.mark.parametrize(
    ("status", "said", "told_"),
    [
        (
            "ERROR",
            "summary: engine_0 (abc pdr) returned FAIL\nsummary: engine_0 did not produce any traces",
            "FAIL",
        ),
        ("ERROR", "engine_0: task failed. ERROR.", "ERROR"),
        ("PASS", "summary: engine_0 (abc pdr) returned pass", "PASS"),
    ],
)
def test_a_counterexample_that_could_not_be_replayed_is_one(status: str, said: str, told_: str) -> None:
    assert told(status, said) == told_
