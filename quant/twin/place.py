"""Where a traced network gets its quantizers, and which of them are one.

A value is *raw* (floats: what a convolution, an activation or a mean gives) or on a *grid* (integers times
one scale). Convolutions, sums, concatenations and pools want integers, so a raw value that one of them reads
is quantized first. Operands of a sum or concatenation share one grid, so that it is exact in integers; a sum
then lies on the same grid, one bit wider, unless the settings requantize it. What moves values keeps a grid,
and leaves a raw value raw where only activations or an output come behind.
"""

from dataclasses import dataclass, field

from torch.fx.node import Node

from pixelmend.errors import UserError
from quant.bits import PIXEL_BITS
from quant.twin.layers import Interval, Role, bounds, subtracts
from quant.twin.settings import Port, QuantSettings, port_of
from quant.twin.trace import Traced, module_of

PIXEL = 1 / 255
ANY: Interval = (-float("inf"), float("inf"))


@dataclass
class Quantizer:
    """One quantizer in the graph, behind node `after`, for those who read it (`readers`)."""

    after: Node
    layer: str  # the author's name of what it quantizes
    grid: int
    bits: int
    signed: bool
    readers: list[Node] = field(default_factory=list)
    pixels: bool = False  # uint8, scale 1/255: an image
    scale: float | None = None  # of one step, if it is given


@dataclass
class _Value:
    """What is known of a node's result."""

    interval: Interval
    grid: int | None = None  # None: raw
    exact_sum: bool = False


