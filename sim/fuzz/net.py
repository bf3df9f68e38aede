"""A general network as the fuzzer describes it: steps from tensors to tensors, and what each tensor is.

Tensor 0 is the input, tensor n what step n makes; all are integers times one scale. A step holds no shape
that follows from its sources, so that steps can be taken out; what is left is a network still, or refused by
`known.tensors`.
"""

from dataclasses import field, replace
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED

Kind = Literal[
    "conv", "deconv", "again", "requant", "add", "sub", "concat", "slice", "crop", "maxpool", "avgpool",
    "upsample", "shuffle", "gather", "user",
]  # fmt: skip
Activation = Literal[
    "none", "relu", "leaky", "prelu", "relu6", "clip", "sigmoid", "tanh", "hard_sigmoid", "softplus", "elu"
]
Move = Literal["", "shuffle", "upsample", "maxpool"]
Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, left, bottom, right

QUANTIZED = ("conv", "deconv", "again", "requant")
"""Steps that end with a quantizer; a concatenation has one where it says bits."""

SHAPED: tuple[Activation, ...] = ("relu", "relu6", "sigmoid", "hard_sigmoid", "softplus")
"""Activations that give nothing below 0."""


@dataclass(frozen=True, config=CHECKED)
class Step:
    """One layer as users see it; what its kind has no use for is left as it is."""

    kind: Kind
    sources: tuple[int, ...]
    channels: int = 0  # of the result of a convolution or a slice
    first: int = 0  # channel of a slice
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    pads: Sides = (0, 0, 0, 0)  # zeros around; what a crop takes off
    dilation: Pair = (1, 1)
    extra: Pair = (0, 0)  # output padding
    groups: int = 1
    factor: Pair = (2, 2)  # of upsampling; blocks have factor[0]
    column_row: bool = False  # DepthToSpace in its mode CRD
    weight_bits: int = 4  # 1: -1 and 1
    weight_scales: bool = False  # one for each channel
    bias: bool = True
    norm: bool = False  # batch norm
    move: Move = ""  # between the sums and the activation
    activation: Activation = "none"
    bits: int = 0  # of the quantizer
    signed: bool = False
    narrow: bool = False
    like: int = -1  # the tensor whose scale the quantizer has; -1: its own
    operator: str = ""  # of a user: the short name
    settings: dict[str, Any] = field(default_factory=dict)  # attributes of its node


@dataclass(frozen=True, config=CHECKED)
class Net:
    """A network, its frame and its hardware."""

    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    height: int = 8  # px
    width: int = 8  # px
    channels: int = 3
    bits: int = 8
    signed: bool = False
    pixels: bool = True  # the input's scale is 1/255
    pixels_per_beat: int = 1
    target_fps: float = 2000.0
    folding_seed: int | None = None  # PE and SIMD of every node at random instead of for `target_fps`
    seed: int = 0

    def __str__(self) -> str:
        kind = f"{self.height}x{self.width}x{self.channels} {'i' if self.signed else 'u'}{self.bits}"
        words = [f"{n}:{_word(step)}" for n, step in enumerate(self.steps, 1)]
        folded = "folded" if self.folding_seed is not None else f"{self.target_fps:.0f}fps"
        hardware = f"beat{self.pixels_per_beat} {folded} seed{self.seed}"
        return f"net {kind} {hardware} [{' '.join(words)}] -> {self.outputs}"


def _word(step: Step) -> str:
    read = ",".join(map(str, step.sources))
    kernel = f"{step.kernel[0]}x{step.kernel[1]}" if step.kernel != (1, 1) else ""
    quantizer = f"/{step.activation}{'i' if step.signed else 'u'}{step.bits}" if step.bits else ""
    return f"{step.kind}{kernel}({read}){quantizer}"


def rewired(net: Net, instead: dict[int, int]) -> Net:
    """Who read a tensor reads the earlier one that `instead` says; steps that nothing needs are left out."""

    def now(number: int) -> int:
        while number in instead:
            number = instead[number]
        return number

    steps = [
        replace(
            step, sources=tuple(map(now, step.sources)), like=step.like if step.like < 0 else now(step.like)
        )
        for step in net.steps
    ]
    outputs = tuple(dict.fromkeys(now(number) for number in net.outputs if now(number)))
    wanted = set(outputs)
    for number in range(len(steps), 0, -1):
        if number in wanted:
            wanted |= {*steps[number - 1].sources, steps[number - 1].like}
    kept = [number for number in range(1, len(steps) + 1) if number in wanted]
    new = {-1: -1, 0: 0} | {old: place for place, old in enumerate(kept, 1)}
    numbered = tuple(
        replace(step, sources=tuple(new[one] for one in step.sources), like=new[step.like])
        for step in (steps[number - 1] for number in kept)
    )
    return replace(net, steps=numbered, outputs=tuple(new[number] for number in outputs))
