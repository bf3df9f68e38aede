"""Yosys as SymbiYosys calls it, `python yosys.py -ql LOG SCRIPT`, from the native pyosys: the WebAssembly one
that comes with SymbiYosys takes minutes to start for the first time. It imports nothing of the project.
"""

import sys

from pyosys import libyosys as yosys

if __name__ == "__main__":
    quiet, log, script = sys.argv[1:]
    if quiet != "-ql":
        sys.exit(f"yosys.py: expected -ql LOG SCRIPT as SymbiYosys gives it, got {sys.argv[1:]}")
    yosys.run_pass(f"tee -q -o {log} script {script}")
