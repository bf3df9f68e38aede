"""What can be set of the defects: `[defects]` of a configuration."""

from dataclasses import field, replace
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED

SetName = Literal["dynamic", "irregular", "lines", "single", "channels", "detector"]
Share = Annotated[float, Field(ge=0.0)]


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
        "data/detectors"  # folder of FITS files, 0 = bad; relative paths start at the project
    )

    # all sets
    colour: Literal["black", "white", "both"] = "both"  # 'both' draws one for each box, cluster, line, pixel
    black: tuple[float, float] = (0.0, 0.2)  # amplitude range (lo, hi) of a dead pixel
    white: tuple[float, float] = (0.8, 1.0)  # amplitude range (lo, hi) of a hot pixel

    @property
    def at_least_one(self) -> "DefectConfig":
        """The same with a defect in every frame: one with none has no defect figure."""
        return replace(self, boxes=(max(1, self.boxes[0]), self.boxes[1]))

    @model_validator(mode="after")
    def _check(self) -> "DefectConfig":
        if not sum(self.mix.values()) > 0:
            raise ValueError("mix must give at least one set a chance greater than 0")
        if not 0 <= self.boxes[0] <= self.boxes[1] or self.boxes[1] < 1:
            raise ValueError("boxes must be (fewest, most) with 0 <= fewest <= most and most >= 1")
        for name in ("side", "clusters", "cluster_steps", "lines", "line_width"):
            least, most = getattr(self, name)
            if not 1 <= least <= most:
                raise ValueError(f"{name} must be (least, most) with 1 <= least <= most")
        if not 0.0 <= self.single_share[0] <= self.single_share[1] <= 1.0:
            raise ValueError("single_share must be (least, most) with 0 <= least <= most <= 1")
        if not 0.0 < self.fill <= 1.0:
            raise ValueError("fill must be greater than 0 and at most 1")
        for low, high in (self.black, self.white):
            if not 0.0 <= low <= high <= 1.0:
                raise ValueError("black and white must be (lo, hi) with 0 <= lo <= hi <= 1")
        return self
