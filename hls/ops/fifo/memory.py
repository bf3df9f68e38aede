"""What a FIFO of FINN's fifo.sv is made of."""

from hls.cost import weight_memory

LUT_BEATS = 257
LEAST_ADDRESS = 9  # bits; fifo.sv divides no memory that fits one block RAM


def ram_style(beats: int) -> str:
    """Memory of a FIFO, in FINN's words: LUTs up to what its fifo.sv puts there itself, block RAM beyond.

    FINN's own choice beyond 2028 beats is UltraRAM, which the Zynq-7000 has not.
    """
    return "auto" if beats <= LUT_BEATS else "block"


def memories(depth: int, width: int) -> list[int]:
    """Depths of one or two FIFOs in a row that hold `depth` beats of `width` bits in least block RAM.

    FINN's fifo.sv keeps one beat in its output register and the others in memories of 2^a + 2^b words, of
    which it rounds the second up, at worst to nearly twice the need. Then a smaller FIFO takes the rest.
    """
    words = depth - 1
    if depth <= LUT_BEATS:
        return [depth]
    high = words.bit_length() - 1
    low = (words - 2**high).bit_length() - 1
    first = 1 + 2**high + (2**low if low >= 0 else 0)
    rest = max(2, depth - first)
    split = block_ram(first, width) + block_ram(rest, width)
    return [first, rest] if first < depth and split < block_ram(depth, width) else [depth]


def block_ram(depth: int, width: int) -> float:
    """BRAM36 of one fifo.sv, by its own division into memories."""
    if depth <= LUT_BEATS:
        return 0.0
    words = depth - 1
    whole = (words - 1).bit_length()
    second = (words - 2 ** (whole - 1) - 1).bit_length()
    parts = [whole - 1, max(1, second)] if whole > LEAST_ADDRESS and second < whole - 1 else [whole]
    return sum(weight_memory(width, 2**bits)[1] for bits in parts)


def fifo_cells(depth: int, width: int) -> tuple[float, float]:
    """LUTs and BRAM36 of a FIFO, roughly: pointers and multiplexers, and what it holds."""
    held = width * -(-depth // 32) if depth <= LUT_BEATS else 0
    return 55.0 + held, sum(block_ram(one, width) for one in memories(depth, width))