class Placement:
    """All quantizers of a traced network; `grid_of` tells which ones share a scale."""

    def __init__(self, traced: Traced, settings: QuantSettings) -> None:
        self.traced, self.settings = traced, settings
        self.quantizers: list[Quantizer] = []
        self._grids: list[int] = []  # parent of each
        self._values: dict[Node, _Value] = {}
        self._quantized: dict[Node, Quantizer] = {}  # by the node whose raw value (or sum) it quantizes
        inputs = 0
        for node in traced.graph.graph.nodes:
            if node.op == "placeholder":
                self._enter(node, port_of(settings.inputs, inputs))
                inputs += 1
            elif node.op == "output":
                self._leave(node)
            else:
                self._layer(node)
        self._agree()

    def grid_of(self, quantizer: Quantizer) -> int:
        """A number that quantizers of one scale have in common."""
        return self._find(quantizer.grid)

    def _enter(self, node: Node, port: Port) -> None:
        pixels = port.kind == "image"
        signed = port.signed and not pixels
        quantizer = self._quantizer(node, PIXEL_BITS if pixels else port.bits, signed)
        quantizer.pixels, quantizer.scale = pixels, PIXEL if pixels else port.scale
        quantizer.readers = list(node.users)
        self._values[node] = _Value(ANY if signed else (0.0, ANY[1]), quantizer.grid)

    def _leave(self, node: Node) -> None:
        for index, value in enumerate(node.all_input_nodes):
            port = port_of(self.settings.outputs, index)
            known = self._values[value]
            if port.kind == "image":
                quantizer = self._quantizer(value, PIXEL_BITS, False)
                quantizer.pixels, quantizer.scale = True, PIXEL
                quantizer.readers.append(node)
            elif known.grid is None or known.exact_sum:
                quantizer = self._quantizer(value, port.bits, known.interval[0] < 0)
                quantizer.scale = port.scale
                quantizer.readers.append(node)

    def _layer(self, node: Node) -> None:
        sources = node.all_input_nodes
        intervals = [self._values[source].interval for source in sources]
        match self.traced.roles[node.name]:
            case Role.WEIGHTED:
                self._need(node, sources[0])
                self._values[node] = _Value(ANY)
            case Role.POINTWISE:
                self._values[node] = _Value(bounds(module_of(self.traced.graph, node), intervals[0]))
            case Role.SUM:
                grid = self._join(node)
                first, second = intervals[0], intervals[-1]
                if subtracts(module_of(self.traced.graph, node)):
                    second = -second[1], -second[0]
                self._values[node] = _Value((first[0] + second[0], first[1] + second[1]), grid, True)
            case Role.JOIN:
                low, high = min(i[0] for i in intervals), max(i[1] for i in intervals)
                sums = any(self._values[source].exact_sum for source in sources)
                self._values[node] = _Value((low, high), self._join(node), sums)
            case Role.MEAN:
                self._need(node, sources[0])
                self._values[node] = _Value(intervals[0])
            case Role.LARGEST | Role.PAD:
                self._values[node] = self._moved(node, self._need(node, sources[0]), intervals[0])
            case Role.MOVE:
                if self._values[sources[0]].grid is None and self._stays_raw(node):
                    self._values[node] = _Value(intervals[0])
                else:
                    self._values[node] = self._moved(node, self._need(node, sources[0]), intervals[0])

    def _moved(self, node: Node, grid: int, interval: Interval) -> _Value:
        low, high = interval
        if self.traced.roles[node.name] is Role.PAD:
            low, high = min(low, 0.0), max(high, 0.0)
        source = node.all_input_nodes[0]
        return _Value((low, high), grid, self._values[source].exact_sum and source not in self._quantized)

    def _stays_raw(self, node: Node) -> bool:
        """Whether only activations and outputs read what `node` moves."""
        for user in node.users:
            role = self.traced.roles.get(user.name)
            if role is Role.MOVE and not self._stays_raw(user):
                return False
            if user.op != "output" and role not in (Role.MOVE, Role.POINTWISE):
                return False
        return True

    def _join(self, node: Node) -> int:
        grids = [self._need(node, source) for source in node.all_input_nodes]
        for grid in grids[1:]:
            self._grids[self._find(grid)] = self._find(grids[0])
        return grids[0]

    def _need(self, reader: Node, source: Node) -> int:
        """The grid of what `reader` reads of `source`, which is quantized for it where it must be."""
        known = self._values[source]
        wanted = self.settings.sums(self.traced.layers[source.name]) if known.exact_sum else None
        if known.grid is not None and wanted is None:
            return known.grid
        if source not in self._quantized:
            bits = wanted if wanted is not None else self.settings.acts(self._chain(source))
            self._quantized[source] = self._quantizer(source, bits, known.interval[0] < 0)
        quantizer = self._quantized[source]
        quantizer.readers.append(reader)
        return quantizer.grid

    def _quantizer(self, after: Node, bits: int, signed: bool) -> Quantizer:
        self._grids.append(len(self._grids))
        made = Quantizer(after, self.traced.layers[after.name], len(self._grids) - 1, bits, signed)
        self.quantizers.append(made)
        return made

    def _find(self, grid: int) -> int:
        while self._grids[grid] != grid:
            grid = self._grids[grid]
        return grid

    def _chain(self, node: Node) -> list[str]:
        """Names of the layers from the convolution (or sum, or input) to `node`."""
        names = [self.traced.layers[node.name]]
        while self.traced.roles.get(node.name) in (Role.POINTWISE, Role.MOVE):
            node = node.all_input_nodes[0]
            names.append(self.traced.layers[node.name])
        return names

    def _agree(self) -> None:
        """Quantizers of one grid have one type; those that share an image's are of its scale and bits."""
        groups: dict[int, list[Quantizer]] = {}
        for quantizer in self.quantizers:
            groups.setdefault(self.grid_of(quantizer), []).append(quantizer)
        for group in groups.values():
            given = {one.scale for one in group if one.scale is not None}
            if len(given) > 1:
                told = ", ".join(f"{one.layer} ({one.scale:.6g})" for one in group if one.scale is not None)
                raise UserError(f"values of different given scales are added or joined: {told}")
            free = [one for one in group if not one.pixels]
            bits, signed = max(one.bits for one in group), any(one.signed for one in free)
            for one in free:
                one.bits, one.signed = bits, signed
                one.scale = next(iter(given), None)
