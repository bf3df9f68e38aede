"""From a cell to its delays: arcs from input to output, and where paths start in it or end in it."""

import math
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hls.clock.netlist import Cell
from pixelmend.errors import UserError

TABLE = Path(__file__).with_suffix(".toml")

Pin = tuple[str, int]
"""A pin and which of its bits."""

UNTIMED = ("BUFG", "VCC", "GND", "$scopeinfo")
"""Clock buffers and constants: no path goes through them."""


@dataclass
class CellTiming:
    """arcs: from, to, ns; starts: pin, ns after the clock; ends: pin, ns before it; inner: ns of its own."""

    arcs: list[tuple[Pin, Pin, float]] = field(default_factory=list)
    starts: list[tuple[Pin, float]] = field(default_factory=list)
    ends: list[tuple[Pin, float]] = field(default_factory=list)
    inner: float = 0.0


@dataclass(frozen=True)
class Delays:
    """Delays of one family and grade."""

    name: str
    values: dict[str, dict[str, Any]]

    def net(self, sinks: int, luts: int, column: bool = False) -> float:
        """Ns of a net, from its sinks and the node's LUTs; `column`: a block RAM or DSP slice at an end."""
        net = self.values["net"]
        spread = math.log2(max(1, luts)) * net["per_size"]
        return float(net["base"] + self.extra(sinks) + spread + (net["column"] if column else 0.0))

    def extra(self, sinks: int) -> float:
        """Ns that a net of so many sinks takes more than one of a single sink."""
        net = self.values["net"]
        return float(net["per_doubling"] * math.log2(min(max(1, sinks), net["most_sinks"])))

    @property
    def uncertainty(self) -> float:
        """Ns of a period that jitter and skew take."""
        return float(self.values["clock"]["uncertainty"])

    def of(self, cell: Cell) -> CellTiming:
        """The delays of a cell; `UserError` for a kind that the table does not have."""
        for pattern, function in KINDS:
            if pattern.fullmatch(cell.kind):
                return function(cell, self.values)
        raise UserError(f"clock: no delays for a cell {cell.kind}; add it to hls/clock/delays.py")


def find(part: str, family: str) -> Delays:
    """The delays for a part: its full name, in which the speed grade is the first number behind a dash."""
    grade = re.search(r"-(\d)", part)
    known = delays()
    name = f"{family}-{grade[1] if grade else 1}"
    if name not in known:
        raise UserError(f"part '{part}': no delays for {name}; hls/clock/delays.toml has {', '.join(known)}")
    return known[name]


@cache
def delays() -> dict[str, Delays]:
    """All rows, by family and grade."""
    table: dict[str, Any] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: Delays(name, _scaled(table, name)) for name in table}


