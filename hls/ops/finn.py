"""What the wrapped nodes of FINN have in common."""

from hls.ops.operator import Operator


class FinnOp(Operator):
    """Base of FINN's nodes with our facets; it stands before FINN's class among the bases.

    Kernels, registers and what follows from a folding are those of most of them.
    """

    def registers(self) -> tuple[int, int]:
        return 1, 1

    def folded(self) -> None:
        pass
