"""The fuzzer: what it draws, a smoke share of it, and planted bugs that it finds, makes small and repeats."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import hls.rtl.generate
from hls.ops.concat.op import ChannelConcat_rtl
from hls.ops.select.op import PixelSelect_rtl
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from quant.bits import layer_names
from sim.family import Case
from sim.fuzz import campaign
from sim.fuzz.campaign import Plan, coverage, fuzz, repeat
from sim.fuzz.draw import draw
from sim.fuzz.graphs import MOST_SIDE
from sim.fuzz.known import tensors
from sim.fuzz.net import Activation, Kind, Move, Net, Step, rewired
from sim.fuzz.qonnx_file import frames
from sim.fuzz.shrink import shrink, steps
from sim.fuzz.trial import Outcome, Trial, attempt, check
from sim.verilator import STALLS, Stall

SMALL = Trial(Case(widths=(2,), height=4, width=4, kernel=2, center=False), frames=1)
RICH = Trial(
    Case(widths=(4, 6, 5), height=16, width=24, kernel=5, sum_bits=3, mode="selective", pixels_per_beat=2,
         layer_weight_bits={"enc3": 8, "dec1": 3}, layer_act_bits={"enc1": 3, "dec2": 3}, folding_seed=5),
    3, Stall("random", 0.9, 1), Stall("bursty", 40, 2), hls=True,
)  # fmt: skip


def test_what_is_drawn_is_legal_and_of_every_kind() -> None:
    trials = [draw(5, number, "family") for number in range(400)]
    for trial in trials:
        check(trial)
        assert max(trial.case.height, trial.case.width) <= 32
    assert len({trial.digest for trial in trials}) == len(trials)
    assert [draw(5, number, "family") for number in range(20)] == trials[:20]
    drawn = coverage(trials)
    assert drawn["kind"] == {"family": 400}
    assert set(drawn["levels"]) == {"1", "2", "3", "4"}
    assert set(drawn["stride"]) == {"2", "3", "4"}
    assert set(drawn["kernel"]) >= {"2", "3", "4", "5", "6", "7"}
    assert set(drawn["mode"]) == {"direct", "selective", "mapped", "filled", "corrected"}
    assert set(drawn["weight_kind"]) == {"uniform", "power_of_two", "binary"}
    assert set(drawn["weight_bits"]) == set(drawn["act_bits"]) == {str(bits) for bits in range(2, 9)}
    assert set(drawn["stall_in"]) == set(drawn["stall_out"]) == set(STALLS)
    assert set(drawn["folding"]) == {"target", "random"}
    for name in ("square", "skips", "center", "masked", "layer_bits", "hls"):
        assert min(drawn[name].values()) > 40, name


def test_general_networks_are_legal_and_of_every_layer() -> None:
    trials = [draw(5, number, "general") for number in range(400)]
    for trial in trials:
        assert isinstance(trial.case, Net)
        check(trial)
        for known in tensors(trial.case):
            assert max(known.size) <= MOST_SIDE
    assert len({trial.digest for trial in trials}) == len(trials)
    assert [draw(5, number, "general") for number in range(20)] == trials[:20]
    drawn = coverage(trials)
    assert drawn["kind"] == {"general": 400}
    assert set(drawn["layer"]) == set(get_args(Kind)) - {"user"}
    assert set(drawn["activation"]) == set(get_args(Activation))
    assert set(drawn["quantizer"]) == {f"{sign}{bits}" for sign in "iu" for bits in range(2, 9)}
    assert set(drawn["weights of a layer"]) == {str(bits) for bits in range(1, 9)}
    assert set(drawn["moved"]) == set(get_args(Move)) - {""}
    assert set(drawn["outputs"]) == {"1", "2", "3"}
    assert {"1 x u8", "3 x u8", "4 x u8"} < set(drawn["input"])
    for name in ("groups", "dilated", "batch norm", "square", "hls"):
        assert min(drawn[name].values()) > 30, name
    kinds = coverage([draw(5, number) for number in range(200)])["kind"]
    assert kinds["general"] > 2 * kinds["family"] > 0


def test_the_frames_of_a_general_network_reach_the_ends_of_their_type() -> None:
    net = Net((), (), 6, 5, 2, 4, signed=True, pixels=False, seed=3)
    shown = frames(net, 20)
    assert (shown.shape, shown.dtype, shown.min(), shown.max()) == ((20, 6, 5, 2), np.int8, -8, 7)


def test_a_step_that_is_taken_out_leaves_a_network_of_the_others() -> None:
    steps = (
        Step("conv", (0,), channels=2, bits=4),
        Step("conv", (1,), channels=2, bits=4, like=1),
        Step("conv", (1,), channels=5, bits=4),
        Step("add", (2, 1)),
    )
    net = Net(steps, (4, 3))
    tensors(net)
    assert rewired(net, {}) == net
    alone = rewired(replace(net, outputs=(4,)), {})
    assert [step.kind for step in alone.steps] == ["conv", "conv", "add"]
    assert (alone.steps[2].sources, alone.steps[1].like, alone.outputs) == ((2, 1), 1, (3,))
    with pytest.raises(UserError, match="operands of one shape and scale"):
        tensors(rewired(net, {2: 1}))
    assert rewired(net, {1: 0}).steps[0].like == 0


@pytest.mark.parametrize("culprit", ["avgpool", "add", "shuffle"])
def test_a_smaller_general_network_keeps_what_the_failure_needs(culprit: str) -> None:
    """Fails wherever a layer of that kind is in it."""
    drawn = (draw(5, number, "general") for number in range(400))
    start = next(
        trial for trial in drawn if isinstance(trial.case, Net)
        and any(step.kind == culprit for step in trial.case.steps) and len(trial.case.steps) > 4
    )  # fmt: skip

    def fails(trial: Trial) -> Outcome:
        check(trial)
        assert isinstance(trial.case, Net)
        return Outcome("RTL" if any(step.kind == culprit for step in trial.case.steps) else None)

    small, found = shrink(start, fails(start), fails, 400)
    assert found.stage == "RTL"
    assert isinstance(small.case, Net)
    assert len(small.case.steps) <= (3 if culprit == "add" else 2), small
    assert max(small.case.height, small.case.width) <= 6
    assert (small.frames, small.hls, small.stall_in) == (1, False, Stall())


def test_a_planted_bug_in_a_general_network_is_found_small_and_repeated(
    tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A concatenation puts its parts the wrong way round."""
    right = ChannelConcat_rtl.evaluate

    def swapped(self: Any, inputs: list[Any]) -> list[Any]:
        return right(self, inputs[::-1])

    steps = (
        Step(
            "conv", (0,), channels=2, kernel=(3, 3), pads=(1, 1, 1, 1), bits=4, activation="tanh", signed=True
        ),
        Step("conv", (1,), channels=2, bits=4, like=1, norm=True, signed=True),
        Step("concat", (1, 2)),
        Step("conv", (3,), channels=3, bits=8, like=0, activation="sigmoid"),
    )
    start = Trial(Net(steps, (4,), 6, 6, seed=1), 2, hls=True)
    monkeypatch.setattr(campaign, "draw", lambda seed, number, kind: start)
    plan = Plan(seed=1, cases=1, folder=tmp_path, cache=simulations, attempts=6)
    with monkeypatch.context() as planted:
        planted.setattr(ChannelConcat_rtl, "evaluate", swapped)
        with pytest.raises(UserError, match="1 networks failed"):
            fuzz(plan)
        row = read_json(tmp_path / "report.json")["failures"][0]
        assert row["stage"] == "QONNX"
        assert "first wrong node" in row["message"]
        small = read_json(tmp_path / row["file"])["trial"]["case"]
        assert [step["kind"] for step in small["steps"]] == ["conv", "conv", "concat"]
        with pytest.raises(UserError, match=r"fails in QONNX: \d+ values differ"):
            repeat(tmp_path / row["file"], simulations)
    assert repeat(tmp_path / row["file"], simulations).stage is None


