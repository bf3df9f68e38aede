"""Kinds of defects that recall is reported for, each by itself: shape, size, value, colour, place."""

from model.defects.config import DefectConfig, Place, Shape, Tint, Value

PLAIN_LEVELS = 80.0  # off the scene: a stuck pixel that reads nearly what it should is not counted
COUNT = (3, 3)  # defects of a frame


def kind(
    shape: Shape,
    px: int = 1,
    value: Value | None = None,
    levels: float = 255.0,
    tint: Tint = "all",
    place: Place = "anywhere",
) -> DefectConfig:
    """Defects of one kind: `px` is the side of a box, the pixels of a cluster, the length of a segment.

    Without `value` half are dead and half saturated; a warm or cold one is `levels` off the scene.
    """
    values: dict[Value, float] = {"dead": 1.0, "saturated": 1.0} if value is None else {value: 1.0}
    return DefectConfig(
        mix={"shapes": 1.0},
        shapes={shape: 1.0},
        shape_count=(1, 1) if px > 24 else COUNT,
        shape_side=(px, px),
        square=1.0,
        solid=1.0,
        cluster_px=(px, px) if shape == "cluster" else (2, 2),
        segment_px=(px, px),
        values=values,
        amplitude=(levels, levels),
        tints={tint: 1.0},
        places={place: 1.0},
    )


def seen_from(config: DefectConfig) -> float:
    """Levels off the scene from which a broken pixel of a kind counts: three quarters of its amplitude."""
    return min(PLAIN_LEVELS, 0.75 * config.amplitude[0])


POINT: tuple[str, Shape, int] = ("single", "single", 1)
CLUSTER: tuple[str, Shape, int] = ("cluster 8", "cluster", 8)
SMALL: tuple[str, Shape, int] = ("box 5x5", "box", 5)
LARGE: tuple[str, Shape, int] = ("box 12x12", "box", 12)
OFF_SCENE: tuple[Value, ...] = ("warm", "cold")
STUCK: tuple[Value, ...] = ("dead", "saturated")
COLOURS: tuple[Tint, ...] = ("red", "green", "blue")
AT_THE_BORDER: tuple[Place, ...] = ("edge", "corner")

KINDS: dict[str, DefectConfig] = {
    "single": kind("single"),
    **{f"box {px}x{px}": kind("box", px) for px in (2, 3, 5, 8, 12, 16, 24, 48)},
    **{f"cluster {px}": kind("cluster", px) for px in (2, 4, 8, 12, 24, 40)},
    **{f"segment {px}": kind("segment", px) for px in (4, 12, 48)},
    "row": kind("row"),
    "column": kind("column"),
    **{
        f"{value} {levels:.0f} {name}": kind(shape, px, value, levels)
        for value in OFF_SCENE
        for levels in (20.0, 40.0, 80.0, 120.0)
        for name, shape, px in (POINT, CLUSTER, SMALL)
    },
    **{
        f"{value} {tint} {name}": kind(shape, px, value, tint=tint)
        for value in STUCK
        for tint in COLOURS
        for name, shape, px in (POINT, SMALL)
    },
    **{
        f"{place} {name}": kind(shape, px, place=place)
        for place in AT_THE_BORDER
        for name, shape, px in (POINT, CLUSTER, SMALL, LARGE)
    },
    "noisy cluster 12": kind("cluster", 12, "noisy", tint="each"),
    "stuck box 5x5": kind("box", 5, "stuck"),
}
"""By the name they are reported under."""
