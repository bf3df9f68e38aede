"""The folding within a budget: against exhaustive search, and what it says when nothing fits."""

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from qonnx.custom_op.registry import getCustomOp

from hls import budget, dataflow, fold
from hls.config import HlsConfig
from hls.cost import Option, lanes, options, weight_memory
from hls.layers.restoration import filling
from hls.network import Network, Tensor
from hls.ops import facets
from hls.parts import Part, find
from pixelmend.errors import UserError
from tests.networks import Case, integer_network

Z2 = find("xc7z020clg400-1")


@pytest.mark.parametrize(
    ("weights", "acts", "family", "count"),
    # design section 6, the vendor's DSP48E1; FINN's packing
    [(4, 4, "xc7", 4), (3, 4, "xc7", 4), (3, 3, "xc7", 5), (2, 4, "xc7", 5), (4, 8, "xc7", 2),
     (8, 8, "xc7", 2), (4, 5, "xc7", 3), (4, 4, "xcup", 4)],
)  # fmt: skip
def test_lanes(weights: int, acts: int, family: str, count: int) -> None:
    assert lanes(weights, acts, family) == count


@pytest.mark.parametrize(
    ("width", "depth", "style", "bram36", "lut"),
    [
        (512, 100, "distributed", 0, 1024),
        (480, 384, "block", 7, 0),  # 6.67 wide
        (36, 512, "block", 0.5, 0),  # one half
        (64, 1600, "block", 4, 0),  # 2048 x 18, four times
        (512, 1440, "block", 22.5, 0),  # halves of 512 x 36: 3 deep, 15 wide
    ],
)
def test_weight_memory(width: int, depth: int, style: str, bram36: float, lut: int) -> None:
    assert weight_memory(width, depth) == (style, bram36, lut)


