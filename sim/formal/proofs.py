"""The lists of proofs: `proofs.toml` of every operator's folder, and the one beside this file."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED, parse
from pixelmend.errors import UserError
from pixelmend.provenance import ROOT

NAME = "proofs.toml"
LIST = Path(__file__).parent / NAME
HARNESSES = Path(__file__).parent / "harness"
BOUND = 40  # cycles: two frames of the small pixel shuffles, a burst and more of the DMAs

Engine = Literal["pdr", "induction", "bounded"]


@dataclass(frozen=True, config=CHECKED)
class Proof:
    """One module with one set of parameters."""

    module: str
    """Proved by the module `<module>_proof`."""
    sources: tuple[str, ...]
    """The module's files, relative to the repository where they are in it; `fifo.sv` is FINN's, mended."""
    parameters: dict[str, int | str]
    engine: Engine
    depth: Annotated[int, Field(ge=1)] | None = None
    """Steps of the induction, or cycles of a bounded proof; PDR has none."""
    smoke: bool = False
    """Belongs to the share that the tests run."""
    folder: str = str(HARNESSES)
    """Of the harness, `<module>_proof.sv`."""

    @property
    def harness(self) -> Path:
        return Path(self.folder) / f"{self.module}_proof.sv"

    def contract(self) -> "Proof":
        """The same properties but the invariants that only help induction, over `BOUND` cycles from reset.

        Whatever fails is a run that can happen, where a failed induction may only lack an invariant.
        """
        if self.engine != "induction":
            return self
        helped = "INVARIANTS" in self.harness.read_text(encoding="utf-8")
        parameters = self.parameters | ({"INVARIANTS": 0} if helped else {})
        return replace(self, engine="bounded", depth=BOUND, parameters=parameters)

    @property
    def name(self) -> str:
        """The module and its parameters, as a name of a folder."""
        return "-".join([self.module, *(f"{key}_{value}" for key, value in self.parameters.items())]).lower()


def proofs(path: Path | None = None) -> list[Proof]:
    """All proofs of the file, or of all lists: one for each of a module's sets of parameters.

    A table [[module]] has `module`, `sources`, `engine`, `depth` as in `Proof`, and `parameters`, a list of
    sets; those of `smoke`, a list of their numbers, are the tests' share. In an operator's folder sources are
    files beside the list, as is the harness. `UserError` for anything else.
    """
    if path is not None:
        return _listed(path)
    from hls.ops import folders  # FINN takes seconds to import

    own = [folder / NAME for folder in folders()]
    return [proof for each in [*own, LIST] if each.is_file() for proof in _listed(each)]


def _listed(path: Path) -> list[Proof]:
    found = []
    for table in tomllib.loads(path.read_text(encoding="utf-8"))["module"]:
        where = f"{path}: module {table.get('module')!r}"
        sets, smoke = table.pop("parameters", [{}]), table.pop("smoke", [])
        if path != LIST:
            table["sources"] = [_place(path.parent, name) for name in table.get("sources", [])]
            table["folder"] = str(path.parent)
        for index, values in enumerate(sets):
            values = dict(values)
            own = {key: values.pop(key) for key in ("engine", "depth") if key in values}
            entry = {**table, **own, "parameters": values, "smoke": index in smoke}
            found.append(parse(entry, Proof, where))
            if (found[-1].depth is None) != (found[-1].engine == "pdr"):
                raise UserError(
                    f"{where}: expected a depth for induction and bounded proofs, and none for pdr"
                )
    return found


def _place(folder: Path, name: str) -> str:
    """A source of an operator's list; what does not lie beside the list is FINN's."""
    path = folder / name
    if not path.is_file():
        return name
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
