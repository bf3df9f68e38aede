"""What can be set of the defects: `[defects]` of a configuration."""

from dataclasses import field, replace
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED

SetName = Literal["dynamic", "irregular", "lines", "single", "channels", "detector", "shapes", "orbit"]
Share = Annotated[float, Field(ge=0.0)]
Shape = Literal["single", "box", "cluster", "row", "column", "segment"]
Value = Literal["dead", "saturated", "cold", "warm", "stuck", "noisy"]
Tint = Literal["all", "one", "red", "green", "blue", "each"]
Place = Literal["anywhere", "edge", "corner"]

CLUSTER_PX = 40  # the most of one cluster of `shapes`


@dataclass(frozen=True, config=CHECKED)
class DefectConfig:
    """How defects are drawn; the defaults are the published dynamic defects.

    Pairs are (least, most), and a value between them is drawn with equal chance.
    """

    # Which set a frame gets, drawn frame by frame with chances in proportion, e.g.
    # { dynamic = 0.6, irregular = 0.2, lines = 0.1, single = 0.1 }.
    mix: dict[SetName, Share] = field(default_factory=lambda: {"dynamic": 1.0})

    # dynamic: boxes; channels: the same, but a broken pixel loses one colour, as behind a Bayer filter
    boxes: tuple[int, int] = (1, 3)  # boxes of a frame
    side: tuple[int, int] = (7, 12)  # px, side of a box
    fill: float = 0.5  # chance that a pixel of a box is defective

    # irregular: clusters of connected pixels, all of them broken
    clusters: tuple[int, int] = (1, 3)  # clusters of a frame
    cluster_steps: tuple[int, int] = (10, 150)  # steps of the random walk that breaks the pixels it visits

    # lines: rows or columns, whole or up to one edge of the frame
    lines: tuple[int, int] = (1, 2)  # lines of a frame, all in one direction
    line_width: tuple[int, int] = (1, 2)  # px

    # single: pixels all over the frame, each broken by itself
    single_share: tuple[float, float] = (0.0005, 0.005)  # share of the frame's pixels; at least one is broken

    # detector: windows of real bad-pixel maps
    detector_maps: str = (
        "data/detectors"  # folder of FITS files, 0 = bad, or a file; relative paths start at the project
    )

    # shapes: defects of every kind; orbit: those of a camera in orbit, which read alike
    shape_count: tuple[int, int] = (1, 4)  # defects of a frame
    shapes: dict[Shape, Share] = field(
        default_factory=lambda: {
            "single": 3.0, "box": 3.0, "cluster": 3.0, "row": 0.5, "column": 0.5, "segment": 1.0
        }
    )  # fmt: skip
    shape_side: tuple[int, int] = (1, 12)  # px, side of a box
    square: float = 0.7  # share of the boxes that are square
    solid: float = 0.7  # share of the boxes of which every pixel is broken; of the others 0.3 or more are
    cluster_px: tuple[int, int] = (2, CLUSTER_PX)  # pixels of a cluster
    segment_px: tuple[int, int] = (2, 48)  # px, length of a segment of a row or column
    values: dict[Value, Share] = field(
        default_factory=lambda: {
            "dead": 2.0, "saturated": 2.0, "cold": 1.0, "warm": 2.0, "stuck": 0.5, "noisy": 0.5
        }
    )  # fmt: skip
    amplitude: tuple[float, float] = (20.0, 120.0)  # levels that a cold or warm pixel is off the scene
    tints: dict[Tint, Share] = field(default_factory=lambda: {"all": 2.0, "one": 1.0, "each": 1.0})
    places: dict[Place, Share] = field(default_factory=lambda: {"anywhere": 8.0, "edge": 1.0, "corner": 1.0})

    # all other sets
    colour: Literal["black", "white", "both"] = "both"  # 'both' draws one for each box, cluster, line, pixel
    black: tuple[float, float] = (0.0, 0.2)  # amplitude range (lo, hi) of a dead pixel
    white: tuple[float, float] = (0.8, 1.0)  # amplitude range (lo, hi) of a hot pixel

    @property
    def at_least_one(self) -> "DefectConfig":
        """The same with a defect in every frame: one with none has no defect figure."""
        least = {name: max(1, getattr(self, name)[0]) for name in ("boxes", "shape_count")}
        return replace(
            self,
            boxes=(least["boxes"], self.boxes[1]),
            shape_count=(least["shape_count"], self.shape_count[1]),
        )

    @model_validator(mode="after")
    def _check(self) -> "DefectConfig":
        if not 0 <= self.boxes[0] <= self.boxes[1] or self.boxes[1] < 1:
            raise ValueError("boxes must be (fewest, most) with 0 <= fewest <= most and most >= 1")
        for name in ("mix", "shapes", "values", "tints", "places"):
            if not sum(getattr(self, name).values()) > 0:
                raise ValueError(f"{name} must give at least one a chance greater than 0")
        pairs = ("side", "clusters", "cluster_steps", "lines", "line_width")
        for name in (*pairs, "shape_side", "cluster_px", "segment_px"):
            least, most = getattr(self, name)
            if not 1 <= least <= most:
                raise ValueError(f"{name} must be (least, most) with 1 <= least <= most")
        if not 0.0 <= self.single_share[0] <= self.single_share[1] <= 1.0:
            raise ValueError("single_share must be (least, most) with 0 <= least <= most <= 1")
        return self

    @model_validator(mode="after")
    def _check_shapes(self) -> "DefectConfig":
        if not 0 <= self.shape_count[0] <= self.shape_count[1] or self.shape_count[1] < 1:
            raise ValueError("shape_count must be (fewest, most) with 0 <= fewest <= most and most >= 1")
        if self.cluster_px[1] > CLUSTER_PX:
            raise ValueError(f"cluster_px must be at most {CLUSTER_PX}")
        if not 0.0 <= self.amplitude[0] <= self.amplitude[1] <= 255.0:
            raise ValueError("amplitude must be (least, most) with 0 <= least <= most <= 255")
        if not (0.0 <= self.solid <= 1.0 and 0.0 <= self.square <= 1.0):
            raise ValueError("solid and square must be 0 to 1")
        return self

    @model_validator(mode="after")
    def _check_amplitudes(self) -> "DefectConfig":
        if not 0.0 < self.fill <= 1.0:
            raise ValueError("fill must be greater than 0 and at most 1")
        for low, high in (self.black, self.white):
            if not 0.0 <= low <= high <= 1.0:
                raise ValueError("black and white must be (lo, hi) with 0 <= lo <= hi <= 1")
        return self
