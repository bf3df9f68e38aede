"""Checks on sources with a bug in them."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pixelmend.errors import UserError
from pixelmend.files import write_text
from pixelmend.native import log_tail
from pixelmend.provenance import ROOT
from sim.formal.proofs import proofs
from sim.formal.sby import prove

FORMAL = "formal:"
NO_BUG = re.compile(
    r"SyntaxError|IndentationError|ImportError|NameError: name|the C\+\+ compiler failed"
    r"|%Error(?!.*(?:Assertion failed|Verilog \$stop))"  # which end a simulation, and are finds
)
"""What is said of a mutant that is no program at all, which any test would find."""


@dataclass(frozen=True)
class Verdict:
    """What a check said: `found` a bug, or not; `illegal` where the source is no program."""

    found: bool
    illegal: bool
    said: str
    seconds: float


@dataclass
class Checks:
    """Runs checks; `folder` keeps a copy of the tree for the tests, the others are limits for one check."""

    folder: Path
    seconds: float = 600.0
    seconds_formal: int = 600  # what is wrong is found in seconds, if a run of so few cycles shows it

    def run(self, check: str, edits: Mapping[str, str]) -> Verdict:
        """One check with the files `edits` (texts by path) replaced."""
        began = time.monotonic()
        found, illegal, said = (
            self._formal(check, edits) if check.startswith(FORMAL) else self._tests(check, edits)
        )
        return Verdict(found, illegal, said, round(time.monotonic() - began, 1))

    def close(self) -> None:
        """End the process that runs the tests, if there is one."""
        if "server" in self.__dict__:
            assert self.server.stdin is not None
            self.server.stdin.close()
            self.server.wait()

    def _formal(self, check: str, edits: Mapping[str, str]) -> tuple[bool, bool, str]:
        module, _, index = check.removeprefix(FORMAL).partition(":")
        chosen = [proof for proof in proofs() if proof.module == module]
        if not chosen or (index and int(index) >= len(chosen)):
            raise UserError(f"{check}: expected the name of a module of proofs.toml, and the number of a set")
        for proof in chosen[int(index) :][:1] if index else chosen:
            try:
                # what holds for every run, by an induction of seconds, needs no search for a run that fails
                if proof.engine == "induction" and prove(proof, self.folder / "formal", edits).proved:
                    continue
                outcome = prove(proof.contract(), self.folder / "formal", edits, self.seconds_formal)
            except UserError as error:
                return True, True, str(error)
            if outcome.status == "FAIL":
                return True, False, f"{proof.name}: {outcome.status} {', '.join(outcome.failed)}"
        return False, False, "proved"

    def _tests(self, check: str, edits: Mapping[str, str]) -> tuple[bool, bool, str]:
        log = self.folder / "log.txt"
        outside = [file for file in edits if Path(file).is_absolute()]
        if outside:
            raise UserError(
                f"{check}: expected a formal proof for a file outside the repository, {outside[0]}"
            )
        originals = {file: (self.tree / file).read_text(encoding="utf-8") for file in edits}
        try:
            for file, text in edits.items():
                write_text(self.tree / file, text)
            status = self._pytest(["-x", "-q", "--no-header", "--tb=short", check], log)
        finally:
            for file, text in originals.items():
                write_text(self.tree / file, text)
        said = log.read_text(encoding="utf-8", errors="replace")
        if status not in (-1, 0, 1, 2):  # past the limit, passed, failed, an error while tests were collected
            raise UserError(f"{check}: pytest ended with status {status}: {log_tail(said, 10)}")
        if status == 0:
            return False, False, "passed"
        reasons = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
        why = reasons[0] if reasons else f"not done within {self.seconds:.0f} s"
        return True, bool(NO_BUG.search(said)), why

    def _pytest(self, arguments: list[str], log: Path) -> int:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        order = {"arguments": arguments, "log": str(log.resolve()), "seconds": self.seconds}
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        answer = self.server.stdout.readline()
        if not answer:
            raise UserError(f"the process that runs the tests ended with status {self.server.wait()}")
        status: int = json.loads(answer)["status"]
        return status

    @cached_property
    def tree(self) -> Path:
        """A copy of the files that git knows, as the checkout has them; what was compiled in it is kept."""
        tree = self.folder / "tree"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        names = [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]
        for old in tree.rglob("*.py"):  # a test that was removed must not run
            if old.relative_to(tree).as_posix() not in names:
                old.unlink()
        for name in names:
            source, copy = ROOT / name, tree / name
            if not copy.is_file() or copy.read_bytes() != source.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
        return tree

    @cached_property
    def server(self) -> subprocess.Popen[str]:
        script = Path(__file__).parent / "fork_server.py"
        return subprocess.Popen(
            [sys.executable, "-P", str(script)],
            cwd=self.tree,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
