"""The foundation that every stage stands on: errors, files, configuration, provenance, console.

It knows nothing of networks or hardware. Imports go one way: pixelmend <- model <- quant <- hls <- sim.
`board/` imports none of these, since it runs on the board.
"""

import logging

# PyTorch built for CUDA warns at import where a CUDA compiler is but no GPU: not a line of any command's.
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)

__version__ = "0.1.0"
