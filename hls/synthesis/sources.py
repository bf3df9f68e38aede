"""The RTL of a build as slang takes it, and which of its files a module needs."""

import re
from collections.abc import Iterable
from pathlib import Path

from hls.rtl.sources import sources
from pixelmend.errors import UserError

Edits = tuple[tuple[str, str], ...]

NO_WATCHDOG = ("\t\tinitial begin\n\t\t\t#100ns;\n\t\t\tDirty <= 0;\n\t\tend\n", "")
"""It warns in simulations; slang takes initial blocks for start values, and here one with a delay."""

EDITS: dict[str, Edits] = {
    "mvu.sv": (NO_WATCHDOG,),
    "mvu_vvu_8sx9_dsp58.sv": (NO_WATCHDOG,),
    "thresholding.sv": (
        # In the first stage this is a slice of no bits, in a branch that is not taken.
        ("p.ptr[M-1:SN+1] <", "(p.ptr[M-1:0] >> (SN+1)) <"),
        # A shift register written word by word is a memory of many ports to slang. The same as one shift:
        (
            "\t\tlogic        [PE-1 : 0][M-1 : 0]  ADat[A_DEPTH];\n",
            "\t\tlogic        [PE-1 : 0][M-1 : 0]  ADat[A_DEPTH];\n"
            "\t\tlogic        [PE-1 : 0][M-1 : 0]  anext;\n"
            "\t\tfor(genvar  pe = 0; pe < PE; pe++)  assign  anext[pe] = pipe[pe][M].ptr[M-1:0];\n",
        ),
        (
            "\t\t\t\tforeach(pipe[pe])  ADat[0][pe] <= pipe[pe][M].ptr;\n"
            "\t\t\t\tfor(int unsigned  i = 1; i < A_DEPTH; i++)  ADat[i] <= ADat[i-1];\n",
            "\t\t\t\tADat <= { anext, ADat[0:A_DEPTH-2] };\n",
        ),
    ),
}
"""What is replaced in FINN's files of that name, each text once; the circuit stays the same."""

DECLARED = re.compile(r"^[ \t]*(?:module|package)\s+(\w+)", re.MULTILINE)


def mended(path: Path) -> str:
    """The text of a source as slang and Yosys take it.

    Besides `EDITS`: Yosys knows the attribute for the style of a memory in lower case only, and slang, as the
    standard, has no `default_nettype inside a module.
    """
    text = path.read_text(encoding="utf-8")
    for old, new in EDITS.get(path.name, ()):
        if text.count(old) != 1:
            raise UserError(f"{path}: expected {old!r} once, as in finn-plus 1.6.1; found {text.count(old)}")
        text = text.replace(old, new)
    text = re.sub(r"^[ \t]*`default_nettype .*$", "", text, flags=re.MULTILINE)
    return re.sub(r"(\(\*[^)]*?)\bRAM_STYLE(\s*=)", r"\1ram_style\2", text)


class Library:
    """All sources of a build, mended, by their path relative to rtl/, in compile order."""

    def __init__(self, rtl: Path) -> None:
        self.rtl = rtl
        self.texts = {path.relative_to(rtl).as_posix(): mended(path) for path in sources(rtl)}
        self.files = {name: file for file, text in self.texts.items() for name in DECLARED.findall(text)}
        self.words = {file: set(re.findall(r"\w+", text)) for file, text in self.texts.items()}

    def needed(self, words: Iterable[str]) -> list[str]:
        """The files that declare any of `words`, and whatever those files name in turn."""
        found: set[str] = set()
        waiting = set(words)
        while waiting:
            new = {self.files[word] for word in waiting if word in self.files} - found
            found |= new
            waiting = set().union(*(self.words[file] for file in new))
        return [file for file in self.texts if file in found]
