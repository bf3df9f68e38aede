"""Planted bugs: the lists fit the sources, a quick share is caught, and what survives is told."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.mutants import run
from bench.mutants.checks import Checks, Verdict
from bench.mutants.mutants import AREAS, Mutant, mutants
from bench.mutants.run import judge, main, mutate, report, verdict
from pixelmend.errors import UserError
from pixelmend.files import read_json
from pixelmend.provenance import ROOT
from sim.formal.proofs import proofs

LISTED = mutants()
FORMAL = [mutant for mutant in LISTED if mutant.smoke and mutant.checks[0].startswith("formal:stream")]


def test_every_mutant_fits_its_source() -> None:
    for mutant in LISTED:
        assert mutant.mutated() != (ROOT / mutant.file).read_text(), mutant.name
        assert mutant.old != mutant.new


def test_there_are_enough_of_each_kind() -> None:
    assert len(LISTED) >= 100
    assert {mutant.area for mutant in LISTED} == set(AREAS)
    unexplained = [mutant for mutant in LISTED if mutant.survives and mutant.area == "rtl"]
    assert not unexplained, "no bug in RTL may survive"
    modules = {proof.sources[-1] for proof in proofs() if proof.module != "fifo"}  # which is FINN's
    assert modules <= {mutant.file for mutant in LISTED}


def test_every_check_exists() -> None:
    modules = {proof.module for proof in proofs()}
    for mutant in LISTED:
        for check in mutant.checks:
            if check.startswith("formal:"):
                assert check.split(":")[1] in modules, mutant.name
            else:
                file, *names = check.split("::")
                text = (ROOT / file).read_text()
                for name in names:
                    assert re.search(rf"\b(def|class) {name.split('[')[0]}\b", text), mutant.name


@pytest.mark.parametrize("mutant", FORMAL, ids=lambda mutant: mutant.name)
def test_smoke_by_proofs(mutant: Mutant, tmp_path: Path) -> None:
    result = judge(Checks(tmp_path), mutant)
    assert result["caught"]
    assert result["by"] == mutant.checks[0]


def test_smoke_by_tests(tmp_path: Path) -> None:
    """One mutant of the lowering by its tests, with the baseline, kept, and read back by the second run."""
    mutant = next(mutant for mutant in LISTED if mutant.smoke and mutant.area == "lowering")
    quick = replace(mutant, checks=("tests/hls/test_thresholds.py::test_distance_is_in_accumulator_units",))
    (first,) = mutate([quick], tmp_path)
    assert first["caught"]
    assert "test_distance_is_in_accumulator_units" in first["said"]
    assert (tmp_path / "tree" / quick.file).read_text() == (ROOT / quick.file).read_text()
    kept = tmp_path / "results" / f"{quick.name}.json"
    before = kept.stat().st_mtime_ns
    assert mutate([quick], tmp_path) == [first]
    assert kept.stat().st_mtime_ns == before


class Scripted(Checks):
    """Answers from a script instead of running anything."""

    def __init__(self, answers: dict[str, Verdict]) -> None:
        super().__init__(Path("nowhere"))
        self.answers = answers
        self.asked: list[str] = []

    def run(self, check: str, edits: Any) -> Verdict:
        self.asked.append(check)
        return self.answers[check]


def some(name: str, **changes: Any) -> Mutant:
    values: dict[str, Any] = {
        "name": name, "area": "lowering", "file": "hls/thresholds.py", "old": "TIE = 1e-6", "new": "TIE = 1",
        "checks": ("tests/a.py", "tests/b.py", "tests/c.py"),
    }  # fmt: skip
    return Mutant(**values | changes)


def test_checks_run_until_one_finds_it() -> None:
    passed, found = Verdict(False, False, "passed", 1.0), Verdict(True, False, "FAILED x", 2.0)
    checks = Scripted({"tests/a.py": passed, "tests/b.py": found})
    result = judge(checks, some("m"))
    assert checks.asked == ["tests/a.py", "tests/b.py"]
    assert (result["caught"], result["by"], result["seconds"]) == (True, "tests/b.py", 3.0)


def test_a_mutant_that_is_no_program_is_an_error() -> None:
    checks = Scripted({"tests/a.py": Verdict(True, True, "SyntaxError", 1.0)})
    with pytest.raises(UserError, match="mutant m is no legal source: SyntaxError; mend the list"):
        judge(checks, some("m"))


def test_what_is_no_program_does_not_keep_the_others_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, illegal = Verdict(True, False, "FAILED", 1.0), Verdict(True, True, "SyntaxError", 1.0)
    answers = iter([found, illegal, found])
    scripted = Scripted({})
    monkeypatch.setattr(scripted, "run", lambda check, edits: next(answers))
    monkeypatch.setattr(run, "baseline", lambda checks, waiting: None)
    monkeypatch.setattr(run, "Checks", lambda out: scripted)
    with pytest.raises(UserError, match="mutant two is no legal source"):
        run.mutate([some("one"), some("two"), some("three")], tmp_path)
    assert sorted(path.stem for path in (tmp_path / "results").iterdir()) == ["one", "three"]


def test_survivors_are_told_unless_explained(tmp_path: Path) -> None:
    passed = Verdict(False, False, "passed", 1.0)
    checks = Scripted(dict.fromkeys(("tests/a.py", "tests/b.py", "tests/c.py"), passed))
    lost, excused = judge(checks, some("lost")), judge(checks, some("excused", survives="it is no bug"))
    written = report([lost, excused], 3, tmp_path)
    assert written == read_json(tmp_path / "report.json")
    assert (written["caught"], written["run"], written["listed"], written["share"]) == (0, 2, 3, 0.0)
    assert [row["name"] for row in written["survivors"]] == ["lost", "excused"]
    with pytest.raises(UserError, match=r"^survived: lost$"):
        verdict([lost, excused])
    verdict([excused])
    with pytest.raises(UserError, match="caught, though the list says why no test can: excused"):
        verdict([{**excused, "caught": True}])


@pytest.mark.parametrize(
    ("old", "times"),
    [("a text that is not there", 0), ("np", None), ("TIE", None)],
    ids=["none", "np", "TIE"],
)
def test_a_text_that_is_not_there_once(old: str, times: int | None) -> None:
    count = (ROOT / "hls/thresholds.py").read_text().count(old) if times is None else times
    message = f"mutant m: expected once in hls/thresholds.py, found {count} times: {old!r}; mend the list"
    with pytest.raises(UserError, match=re.escape(message)):
        some("m", old=old).mutated()


def test_names_that_are_not_known(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--only: expected names of the lists of planted bugs, got nobody"):
        main(tmp_path, None, ["nobody"], None, False)
    with pytest.raises(UserError, match="--area: expected one of rtl, kernels, lowering, got 'all'"):
        main(tmp_path, "all", None, None, False)


def test_a_name_taken_twice(tmp_path: Path) -> None:
    text = (
        '[[mutant]]\nname = "m"\nfile = "hls/thresholds.py"\nold = "a"\nnew = "b"\nchecks = ["tests/a.py"]\n'
    )
    for area in AREAS:
        (tmp_path / f"{area}.toml").write_text(text)
    with pytest.raises(UserError, match="expected a name of its own for each mutant, found twice: m"):
        mutants(tmp_path)


def test_the_tests_that_judge_are_there() -> None:
    """A check may name one test with its parameters, which changes when they do."""
    checks = sorted({check for mutant in LISTED for check in mutant.checks if "::" in check})
    files = sorted({check.split("::")[0] for check in checks})
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    tests = {test.split("[")[0] for test in listed} | set(listed)
    assert [check for check in checks if check not in tests] == []
