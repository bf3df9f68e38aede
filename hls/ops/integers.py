"""Integer types by the values that they must hold."""

from typing import Any

from qonnx.core.datatype import BaseDataType, DataType

from hls.ops.operator import Array


def holding(lowest: int, highest: int, least_bits: int = 1) -> BaseDataType:
    """The narrowest signed type that holds both ends and has at least so many bits."""
    bits = max((-lowest - 1).bit_length(), highest.bit_length()) + 1
    return DataType[f"INT{max(bits, least_bits)}"]


def fits(operator: Any, values: Array, kind: BaseDataType) -> Array:
    """`values`, the results of `operator`; `UserError` where one is outside the declared datatype `kind`."""
    low, high = values.min(initial=0), values.max(initial=0)
    if low < kind.min() or high > kind.max():
        raise operator.error(
            f"outputDataType {kind.name} must hold every result, from {kind.min():.0f} to {kind.max():.0f}; "
            f"got {low:.0f} to {high:.0f}"
        )
    return values
