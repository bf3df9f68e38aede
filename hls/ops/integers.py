"""Integer types by the values that they must hold."""

from qonnx.core.datatype import BaseDataType, DataType


def holding(lowest: int, highest: int, least_bits: int = 1) -> BaseDataType:
    """The narrowest signed type that holds both ends and has at least so many bits."""
    bits = max((-lowest - 1).bit_length(), highest.bit_length()) + 1
    return DataType[f"INT{max(bits, least_bits)}"]
