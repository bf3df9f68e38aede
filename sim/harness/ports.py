"""The ports of a module under test."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stream:
    """An AXI-Stream port: `<name>_TDATA` of `width` bits, TVALID, TREADY and, with `tlast`, TLAST.

    Signal names follow the case of the name: `in0_V` -> `in0_V_TDATA`, `s_axis` -> `s_axis_tdata`.
    """

    name: str
    width: int
    tlast: bool = False

    @property
    def bytes(self) -> int:
        """Bytes of one beat in the arrays of `Simulation.run`."""
        return (self.width + 7) // 8

    def signal(self, suffix: str) -> str:
        """The port name of `suffix`, one of tdata, tvalid, tready, tlast."""
        return f"{self.name}_{suffix if self.name.islower() else suffix.upper()}"


@dataclass(frozen=True)
class Ports:
    """What the testbench connects to.

    `flags` are single-bit outputs. `probes` name the streams seen by outputs `probe_valid[N-1:0]` and
    `probe_ready[N-1:0]`, bit 0 first; `fills` name the FIFOs seen by `probe_fill[32*F-1:0]`,
    `signatures` the 32-bit words of `probe_signature[32*S-1:0]`, which are read at the end of a run, and
    `caps` the FIFOs that take no beat at or above their word of the input `probe_cap[32*C-1:0]`.
    """

    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    flags: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    caps: tuple[str, ...] = ()
    clock: str = "ap_clk"
    reset_n: str = "ap_rst_n"
