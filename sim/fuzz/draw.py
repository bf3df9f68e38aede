"""A random trial: a general network (`graphs`), or one of the family with all that its hardware offers."""

from typing import Any, Literal, TypeVar

import numpy as np

from hls.cost import divisors
from hls.ops.relax.op import NARROWEST
from model.generator import GeneratorConfig, Mode
from quant.bits import WeightKind, layer_names, skip_pairs
from sim.family import Case
from sim.fuzz.general import NO_CAPS
from sim.fuzz.graphs import draw_net
from sim.fuzz.net import Net
from sim.fuzz.trial import Trial
from sim.verilator import Stall

CLOCK_HZ = 1e8  # of the configurations drawn, the default
MOST_SIDE = 24  # px; a frame is larger only where the strides ask for it
GENERAL = 0.8  # of the trials, where both kinds are drawn
Kind = Literal["general", "family", "both"]

Choice = TypeVar("Choice")


def draw(seed: int, number: int, kind: Kind = "both") -> Trial:
    """Trial `number` of the campaign `seed`."""
    rng = np.random.default_rng([seed, number])
    if kind != "family" and (kind == "general" or rng.random() < GENERAL):
        return _trial(rng, draw_net(rng))
    return _trial(rng, _case(rng))


def _trial(rng: np.random.Generator, case: Case | Net) -> Trial:
    stalls = _stall(rng), _stall(rng)
    return Trial(case, int(rng.integers(2, 4)), *stalls, hls=bool(rng.random() < 0.25))


def _case(rng: np.random.Generator) -> Case:
    generator = _generator(rng)
    multiple = generator.multiple
    height, width = (multiple * int(rng.integers(1, max(2, MOST_SIDE // multiple + 1))) for _ in range(2))
    return Case(
        generator.widths,
        height,
        width,
        generator.kernel,
        generator.stride,
        generator.skips,
        generator.center,
        generator.middle,
        **_bits(rng, generator),
        pixels_per_beat=_one(rng, [n for n in divisors(width) if n <= 8]) if rng.random() < 0.5 else 1,
        **_folding(rng, height, width, generator.stride),
        mode=generator.mode,
        fill_levels=generator.fill_levels,
        fill_sweeps=generator.fill_sweeps if width >= NARROWEST else 0,
        seed=int(rng.integers(1 << 31)),
    )


def _generator(rng: np.random.Generator) -> GeneratorConfig:
    levels = _one(rng, [1, 2, 3, 4], [0.25, 0.4, 0.25, 0.1])
    stride = 2 if levels > 2 else _one(rng, [2, 3, 4], [0.7, 0.2, 0.1])
    widest = (10, 10, 6, 4)[levels - 1]
    modes: list[Mode] = ["direct", "selective", "mapped", "filled", "corrected"]
    return GeneratorConfig(
        # any count, as pruning leaves it
        tuple(int(n) for n in rng.integers(1, widest + 1, levels)),
        kernel=stride + int(rng.integers(0, 5)),
        stride=stride,
        skips=bool(rng.random() < 0.75),
        center=bool(rng.random() < 0.6),
        middle=_one(rng, [0, 1, 2], [0.75, 0.15, 0.1]),
        spectral_norm=False,
        mode=_one(rng, modes, [0.3, 0.2, 0.1, 0.25, 0.15]),
        fill_levels=int(rng.integers(1, 4 if stride != 3 else 2)),  # 72 px have both 3 * 3 and 2 * 2 * 2
        fill_sweeps=_one(rng, [0, 1, 2, 3], [0.4, 0.3, 0.2, 0.1]),
    )


def _bits(rng: np.random.Generator, generator: GeneratorConfig) -> dict[str, Any]:
    """Bit widths, kinds and masks; the operands of a sum share theirs."""
    names = layer_names(generator)
    kinds: list[WeightKind] = ["uniform", "power_of_two", "binary"]
    kind = _one(rng, kinds, [0.7, 0.2, 0.1])
    act_bits = _width(rng)
    partner = {decoder: encoder for encoder, decoder in skip_pairs(generator)}
    acts: dict[str, int] = {}
    if rng.random() < 0.3:
        for name in names[:-1]:
            acts[name] = acts[partner[name]] if name in partner else _width(rng)
    mask: dict[str, Any] = {}
    if kind != "binary" and rng.random() < 0.25:
        mask = _one(rng, [{"sparsity": 0.5}, {"sparsity": 0.9}, {"n_of_m": (2, 4)}, {"n_of_m": (1, 2)}])
    some = [name for name in names if rng.random() < 0.3] if rng.random() < 0.5 else []
    return {
        "weight_bits": _width(rng),
        "act_bits": act_bits,
        "sum_bits": _width(rng) if generator.skips and rng.random() < 0.4 else None,
        "layer_weight_bits": {name: _width(rng) for name in some},
        "layer_act_bits": acts,
        "layer_sum_bits": {name: _width(rng) for name in partner if rng.random() < 0.2},
        "layer_input_bits": _inputs(
            rng, {f"enc{n}": acts.get(f"enc{n}", act_bits) for n in range(1, len(partner) + 1)}
        ),
        "weight_kind": kind,
        **mask,
    }


def _inputs(rng: np.random.Generator, forked: dict[str, int]) -> dict[str, int]:
    """Some of the layers behind a fork take fewer bits than the skip; `forked` has those of the skips."""
    behind = {f"enc{int(name[3:]) + 1}": bits for name, bits in forked.items() if bits > 2}
    return {name: int(rng.integers(2, bits)) for name, bits in behind.items() if rng.random() < 0.2}


def _width(rng: np.random.Generator) -> int:
    """2 to 8 bits, half of the time what most networks have."""
    return 4 if rng.random() < 0.4 else int(rng.integers(2, 9))


def _folding(rng: np.random.Generator, height: int, width: int, stride: int) -> dict[str, Any]:
    """Any PE and SIMD, or a frame rate between the fastest the windows allow and a slow one."""
    if rng.random() < 0.5:
        return {"folding_seed": int(rng.integers(1 << 31)), "caps": NO_CAPS}
    windows = (height + 2 * stride) * (width + 2 * stride)
    return {"target_fps": CLOCK_HZ / (windows * float(rng.uniform(1.0, 40.0))), "caps": NO_CAPS}


def _stall(rng: np.random.Generator) -> Stall:
    """A pixel takes some hundred cycles, so an end must be slow before the network notices."""
    kind = _one(rng, ["none", "random", "bursty", "periodic", "one_in_four"])
    value = {
        "random": float(rng.uniform(0.3, 0.99)),
        "bursty": float(rng.uniform(2, 500)),
        "periodic": float(rng.integers(2, 64)),
    }.get(kind, 0.0)
    return Stall(kind, round(value, 3), int(rng.integers(1 << 31)))


def _one(rng: np.random.Generator, of: list[Choice], shares: list[float] | None = None) -> Choice:
    return of[int(rng.choice(len(of), p=shares))]
