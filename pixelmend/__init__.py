"""The foundation that every stage stands on: errors, files, configuration, provenance, console.

It knows nothing of networks or hardware. Imports go one way: pixelmend <- model <- quant <- hls <- sim.
`board/` imports none of these, since it runs on the board.
"""

__version__ = "0.1.0"