def test_a_smoke_share_is_bit_exact_and_goes_on_where_it_stopped(
    tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(seed=16, cases=1, folder=tmp_path, cache=simulations, kind="family")
    report = fuzz(plan)
    assert report == read_json(tmp_path / "report.json")
    assert (report["seed"], report["done"], report["passed"], report["failures"]) == (16, 1, 1, [])
    assert report["cases"][0]["cycles"] > 100
    assert report["cases"][0]["distinct"] > 8, "the network says nearly nothing"

    tried = []

    def pretend(trial: Trial, cache: Path, until: str | None = None) -> Outcome:
        tried.append(trial)
        return Outcome(None, cycles=1)

    monkeypatch.setattr(campaign, "attempt", pretend)
    longer = fuzz(replace(plan, cases=3))
    assert tried == [draw(16, 1, "family"), draw(16, 2, "family")]
    assert (longer["done"], longer["cases"][0]) == (3, report["cases"][0])
    assert fuzz(replace(plan, seed=17))["done"] == 1, "another seed begins anew"
    assert fuzz(replace(plan, seed=18, cases=2, seconds=-1.0))["done"] == 0, "no time, no trial"
    monkeypatch.setattr(campaign, "code_digest", lambda *packages: "other code")
    before = len(tried)
    fuzz(replace(plan, seed=17))
    assert len(tried) == before + 1


def test_a_planted_bug_is_found_made_small_and_repeated(
    tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lowering swaps the images of a selection; everything else about the network does not matter."""
    right = PixelSelect_rtl.evaluate

    def swapped(self: Any, inputs: list[Any]) -> list[Any]:
        ours, other = inputs
        chosen = right(self, inputs)[0]
        return [ours[..., :3] + other[..., :3] - chosen]

    start = replace(RICH, case=replace(RICH.case, widths=(4, 6), layer_weight_bits={}, layer_act_bits={}))
    monkeypatch.setattr(campaign, "draw", lambda seed, number, kind: start)
    plan = Plan(seed=1, cases=1, folder=tmp_path, cache=simulations, attempts=4)
    with monkeypatch.context() as planted:
        planted.setattr(PixelSelect_rtl, "evaluate", swapped)
        with pytest.raises(
            UserError, match=r"1 networks failed; repeat the first: python -m sim\.fuzz --rep"
        ):
            fuzz(plan)
        row = read_json(tmp_path / "report.json")["failures"][0]
        assert row["stage"] == "Brevitas"
        assert "values differ; first at frame 0" in row["message"]
        path = tmp_path / row["file"]
        assert row["command"] == f"python -m sim.fuzz --repeat {path}"
        failure = read_json(path)
        assert (failure["stage"], failure["found"]["number"]) == ("Brevitas", 0)
        small = failure["trial"]
        assert (small["case"]["mode"], len(small["case"]["widths"]), small["hls"]) == ("selective", 1, False)
        with pytest.raises(UserError, match=r"fails in Brevitas: \d+ values differ"):
            repeat(path, simulations)
    failure["trial"] |= {"frames": 1}
    write_json(path, failure)
    assert repeat(path, simulations).stage is None


def test_a_planted_bug_in_the_rtl_is_blamed_on_its_node(
    simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = hls.rtl.generate._placed

    def inverted(path: Path, workspace: Path) -> tuple[str, str]:
        target, text = placed(path, workspace)
        return target, text.replace(": a_full + b_full;", ": a_full + b_full + 1;")

    monkeypatch.setattr(hls.rtl.generate, "_placed", inverted)
    case = Case(widths=(2, 2), height=4, width=4, kernel=2, center=False)
    outcome = attempt(replace(SMALL, case=case), simulations)
    assert outcome.stage == "RTL", outcome
    assert "add1_add" in outcome.message


def test_a_smaller_trial_keeps_what_the_failure_needs() -> None:
    """Fails wherever a 3-bit layer meets a stalled output."""
    asked = []

    def fails(trial: Trial) -> Outcome:
        check(trial)
        asked.append(trial)
        needed = 3 in trial.case.layer_weight_bits.values() and trial.stall_out.kind == "bursty"
        return Outcome("RTL with stalls" if needed else None)

    small, found = shrink(RICH, fails(RICH), fails, 200)
    assert found.stage == "RTL with stalls"
    case = small.case
    assert (case.widths, case.height, case.width, case.kernel, case.stride) == ((1,), 2, 2, 2, 2)
    assert (case.mode, case.skips, case.center, case.sum_bits) == ("direct", False, False, None)
    assert (small.stall_in, small.stall_out.kind, small.frames, small.hls) == (Stall(), "bursty", 1, False)
    assert case.layer_weight_bits.keys() <= set(layer_names(case.generator))
    assert len(asked) == len({trial.digest for trial in asked}) < 100, "none is asked for twice"

    asked.clear()
    assert shrink(RICH, Outcome("RTL with stalls"), fails, 0)[0] == RICH
    assert not asked
    assert shrink(RICH, Outcome("RTL"), fails, 9)[0] == RICH, "another stage is another failure"


def test_every_step_is_legal_and_leads_to_an_end() -> None:
    def walk(trial: Trial) -> Iterator[Trial]:
        while (simpler := next(steps(trial, "RTL"), None)) is not None:
            yield simpler
            trial = simpler

    for number in range(30):
        path = list(walk(draw(9, number)))
        assert len(path) < 60
        for trial in path:
            check(trial)
        if not path:  # it came as plain as can be
            continue
        end = path[-1]
        if isinstance(end.case, Net):
            assert len(end.case.steps) == 1
            continue
        assert end.case.widths == (1,)
        assert (end.case.height, end.case.width, end.hls) == (2, 2, False)


def test_what_refuses_a_network_is_a_finding(simulations: Path) -> None:
    impossible = replace(SMALL, case=replace(SMALL.case, target_fps=1e9))
    outcome = attempt(impossible, simulations)
    assert outcome.stage == "lower"
    assert "target_fps = 1e+09 does not fit" in outcome.message


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected a failure, as sim.fuzz writes"),
        ('{"trial": {"case": {"widths": [0]}}}', "widths must be 1 to 5 positive channel counts"),
        ('{"trial": {"case": {"depth": 1}}}', "case.depth: unknown key; known are widths"),
        ('{"trial": {"case": {"height": 7}}}', "both sides must be multiples of 4"),
    ],
)
def test_a_damaged_failure_is_refused(content: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "failure.json").write_text(content)
    with pytest.raises(UserError, match=complaint):
        repeat(tmp_path / "failure.json")
