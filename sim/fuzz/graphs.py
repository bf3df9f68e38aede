"""A random general network: chains, residual blocks, U-Nets, several outputs, of every layer there is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from hls.cost import divisors
from hls.ops import operators
from pixelmend.errors import UserError
from sim.fuzz.known import Known, following, span, tensors
from sim.fuzz.net import SHAPED, Activation, Net, Step, rewired

CLOCK_HZ = 1e8
MOST_SIDE = 20  # px of any tensor
MOST_CHANNELS = 16
MOST_VALUES = 1200  # of any tensor
MOST_OPERAND = 10  # bits of what a convolution reads
MOST_STEPS = 10

Choice = TypeVar("Choice")


def draw_net(rng: np.random.Generator) -> Net:
    """A legal network, small enough to be simulated in seconds."""
    while True:
        drawing = _Drawing(rng)
        try:
            return drawing.net()
        except UserError:
            continue  # a draw that came to nothing


class _Drawing:
    """Steps so far, and what is known of their tensors."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        even = self.chance(0.7)
        height, width = (int(rng.integers(2, 7)) * 2 if even else int(rng.integers(4, 14)) for _ in range(2))
        self.pixels = self.chance(0.75)
        channels = self.one([1, 3, 4], [0.25, 0.55, 0.2]) if self.pixels else int(rng.integers(1, 9))
        bits, signed = (8, False) if self.pixels else (int(rng.integers(2, 9)), self.chance(0.4))
        beats = [n for n in divisors(width) if n <= 4]
        self.start = Net(
            (), (), height, width, channels, bits, signed, self.pixels,
            self.one(beats) if self.chance(0.3) else 1, seed=int(rng.integers(1 << 31)),
        )  # fmt: skip
        low, high = span(bits, signed)
        self.steps: list[Step] = []
        self.known = [Known(height, width, channels, low, high, ("input",))]
        self.heads: list[int] = []

    # Choices.

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one(self, of: list[Choice], shares: list[float] | None = None) -> Choice:
        return of[int(self.rng.choice(len(of), p=shares))]

    def some(self, least: int, most: int) -> int:
        return int(self.rng.integers(least, most + 1))

    def width(self) -> int:
        """Bits."""
        return 4 if self.chance(0.4) else self.some(2, 8)

    # The whole.

    def net(self) -> Net:
        x = 0
        blocks: list[Callable[[int], int]] = [self.chain, self.residual, self.unet]
        for _ in range(self.one([1, 2, 3], [0.5, 0.35, 0.15])):
            if len(self.steps) < MOST_STEPS - 5:
                x = self.one(blocks, [0.5, 0.3, 0.2])(x)
        outputs = [self.end(x)]
        if self.chance(0.35):
            inner = [
                one for one in range(1, len(self.known)) if one not in outputs and self.known[one].bits <= 16
            ]
            for _ in range(min(len(inner), self.some(1, 2))):
                more = self.one(inner)
                outputs.append(self.end(more) if self.chance(0.4) else more)
        if self.chance(0.3):
            outputs.reverse()
        net = replace(self.start, steps=tuple(self.steps), outputs=tuple(dict.fromkeys(outputs)))
        net = rewired(replace(net, **self.folding(net)), {})
        if not net.steps:
            raise UserError("nothing")
        tensors(net)
        return net

    def folding(self, net: Net) -> dict[str, Any]:
        if self.chance(0.5):
            return {"folding_seed": self.some(0, 1 << 30)}
        pixels = max(one.height * one.width for one in self.known) + 20
        return {"target_fps": float(CLOCK_HZ / (pixels * self.rng.uniform(1.0, 40.0)))}

    def put(self, kind: Any, *sources: int, **fields: Any) -> int:
        """Append a step; `UserError` where it can't be, or would be too large."""
        step = Step(kind, sources, **fields)
        found = following(step, tuple(self.steps), self.known)
        if max(found.size) > MOST_SIDE or found.channels > MOST_CHANNELS:
            raise UserError("too large")
        if found.height * found.width * found.channels > MOST_VALUES or found.bits > 16:
            raise UserError("too large")
        self.steps.append(step)
        self.known.append(found)
        return len(self.steps)

    def tried(self, make: Callable[[], int], tries: int = 12) -> int:
        """The first of some draws that is legal."""
        for _ in range(tries):
            try:
                return make()
            except UserError:
                continue
        raise UserError("no legal draw")

    # Layers.

    def quantizer(self, signed: bool | None = None) -> dict[str, Any]:
        names: list[Activation] = [
            "none",
            "relu",
            "leaky",
            "prelu",
            "relu6",
            "clip",
            "sigmoid",
            "tanh",
            "hard_sigmoid",
            "softplus",
            "elu",
        ]
        activation = self.one(names, [0.2, 0.24, 0.1, 0.1, 0.08, 0.06, 0.06, 0.06, 0.04, 0.03, 0.03])
        if signed is None:
            signed = activation not in SHAPED and self.chance(0.8)
        return {
            "activation": activation, "bits": self.width(), "signed": signed, "narrow": self.chance(0.2),
            "norm": self.chance(0.3),
        }  # fmt: skip

    def weights(self) -> dict[str, Any]:
        bits = 1 if self.chance(0.08) else self.width()
        return {"weight_bits": bits, "weight_scales": self.chance(0.4), "bias": self.chance(0.8)}

    def readable(self, source: int) -> int:
        """The tensor, quantized again where a convolution can't read so many bits."""
        if self.known[source].bits <= MOST_OPERAND:
            return source
        return self.put("requant", source, **self.quantizer())

    def same(self, source: int, channels: int = 0, **fields: Any) -> int:
        """A convolution that keeps the size, and the channels unless it is said otherwise."""
        source = self.readable(source)
        have = self.known[source].channels

        def make() -> int:
            kernel, dilation = (self.some(1, 4), self.some(1, 4)), (1, 1)
            if self.chance(0.5):
                kernel = (3, 3)
            if self.chance(0.15):
                dilation = (self.some(1, 2), self.some(1, 2))
            pads = []
            for taps, apart in zip(kernel, dilation, strict=True):
                total = (taps - 1) * apart
                before = total // 2 if self.chance(0.7) else self.some(0, min(total, taps - 1))
                pads.append((before, total - before))
            (top, bottom), (left, right) = pads
            made = channels or have
            groups = self.one([n for n in divisors(have) if made % n == 0]) if self.chance(0.25) else 1
            known: dict[str, Any] = {
                "kernel": kernel,
                "dilation": dilation,
                "pads": (top, left, bottom, right),
                "groups": groups,
            }
            known |= {"channels": made, **self.weights(), **self.quantizer()}
            return self.put("conv", source, **(known | fields))

        return self.tried(make)

    def windowed(self, source: int, kind: str = "conv", pace: int = 0, **fields: Any) -> int:
        """A convolution or pooling of any shape."""
        source = self.readable(source) if kind == "conv" else source

        def make() -> int:
            kernel = self.some(1, 5), self.some(1, 5)
            stride = (pace, pace) if pace else (self.some(1, 2), self.some(1, 3))
            dilation = (self.some(1, 2), self.some(1, 2)) if kind == "conv" and self.chance(0.2) else (1, 1)
            pads = tuple(self.some(0, kernel[axis % 2] - 1) if self.chance(0.6) else 0 for axis in range(4))
            if pace:  # halves exactly
                kernel = self.one([(2, 2), (3, 3), (4, 4)])
                pads = {2: (0, 0, 0, 0), 3: (1, 1, 0, 0), 4: (1, 1, 1, 1)}[kernel[0]]
            known: dict[str, Any] = {"kernel": kernel, "stride": stride, "pads": pads}
            if kind != "conv":
                if kind == "maxpool" and self.known[source].low < 0:
                    known["pads"] = (0, 0, 0, 0)
                    known["kernel"] = (2, 2) if pace else kernel
                return self.put(kind, source, **known)
            made = self.some(1, 6)
            have = self.known[source].channels
            groups = self.one([n for n in divisors(have) if made % n == 0]) if self.chance(0.2) else 1
            known |= {
                "channels": made,
                "groups": groups,
                "dilation": dilation,
                **self.weights(),
                **self.quantizer(),
            }
            return self.put("conv", source, **(known | fields))

        return self.tried(make)

    def transposed(self, source: int, pace: int = 0, **fields: Any) -> int:
        source = self.readable(source)

        def make() -> int:
            stride = pace or self.some(1, 3)
            kernel = self.some(max(1, stride - 1), 5), self.some(max(1, stride - 1), 5)
            pads = tuple(self.some(0, kernel[axis % 2] - 1) if self.chance(0.6) else 0 for axis in range(4))
            extra = (self.some(0, stride - 1), self.some(0, stride - 1)) if self.chance(0.3) else (0, 0)
            if pace:  # doubles exactly
                kernel, pads, extra = self.one(
                    [
                        ((2, 2), (0, 0, 0, 0), (0, 0)),
                        ((4, 4), (1, 1, 1, 1), (0, 0)),
                        ((3, 3), (1, 1, 1, 1), (1, 1)),
                    ]
                )
            made = fields.get("channels") or self.some(1, 5)
            have = self.known[source].channels
            groups = self.one([n for n in divisors(have) if made % n == 0]) if self.chance(0.2) else 1
            known = {
                "kernel": kernel,
                "stride": (stride, stride),
                "pads": pads,
                "extra": extra,
                "groups": groups,
            }
            known |= {"channels": made, **self.weights(), **self.quantizer()}
            return self.put("deconv", source, **(known | fields))

        return self.tried(make)

    def sub_pixel(self, source: int, **fields: Any) -> int:
        """A convolution to blocks of pixels."""
        block = self.one([2, 3], [0.8, 0.2]) if not fields.pop("double", False) else 2
        channels = fields.pop("channels", 0) or self.some(1, 3)
        moved = {"move": "shuffle", "factor": (block, block), "column_row": self.chance(0.5)}
        return self.same(source, channels * block**2, **moved, **fields)

    def layer(self, x: int) -> int:
        """One of all."""
        known = self.known[x]
        makers: dict[str, tuple[float, Callable[[], int]]] = {
            "same": (2, lambda: self.same(x, self.some(1, 6))),
            "conv": (2.5, lambda: self.windowed(x)),
            "depthwise": (1.5, lambda: self.same(x, groups=known.channels)),
            "deconv": (2, lambda: self.transposed(x)),
            "sub_pixel": (1, lambda: self.sub_pixel(x)),
            "requant": (1, lambda: self.put("requant", x, **self.quantizer())),
            "maxpool": (1, lambda: self.windowed(x, "maxpool")),
            "avgpool": (1, lambda: self.windowed(x, "avgpool")),
            "moving": (0.7, lambda: self.same(x, move=self.one(["upsample", "maxpool"]))),
            "upsample": (1, lambda: self.put("upsample", x, factor=(self.some(1, 3), self.some(1, 3)))),
            "shuffle": (0.9, lambda: self.shuffled(x)),
            "gather": (0.9, lambda: self.put("gather", x, factor=self.one([(2, 2), (3, 3)]))),
            "slice": (0.5, lambda: self.sliced(x)),
            "crop": (0.8, lambda: self.put("crop", x, pads=tuple(self.some(0, 2) for _ in range(4)))),
            "twice": (1, lambda: self.twice(x)),
            "split": (0.7, lambda: self.split(x)),
            "user": (1.5, lambda: self.user(x)),
        }
        names = list(makers)
        weights = np.array([makers[name][0] for name in names])
        return self.tried(lambda: makers[self.one(names, list(weights / weights.sum()))][1](), 40)

    def shuffled(self, x: int) -> int:
        if self.known[x].channels % 4:
            x = self.same(x, self.one([4, 8]))
        return self.put("shuffle", x, column_row=self.chance(0.5))

    def sliced(self, x: int) -> int:
        channels = self.known[x].channels
        first = self.some(0, channels - 1)
        return self.put("slice", x, first=first, channels=self.some(1, channels - first))

    def split(self, x: int) -> int:
        """Channels in two parts, one changed, and together again."""
        channels = self.known[x].channels
        if channels < 2:
            raise UserError("one channel")
        at = self.some(1, channels - 1)
        left = self.put("slice", x, first=0, channels=at)
        right = self.put("slice", x, first=at, channels=channels - at)
        return self.concat([left, self.same(right)])

    def twice(self, x: int) -> int:
        """Sums that two quantizers read, joined again."""
        first = self.same(x, self.some(1, 4))
        again = self.put("again", first, **(self.quantizer() | {"norm": False}))
        if self.chance(0.5):
            again = self.same(again)
        return self.concat([first, again])

    def concat(self, parts: list[int]) -> int:
        scales = {self.known[one].scale for one in parts}
        closing = (
            {}
            if len(scales) == 1 and self.chance(0.6)
            else self.quantizer() | {"norm": False, "activation": "none"}
        )
        if closing:
            closing["signed"] = any(self.known[one].low < 0 for one in parts) or self.chance(0.2)
        return self.put("concat", *parts, **closing)

    def user(self, x: int) -> int:
        """An operator of a user's own that says how it is drawn, and a quantizer behind."""
        drawn = {kind.short: kind.drawn_into for kind in operators().values() if kind.drawn_into is not None}
        if not drawn:
            raise UserError("no user's operators")
        name = self.one(sorted(drawn))
        source = self.readable(x)
        have = self.known[source]
        settings = drawn[name](self.rng, (have.height, have.width, have.channels), have.bits, have.low < 0)
        if settings is None:
            raise UserError("not here")
        made = self.put("user", source, operator=name, settings=settings)
        return self.put("requant", made, **self.quantizer())

    # Blocks.

    def chain(self, x: int) -> int:
        for _ in range(self.some(1, 3)):
            x = self.layer(x)
        return x

    def residual(self, x: int) -> int:
        """Sums and differences of x and what convolutions make of it, one or more in a row."""
        if len(self.known[x].scale) > 2 or self.known[x].bits > 8 or self.chance(0.4):
            x = (
                self.same(x, self.some(1, 5))
                if self.chance(0.7)
                else self.put("requant", x, **self.quantizer())
            )
        base = x
        for _ in range(self.one([1, 2, 3], [0.6, 0.25, 0.15])):
            y = x
            for _ in range(self.one([0, 1, 2], [0.4, 0.45, 0.15])):
                y = self.same(y, self.some(1, 5))
            channels = self.known[base].channels
            y = self.same(y, channels, like=base, signed=self.chance(0.7), activation="none", groups=1)
            if self.chance(0.15):
                y = self.put("add", y, base)
            pair = (x, y) if self.chance(0.8) else (y, x)
            x = self.put("add" if self.chance(0.7) else "sub", *pair)
        if self.chance(0.5):
            x = self.put("requant", x, **self.quantizer())
        return x

    def unet(self, x: int) -> int:
        """Down and up again by half, with what was there before added or beside."""
        skips = []
        for _ in range(self.one([1, 2], [0.7, 0.3])):
            x = self.same(x, self.some(1, 5))
            if self.chance(0.3):
                x = self.same(x, self.some(1, 5))
            if min(self.known[x].size) < 4 or any(side % 2 for side in self.known[x].size):
                break
            skips.append(x)
            x = self.windowed(x, self.one(["conv", "maxpool", "avgpool"], [0.5, 0.3, 0.2]), 2)
            half = tuple(side // 2 for side in self.known[skips[-1]].size)
            if self.known[x].size != half:
                raise UserError("not halved")
        if self.chance(0.6):
            x = self.same(x, self.some(1, 6))
        for skip in reversed(skips):
            x = self.joined(x, skip)
        return x

    def joined(self, x: int, skip: int) -> int:
        """x at twice the size, and the skip."""
        added = self.chance(0.5)
        fields: dict[str, Any] = {}
        if added:
            fields = {
                "like": skip,
                "channels": self.known[skip].channels,
                "activation": self.one(["none", "relu"]),
            }
        elif self.chance(0.5):
            fields = {"like": skip}
        way = self.one(["nearest", "deconv", "sub_pixel"])
        if way == "deconv":
            x = self.transposed(x, 2, **fields)
        elif way == "sub_pixel":
            x = self.sub_pixel(x, double=True, **fields)
        else:
            channels = fields.pop("channels", self.some(1, 5))
            x = self.same(self.put("upsample", x), channels, **fields)
        if self.chance(0.5) and not added:
            x = self.same(x, self.some(1, 5))
        pair = [x, skip] if self.chance(0.7) else [skip, x]
        if added:
            return self.put("add" if self.chance(0.8) else "sub", *pair)
        if any(self.known[one].bits > 8 for one in pair):
            raise UserError("too wide")
        x = self.concat(pair)
        return self.same(x, self.some(1, 5)) if self.chance(0.7) else x

    def end(self, x: int) -> int:
        """An image, or a feature map."""
        if self.pixels and self.chance(0.6):
            image = {"like": 0, "bits": 8, "signed": False, "narrow": False}
            return self.same(x, self.one([1, 3, 4], [0.2, 0.6, 0.2]), **image)
        if x == 0 or self.known[x].bits > 16:
            return self.same(x, self.some(1, 5))
        return x
