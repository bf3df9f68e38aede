"""The fuzzer: what it draws, a smoke share of it, and planted bugs that it finds, makes small and repeats."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import hls.dataflow
import hls.rtl.generate
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from quant.bits import layer_names
from sim.family import Case
from sim.fuzz import campaign
from sim.fuzz.campaign import Plan, coverage, fuzz, repeat
from sim.fuzz.draw import draw
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
    trials = [draw(5, number) for number in range(400)]
    for trial in trials:
        check(trial)
        assert max(trial.case.height, trial.case.width) <= 32
    assert len({trial.digest for trial in trials}) == len(trials)
    assert [draw(5, number) for number in range(20)] == trials[:20]
    drawn = coverage(trials)
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


def test_a_smoke_share_is_bit_exact_and_goes_on_where_it_stopped(
    tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(seed=16, cases=1, folder=tmp_path, cache=simulations)
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
    assert tried == [draw(16, 1), draw(16, 2)]
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
    right = hls.dataflow._pixels

    def swapped(graph: Any, layer: Any, last: str) -> None:
        right(graph, replace(layer, sources=layer.sources[::-1]), last)

    start = replace(RICH, case=replace(RICH.case, widths=(4, 6), layer_weight_bits={}, layer_act_bits={}))
    monkeypatch.setattr(campaign, "draw", lambda seed, number: start)
    plan = Plan(seed=1, cases=1, folder=tmp_path, cache=simulations, attempts=4)
    with monkeypatch.context() as planted:
        planted.setattr(hls.dataflow, "_pixels", swapped)
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
        return target, text.replace("<= a_full + b_full;", "<= a_full + b_full + 1;")

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
        end = path[-1]
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