def _scaled(table: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    row = table[name]
    if "of" not in row:
        return dict(row)
    scaled = {group: _times(values, row["share"]) for group, values in table[row["of"]].items()}
    scaled["clock"] = {
        key: value / row["share"] if key.endswith("_mhz") else value
        for key, value in table[row["of"]]["clock"].items()
    }
    scaled["net"]["most_sinks"] = table[row["of"]]["net"]["most_sinks"]
    return scaled


def _times(value: Any, share: float) -> Any:
    if isinstance(value, dict):
        return {key: _times(inner, share) for key, inner in value.items()}
    if isinstance(value, list):
        return [_times(inner, share) for inner in value]
    return value * share


# Kinds of cells. Pins that a cell lacks or that are constant have no bit, so they are passed over in sta.py.


def _pins(cell: Cell, pattern: str) -> Iterator[Pin]:
    for name, bits in cell.pins.items():
        if re.fullmatch(pattern, name):
            for index in range(len(bits)):
                yield name, index


def _lut(cell: Cell, values: dict[str, Any]) -> CellTiming:
    lut = values["lut"]
    outputs = {"O": lut["o6"], "O6": lut["o6"], "O5": lut["o5"]}
    return CellTiming(
        [
            ((name, 0), (out, 0), outputs[out])
            for name in cell.pins
            if name[0] == "I"
            for out in outputs
            if out in cell.pins
        ]
    )


def _inverter(cell: Cell, values: dict[str, Any]) -> CellTiming:
    """It goes into the LUT behind it."""
    return CellTiming([(("I", 0), ("O", 0), 0.0)])


def _mux(cell: Cell, values: dict[str, Any]) -> CellTiming:
    name = "f7" if cell.kind == "MUXF7" else "f8"
    mux = values["mux"]
    data, select = mux[f"{name}_data"], mux[f"{name}_select"]
    return CellTiming([((pin, 0), ("O", 0), select if pin == "S" else data) for pin in ("I0", "I1", "S")])


def _carry4(cell: Cell, values: dict[str, Any]) -> CellTiming:
    carry = values["carry"]
    if "each" in carry:
        return _carry(4, carry["each"])
    result = CellTiming()
    for out in ("O", "CO"):
        key = out.lower()
        for index in range(4):
            for pin in ("CI", "CYINIT"):
                result.arcs.append(((pin, 0), (out, index), carry[f"{pin.lower()}_{key}"][index]))
            for pin in ("S", "DI"):
                way = [row[index] for row in carry[f"{pin.lower()}_{key}"]]
                result.arcs += [((pin, bit), (out, index), ns) for bit, ns in enumerate(way) if ns]
    return result


def _carry8(cell: Cell, values: dict[str, Any]) -> CellTiming:
    return _carry(8, values["carry"]["each"])


def _carry(width: int, carry: dict[str, float]) -> CellTiming:
    """A chain with one delay for all of its bits."""
    result = CellTiming()
    for out in ("O", "CO"):
        key = out.lower()
        for index in range(width):
            ci = carry[f"ci_{key}"]
            result.arcs += [((pin, 0), (out, index), ci) for pin in ("CI", "CYINIT")]
            if index >= width // 2:
                result.arcs.append((("CI_TOP", 0), (out, index), ci))
            result.arcs += [(("S", bit), (out, index), carry[f"s_{key}"]) for bit in range(index + 1)]
            below = range(index + (out == "CO"))
            result.arcs += [(("DI", bit), (out, index), carry[f"di_{key}"]) for bit in below]
    return result


def _flipflop(cell: Cell, values: dict[str, Any]) -> CellTiming:
    ff = values["ff"]
    set_up = {"D": ff["d"], "CE": ff["ce"]} | dict.fromkeys(("R", "S", "CLR", "PRE"), ff["sr"])
    return CellTiming(
        starts=[(("Q", 0), ff["q"])], ends=[((name, 0), set_up[name]) for name in cell.pins if name in set_up]
    )


def _shift_register(cell: Cell, values: dict[str, Any]) -> CellTiming:
    srl = values["srl"]
    starts = [((name, 0), srl["q"] if name == "Q" else srl["q_last"]) for name in cell.pins if name[0] == "Q"]
    return CellTiming(
        [(pin, ("Q", 0), srl["read"]) for pin in _pins(cell, r"A\d?")],
        starts,
        [(("D", 0), srl["d"]), (("CE", 0), srl["ce"])],
    )


def _lutram(cell: Cell, values: dict[str, Any]) -> CellTiming:
    """RAMnX1S, RAMnX1D and RAMnM: memories of LUTs, written by the clock and read without."""
    ram = values["lutram"]
    depth = int("".join(re.findall(r"RAM(\d+)", cell.kind)))
    deep = ram["deep"] if depth > 64 else 0.0
    result = CellTiming()
    outputs = {"O": r"A\d?", "SPO": r"A\d?", "DPO": r"DPRA\d?"} | {
        f"DO{port}": f"ADDR{port}" for port in "ABCDEFGH"
    }
    for out, address in outputs.items():
        for pin in _pins(cell, out):
            result.starts.append((pin, ram["out"] + deep))
            result.arcs += [(source, pin, ram["read"] + deep) for source in _pins(cell, address)]
    last = max((name for name in cell.pins if name.startswith("ADDR")), default="")
    result.ends += [(pin, ram["address"]) for pin in _pins(cell, last or r"A\d?")]
    result.ends += [(pin, ram["data"]) for pin in _pins(cell, r"D|DI[A-H]")]
    result.ends += [(pin, ram["we"]) for pin in _pins(cell, "WE")]
    return result


BRAM_INPUTS = (
    (r"ADDR.*ADDR[LU]?", "address"), (r"DI.*|DIN.*", "data"), (r"WE.*", "we"), (r"EN.*", "en"),
    (r"REGCE.*", "regce"), (r"RST.*", "reset"),
)  # fmt: skip


def _block_ram(cell: Cell, values: dict[str, Any]) -> CellTiming:
    ram = values["bram"]
    result = CellTiming()
    for pattern, key in BRAM_INPUTS:
        result.ends += [(pin, ram[key]) for pin in _pins(cell, pattern)]
    for pin in _pins(cell, r"DO(UT)?[AP].*|DO(UT)?B.*"):
        side = "B" if re.search(r"DO(UT)?P?B", pin[0]) else "A"
        registered = _number(cell.parameters.get(f"DO{side}_REG", "0"))
        result.starts.append((pin, ram["out_register"] if registered else ram["out"]))
    return result


def _number(value: str | int) -> int:
    """A parameter of Yosys' JSON: binary digits, or an integer."""
    text = str(value).strip()
    return (
        int(text, 2) if text and set(text) <= {"0", "1"} else int(text) if text.lstrip("-").isdigit() else 0
    )


class _Slice:
    """A DSP slice: which of its registers are in use."""

    def __init__(self, cell: Cell) -> None:
        self.modes = cell.parameters
        self.multiplies = self._word("USE_MULT", "MULTIPLY") != "NONE"
        selected = {self._word(name) for name in ("AMULTSEL", "BMULTSEL")}
        self.adds_before = self._word("USE_DPORT") == "TRUE" or "AD" in selected

    def _word(self, name: str, default: str = "") -> str:
        return str(self.modes.get(name, default)).strip()

    def register(self, name: str) -> bool:
        """Whether a register is in use; all are where nothing is said."""
        return bool(_number(self.modes.get(name, "1")))

    @property
    def operands(self) -> tuple[str, ...]:
        """The inputs in use."""
        return ("A", "B", "C", "D", "PCIN") if self.adds_before else ("A", "B", "C", "PCIN")

    def row(self, operand: str) -> str:
        """What the operand's way is called in the table."""
        if operand in "AB" and not self.multiplies:
            return f"{operand}_add"
        return "A_pre" if operand == "A" and self.adds_before else operand

    def stages(self, operand: str) -> list[str]:
        """The registers that the operand goes through, in order."""
        multiplied = self.multiplies and operand in "ABD"
        there = {
            "in": operand != "PCIN" and self.register(f"{operand}REG"),
            "ad": self.adds_before and operand in "AD" and self.register("ADREG"),
            "m": multiplied and self.register("MREG"),
            "p": self.register("PREG"),
        }
        return [stage for stage, used in there.items() if used]


def _dsp(cell: Cell, values: dict[str, Any]) -> CellTiming:
    """The first register behind an input ends a path, the last one before P starts one."""
    dsp, q = values["dsp"], values["ff"]["q"]
    unit = _Slice(cell)
    result = CellTiming()
    outputs = [(pin, 0.0) for pin in _pins(cell, "P|CARRYOUT|PATTERNB?DETECT|OVERFLOW|UNDERFLOW")]
    outputs += [(pin, dsp["cascade"]) for pin in _pins(cell, "PCOUT|CARRYCASCOUT|MULTSIGNOUT")]
    out = 0.0
    for operand in unit.operands:
        row, stages = unit.row(operand), unit.stages(operand)
        pins = list(_pins(cell, rf"{operand}(CIN)?"))
        if not stages:
            result.arcs += [(pin, to, dsp["through"][row] + more) for pin in pins for to, more in outputs]
            continue
        set_up = {
            "in": dsp["setup_in"].get(operand, 0.0),
            "ad": dsp["setup_ad"].get(operand, 0.0),
            "m": dsp["setup_m"].get(row, 0.0),
            "p": dsp["setup_p"][row],
        }
        result.ends += [(pin, set_up[stages[0]]) for pin in pins]
        last = {"in": row, "ad": "AD", "m": "M", "p": "P"}[stages[-1]]
        out = max(out, dsp["out"].get(last, 0.0))
        if stages[0] == "in" and len(stages) > 1:
            result.inner = max(result.inner, q + set_up[stages[1]])
        if stages[-2:] == ["m", "p"]:
            result.inner = max(result.inner, dsp["out"]["M"])
    result.starts += [(pin, out + more) for pin, more in outputs if out]
    result.starts += [(pin, q) for pin in _pins(cell, "ACOUT|BCOUT")]
    result.ends += [(pin, dsp["control"]) for pin in _pins(cell, "CE.*|RST.*")]
    for name in ("OPMODE", "ALUMODE", "INMODE", "CARRYIN", "CARRYINSEL"):
        ns = dsp["mode"] if unit.register(f"{name}REG") else dsp["mode_open"]
        result.ends += [(pin, ns) for pin in _pins(cell, name)]
    return result


def _nothing(cell: Cell, values: dict[str, Any]) -> CellTiming:
    return CellTiming()


KINDS: tuple[tuple[re.Pattern[str], Callable[[Cell, dict[str, Any]], CellTiming]], ...] = tuple(
    (re.compile(pattern), function)
    for pattern, function in (
        (r"LUT\d(_2)?", _lut),
        (r"FD[RSCP]E(_1)?|LD[CP]E", _flipflop),
        (r"CARRY4", _carry4),
        (r"CARRY8", _carry8),
        (r"MUXF[789]", _mux),
        (r"INV|BUF", _inverter),
        (r"SRL.*", _shift_register),
        (r"RAMB(18|36)E[12]", _block_ram),
        (r"RAM\d+(X1[SD](_1)?|M\d*)", _lutram),
        (r"DSP48E[12]", _dsp),
        ("|".join(map(re.escape, UNTIMED)), _nothing),
    )
)
