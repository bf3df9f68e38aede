"""The lists of planted bugs: of every operator's folder, and those beside this file."""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from hls.ops import folders
from hls.ops.operator import TIMING
from pixelmend.config import CHECKED, parse
from pixelmend.errors import UserError
from pixelmend.files import text_digest
from pixelmend.provenance import ROOT

HERE = Path(__file__).parent
NAME = "mutants.toml"
AREAS = ("rtl", "kernels", "lowering")

Area = Literal["rtl", "kernels", "lowering"]
KINDS: dict[str, Area] = {".sv": "rtl", ".hpp": "kernels", ".py": "lowering"}


@dataclass(frozen=True, config=CHECKED)
class Mutant:
    """One bug."""

    name: str
    """Of its own in all lists, e.g. `fork-stuck-ready`."""
    area: Area
    file: str
    """Relative to the repository, where it is in it."""
    old: str
    """Occurs exactly once in the file."""
    new: str
    checks: Annotated[tuple[str, ...], Field(min_length=1)]
    """Those that should find it, the cheapest first."""
    survives: str = ""
    """Why no test can find it."""
    smoke: bool = False
    """Belongs to the share that the tests run."""

    def mutated(self) -> str:
        """The file's text with the bug in it. `UserError` where the text to replace is not there once."""
        path = ROOT / self.file
        if not path.is_file():
            raise UserError(f"mutant {self.name}: {self.file} is no file; mend the list")
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise UserError(
                f"mutant {self.name}: expected once in {self.file}, found {text.count(self.old)} times: "
                f"{self.old!r}; mend the list"
            )
        return text.replace(self.old, self.new)

    def key(self) -> str:
        """Changes with the mutant, its file and the tests that it names; stored results are told by it."""
        tests = sorted({check.split("::")[0] for check in self.checks if not check.startswith("formal:")})
        texts = [(ROOT / test).read_text(encoding="utf-8") for test in tests if (ROOT / test).is_file()]
        return text_digest(self.name, self.mutated(), *self.checks, *texts)


def mutants(folder: Path | None = None) -> list[Mutant]:
    """All mutants: of the operators' folders and of the lists beside this file, or of those in `folder`
    alone.

    A list has tables [[mutant]] with the fields of `Mutant`; above them, `checks` are those of every mutant
    of a file, by its path, for mutants that name none of their own. In an operator's folder, `mutants.toml`,
    files lie beside the list, and their kind tells the area. `UserError` for a name taken twice and for a
    table that is wrong.
    """
    found = []
    if folder is None:
        for own in folders():
            found += _own(own / NAME)
    for area in AREAS:
        path = (folder or HERE) / f"{area}.toml"
        for table in _tables(path):
            found.append(parse({"area": area, **table}, Mutant, f"{path}: mutant {table.get('name')!r}"))
    twice = [name for name, count in Counter(mutant.name for mutant in found).items() if count > 1]
    if twice:
        raise UserError(
            f"{folder or HERE}: expected a name of its own for each mutant, found twice: {', '.join(twice)}"
        )
    return found


def _own(path: Path) -> list[Mutant]:
    """Those of an operator's list, if it has one."""
    found = []
    for table in _tables(path) if path.is_file() else []:
        where = f"{path}: mutant {table.get('name')!r}"
        file = path.parent / str(table.get("file"))
        if file.suffix not in KINDS:
            raise UserError(f"{where}: file: expected one of {', '.join(KINDS)}, got {table.get('file')!r}")
        area = "lowering" if file.name == TIMING else KINDS[file.suffix]
        place = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)
        found.append(parse({"area": area, **table, "file": place}, Mutant, where))
    return found


def _tables(path: Path) -> list[dict[str, Any]]:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    usual = tables.get("checks", {})
    return [{"checks": usual.get(table.get("file"), []), **table} for table in tables["mutant"]]
