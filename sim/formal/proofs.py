"""The list of proofs, `proofs.toml`."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED, parse
from pixelmend.errors import UserError

LIST = Path(__file__).parent / "proofs.toml"
HARNESSES = Path(__file__).parent / "harness"
BOUND = 40  # cycles: two frames of the small pixel shuffles, a burst and more of the DMAs

Engine = Literal["pdr", "induction", "bounded"]


@dataclass(frozen=True, config=CHECKED)
class Proof:
    """One module with one set of parameters."""

    module: str
    """Proved by the module `<module>_proof` in harness/."""
    sources: tuple[str, ...]
    """The module's files, relative to the repository; `fifo.sv` is FINN's, mended."""
    parameters: dict[str, int | str]
    engine: Engine
    depth: Annotated[int, Field(ge=1)] | None = None
    """Steps of the induction, or cycles of a bounded proof; PDR has none."""
    smoke: bool = False
    """Belongs to the share that the tests run."""

    def contract(self) -> "Proof":
        """The same properties but the invariants that only help induction, over `BOUND` cycles from reset.

        Whatever fails is a run that can happen, where a failed induction may only lack an invariant.
        """
        if self.engine != "induction":
            return self
        helped = "INVARIANTS" in (HARNESSES / f"{self.module}_proof.sv").read_text(encoding="utf-8")
        parameters = self.parameters | ({"INVARIANTS": 0} if helped else {})
        return replace(self, engine="bounded", depth=BOUND, parameters=parameters)

    @property
    def name(self) -> str:
        """The module and its parameters, as a name of a folder."""
        return "-".join([self.module, *(f"{key}_{value}" for key, value in self.parameters.items())]).lower()


def proofs(path: Path = LIST) -> list[Proof]:
    """All proofs of the file, one for each of a module's sets of parameters.

    A table [[module]] has `module`, `sources`, `engine`, `depth` as in `Proof`, and `parameters`, a list of
    sets; those of `smoke`, a list of their numbers, are the tests' share. `UserError` for anything else.
    """
    found = []
    for table in tomllib.loads(path.read_text(encoding="utf-8"))["module"]:
        where = f"{path}: module {table.get('module')!r}"
        sets, smoke = table.pop("parameters", [{}]), table.pop("smoke", [])
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
