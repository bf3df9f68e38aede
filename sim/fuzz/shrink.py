"""From a trial that fails to a smaller one that fails in the same stage."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pixelmend.errors import UserError
from quant.bits import layer_names, skip_pairs
from sim.family import Case
from sim.fuzz.net import Net
from sim.fuzz.reduce import smaller
from sim.fuzz.trial import Outcome, Trial, check
from sim.verilator import Stall

SLOWEST = 1.0  # frames/s: everything folded as far as it goes

Try = Callable[[Trial], Outcome]


def shrink(trial: Trial, found: Outcome, attempt: Try, attempts: int) -> tuple[Trial, Outcome]:
    """The smallest trial that at most `attempts` attempts find, greedily, and how it fails.

    A step is taken where the simpler trial fails in the stage of `found`; after each the largest steps are
    tried again. What failed to fail is not tried twice.
    """
    refused: set[str] = set()
    progress = True
    while progress:
        progress = False
        for simpler in steps(trial, found.stage):
            if simpler.digest in refused:
                continue
            if attempts == 0:
                return trial, found
            attempts -= 1
            outcome = attempt(simpler)
            if outcome.stage == found.stage:
                trial, found, progress = simpler, outcome, True
                break
            refused.add(simpler.digest)
    return trial, found


def steps(trial: Trial, stage: str | None) -> Iterator[Trial]:
    """Simpler legal trials, those that save most first."""
    seen = {trial.digest}
    for changed in _changes(trial, stage):
        try:
            simpler = changed()
            check(simpler)
        except (UserError, ValueError):
            continue
        if simpler.digest not in seen:
            seen.add(simpler.digest)
            yield simpler


def _changes(trial: Trial, stage: str | None) -> Iterator[Callable[[], Trial]]:
    case = trial.case

    def stream(**values: Any) -> Callable[[], Trial]:
        return lambda: replace(trial, **values)

    if stage != "HLS C++":
        yield stream(hls=False)
    yield stream(stall_in=Stall(), stall_out=Stall())
    if isinstance(case, Net):
        yield stream(frames=1)
        for simpler in smaller(case):
            yield stream(case=simpler)
    else:
        yield from _of_the_family(trial, case)
    yield stream(frames=1)
    yield stream(stall_in=Stall())
    yield stream(stall_out=Stall())


def _of_the_family(trial: Trial, case: Case) -> Iterator[Callable[[], Trial]]:
    def network(**values: Any) -> Callable[[], Trial]:
        return lambda: replace(trial, case=_fitting(case, values))

    for level in range(len(case.widths) - 1, -1, -1):
        yield network(widths=case.widths[:level] + case.widths[level + 1 :])
    yield network(mode="direct")
    yield network(skips=False, sum_bits=None, layer_sum_bits={}, layer_input_bits={})
    yield network(center=False)
    yield network(middle=0)
    yield network(layer_weight_bits={}, layer_act_bits={}, layer_sum_bits={}, layer_input_bits={})
    yield network(weight_kind="uniform", sparsity=0.0, n_of_m=None)
    yield network(sum_bits=None)
    yield network(pixels_per_beat=1)
    yield network(folding_seed=None, target_fps=SLOWEST)
    deepest = 2 ** len(case.widths)
    yield network(kernel=2, stride=2, height=deepest, width=deepest, pixels_per_beat=1)
    yield network(kernel=case.stride)
    yield network(kernel=case.kernel - 1)
    least = case.generator.multiple
    yield network(height=least, width=least, pixels_per_beat=1)
    yield network(height=least)
    yield network(width=least, pixels_per_beat=1)
    yield network(widths=(1,) * len(case.widths))
    yield network(widths=tuple(max(1, n // 2) for n in case.widths))
    yield network(weight_bits=2)
    yield network(act_bits=2)


def _fitting(case: Case, values: dict[str, Any]) -> Case:
    """The case with `values`; what names layers that it then has not is dropped."""
    changed = replace(case, **values)
    names = layer_names(changed.generator)
    joins = [decoder for _, decoder in skip_pairs(changed.generator)]
    behind_forks = [f"enc{n + 1}" for n in range(1, len(joins) + 1)]
    return replace(
        changed,
        layer_weight_bits=_of(changed.layer_weight_bits, names),
        layer_act_bits=_of(changed.layer_act_bits, names[:-1]),
        layer_sum_bits=_of(changed.layer_sum_bits, joins),
        layer_input_bits=_of(changed.layer_input_bits, behind_forks),
    )


def _of(bits: dict[str, int], names: list[str]) -> dict[str, int]:
    return {name: value for name, value in bits.items() if name in names}
