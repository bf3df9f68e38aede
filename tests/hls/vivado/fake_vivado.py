"""A fake `vivado` for the PATH: logs its arguments and runs build.tcl through the recording stand-in.

FAKE_LOG: file that gets a line of JSON for each call. FAKE_MODE: "crash" says what a failed run says and ends
with status 1, "hang" never ends, "silent" says nothing of a version, "empty" ends well and leaves nothing.
The stand-in's own variables (VIVADO_SLACKS and so on) pass through.
"""

import json
import os
import sys
import time
from pathlib import Path

from tests.hls.vivado.tcl import with_standin

HERE = Path(__file__).parent


def main() -> int:
    mode = os.environ.get("FAKE_MODE", "")
    log = Path(os.environ["FAKE_LOG"])
    with log.open("a") as stream:
        stream.write(json.dumps({"arguments": sys.argv[1:], "folder": str(Path.cwd())}) + "\n")
    if "-version" in sys.argv:
        print(
            ""
            if mode == "silent"
            else "Vivado v2020.2 (64-bit)\nSW Build 3064766 on Wed Nov 18 09:12:47 MST 2020"
        )
        return 0
    if mode == "crash":
        print((HERE / "reports" / "failed.log").read_text(), flush=True)
        return 1
    if mode == "hang":
        print("PIXELMEND STEP 6/8 synthesis", flush=True)
        log.with_suffix(".hanging").touch()
        time.sleep(100)
    if mode == "empty":
        return 0
    done = with_standin(
        Path.cwd() / "build.tcl",
        log.with_suffix(".record"),
        {"VIVADO_REPORTS": str(HERE / "reports")},
    )
    print(done.stdout, done.stderr, flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
