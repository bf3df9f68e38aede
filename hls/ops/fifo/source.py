"""FINN's fifo.sv, and what has to be mended in it for Verilator and slang."""

from pathlib import Path

from finn.custom_op.fpgadataflow import rtlbackend

from pixelmend.errors import UserError

FIFO_EDITS = (
    # Verilator 5.48 evaluates a constant function on a packed structure only.
    ("typedef struct {\n\t\tint unsigned  lo;", "typedef struct packed {\n\t\tint unsigned  lo;"),
    # slang, as the standard, has no such directive inside a module; all nets are declared.
    ("`default_nettype none\n", "\n"),
    ("`default_nettype wire\n", "\n"),
)
"""What `mend_fifo` replaces in fifo.sv of finn-plus 1.6.1, each text once; the function stays the same."""


def fifo_source() -> Path:
    """FINN's `fifo.sv`, which Vivado takes as it is, Verilator and slang after `mend_fifo`."""
    return Path(rtlbackend.__file__).parents[2] / "finn-rtllib" / "fifo" / "hdl" / "fifo.sv"


def mend_fifo(text: str) -> str:
    """FINN's `fifo.sv` so that Verilator 5.48 and slang accept it as well; see `FIFO_EDITS`."""
    for old, new in FIFO_EDITS:
        if text.count(old) != 1:
            raise UserError(f"fifo.sv: expected {old!r} once, as in finn-plus 1.6.1; found {text.count(old)}")
        text = text.replace(old, new)
    return text