def test_options_lose_nothing() -> None:
    """Whatever folding there is, an option kept is at least as good in everything."""
    model = dataflow.build(integer_network(Case(widths=(4, 6), height=16, width=16)))
    for node in model.graph.node:
        if node.op_type != "MVAU_rtl":
            continue
        operator = getCustomOp(node)
        kept = options(operator, Z2)
        rows, columns = operator.get_nodeattr("MH"), operator.get_nodeattr("MW")
        windows = math.prod(operator.get_nodeattr("numInputVectors"))
        for pe, simd in itertools.product(range(1, rows + 1), range(1, columns + 1)):
            if rows % pe or columns % simd:
                continue
            folds = (rows // pe) * (columns // simd)
            dsp = simd * math.ceil(pe / lanes(4, operator.get_input_datatype(0).bitwidth(), "xc7"))
            _, bram36, _ = weight_memory(pe * simd * 4, folds)
            assert any(
                option.cycles <= windows * folds and option.dsp <= dsp and option.bram36 <= bram36
                for option in kept
            ), (node.name, pe, simd)
        assert all(rows % option.pe == 0 and columns % option.simd == 0 for option in kept)


@pytest.mark.parametrize("seed", range(8))
def test_cheapest_is_that_of_exhaustive_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = {
        f"unit{n}": [
            Option(1, 1, int(c), int(d), float(b), int(u)) for c, d, b, u in rng.integers(1, 60, (5, 4))
        ]
        for n in range(4)
    }
    limits = {"dsp": 110.0, "bram36": 120.0, "lut": 130.0}
    found = budget._cheapest(units, budget.Budget(limits), 45)
    best = math.inf
    for chosen in itertools.product(*units.values()):
        use = {name: sum(getattr(option, name) for option in chosen) for name in limits}
        fits = all(use[name] <= limits[name] for name in limits) and max(o.cycles for o in chosen) <= 45
        if fits:
            best = min(best, sum(use[name] / limits[name] for name in limits))
    if math.isinf(best):
        assert found is None
    else:
        assert found is not None
        cost = sum(getattr(option, name) / limits[name] for option in found.values() for name in limits)
        assert cost == pytest.approx(best)


def test_without_a_target_it_is_the_fastest_within_the_caps() -> None:
    model = dataflow.build(integer_network(Case(widths=(8, 8), height=32, width=32)))
    hls = HlsConfig(target_fps=None, max_dsp=0.1)
    folding = budget.choose(model, hls)
    fold.apply(model, folding)
    dsp, slowest = 0, 0
    for node in model.graph.node:
        operator = getCustomOp(node)
        slowest = max(slowest, int(operator.get_exp_cycles()))
        if node.op_type == "MVAU_rtl":
            bits = operator.get_input_datatype(0).bitwidth()
            per_slice = lanes(operator.get_input_datatype(1).bitwidth(), bits, "xc7")
            dsp += operator.get_nodeattr("SIMD") * math.ceil(operator.get_nodeattr("PE") / per_slice)
    assert dsp <= 22
    faster = replace(hls, target_fps=hls.clock_mhz * 1e6 / (slowest * 0.8))
    with pytest.raises(
        UserError,
        match=r"does not fit xc7z020 at 100 MHz: dsp binds: .* The smallest change that fits: .* \(max_dsp = "
        r".* The fastest that fits",
    ):
        budget.choose(model, faster)
    reached = budget.choose(model, replace(hls, target_fps=hls.clock_mhz * 1e6 / slowest))
    assert set(reached) == set(folding)


def test_a_part_that_is_full_before_it_begins() -> None:
    model = dataflow.build(integer_network(Case(widths=(8, 8), height=32, width=32)))
    with pytest.raises(UserError, match="the network does not fit xc7z020 at any speed: "):
        budget.choose(model, HlsConfig(max_bram=0.02))


def two_ways(dsp: float, bram36: float) -> tuple[dict[str, list[Option]], budget.Budget]:
    """Two units, each either of 10 DSP or of 10 BRAM36; LUTs are no question."""
    either = [Option(1, 2, 40, 10, 1, 5), Option(2, 1, 40, 1, 10, 5)]
    return {"one": either, "two": either}, budget.Budget({"dsp": dsp, "bram36": bram36, "lut": 1000.0})


def caps(message: str) -> dict[str, float]:
    """The caps that a message asks for."""
    return {name: float(value) for name, value in re.findall(r"\((max_\w+) = ([\d.]+)", message)}


@pytest.mark.parametrize(
    ("dsp", "bram36", "message"),
    [
        # alone too few: with two of the second kind 2 DSP are enough
        (1, 30, "dsp binds: matrix units need 2 or more, 1 are left. "
                "The smallest change that fits: 1.0 dsp more (max_dsp = 1.005)"),
        (1, 1, "dsp binds: matrix units need 2 or more, 1 are left and bram36 binds: matrix units need 2 or "
               "more, 1 are left. The smallest change that fits: "),
        # each enough alone: 9 and 9 serve for neither two of a kind nor one of each
        (9, 9, "dsp and bram36 bind together: each is enough alone. The smallest change that fits: "),
        # one of each kind needs 11 and 11: BRAM is there, 2 DSP are the smallest change
        (9, 11, "dsp and bram36 bind together: each is enough alone. "
                "The smallest change that fits: 2.0 dsp more (max_dsp = 1.01)"),
    ],
)  # fmt: skip
def test_what_binds_and_the_smallest_change(dsp: int, bram36: int, message: str) -> None:
    units, limits = two_ways(dsp, bram36)
    assert budget._cheapest(units, limits, 40) is None
    hls = HlsConfig(max_dsp=1.0, max_bram=0.9)
    said = budget._binding(units, limits, Z2, hls, 40).replace(", more than the part has", "")
    assert said.startswith(message)
    # the caps it asks for are enough
    raised = {"dsp": limits.limits["dsp"], "bram36": limits.limits["bram36"], "lut": 1000.0}
    for cap, value in caps(said).items():
        name, has = {"max_dsp": ("dsp", 220), "max_bram": ("bram36", 140)}[cap]
        raised[name] += (value - getattr(hls, cap)) * has
    assert budget._cheapest(units, budget.Budget(raised), 40) is not None


def test_a_unit_too_slow_at_its_widest_is_named() -> None:
    units, limits = two_ways(50, 50)
    said = budget._binding(units, limits, Z2, HlsConfig(), 39)
    assert said == "one needs 40 cycles a frame at its widest folding, 39 are allowed"


@pytest.mark.parametrize("part", [find("xck26-sfvc784-2LV-c"), find("xczu7ev-ffvc1156-2-e"), Z2])
def test_every_part_is_folded_within_its_caps(part: Part) -> None:
    """The full-size network on each row of the table, with its DSP slices' packing."""
    case = Case(widths=(20, 40, 72, 160), height=256, width=256, sum_bits=4)
    model = dataflow.build(integer_network(case))
    hls = HlsConfig(part=part.name)
    folding = budget.choose(model, hls)
    fold.apply(model, folding)
    used = dict.fromkeys(budget.RESOURCES, 0.0)
    slowest = 0
    for node in model.graph.node:
        operator = getCustomOp(node)
        slowest = max(slowest, int(operator.get_exp_cycles()))
        if node.op_type != "MVAU_rtl":
            continue
        (option,) = [one for one in options(operator, part) if one.folding == folding[node.name]]
        act_bits = operator.get_input_datatype(0).bitwidth()
        per_slice = {"xc7": 2, "xcup": 3}[part.family] if act_bits == 8 else 4
        assert option.dsp == option.simd * math.ceil(option.pe / per_slice)
        for name in used:
            used[name] += getattr(option, name)
    limits = budget.Budget.of(part, hls).limits
    assert all(used[name] <= limits[name] for name in used)
    if part is Z2:
        assert used["dsp"] > 0.95 * part.dsp
    else:
        assert slowest < 422_500, "faster than on the small part"


def test_a_pyramid_takes_its_share_beside_the_matrix_units() -> None:
    """Levels of 256, 128 and 64 columns; hls.fit measures 4, 1 and 0 BRAM36 of what waits at each."""
    image = Tensor("image", 16, 256, 4, 8, 255, 1.0)
    layers, filled = filling(image, 3, False, "filled")
    model = dataflow.build(Network(image, (filled,), tuple(layers), 0.5))
    folding = {node.name: dict.fromkeys(facets(node).limits(), 4) for node in model.graph.node}
    luts, blocks = budget.Beside(model).cells(folding)
    assert blocks == budget.MORE_BLOCKS * 5
    assert 1500 < luts < 4000, "hls.fit measures some 2,300"
    limits = {"dsp": 220.0, "bram36": 100.0, "lut": 40_000.0}
    left = budget.Budget(limits).less(luts, blocks).limits
    assert left == limits | {"lut": 40_000 - luts, "bram36": 100 - blocks}


def test_units_leave_the_pyramid_its_share() -> None:
    """Where block RAM binds, a network that fills from more levels gets a slower folding."""
    hls = HlsConfig(max_bram=1.1)
    slowest = {}
    for levels in (1, 6):
        case = Case((20, 40, 72, 160), height=256, width=256, mode="filled", fill_levels=levels)
        model = dataflow.build(integer_network(case))
        fold.apply(model, budget.choose(model, hls))
        slowest[levels] = max(int(getCustomOp(node).get_exp_cycles()) for node in model.graph.node)
    assert slowest[6] > slowest[1]
