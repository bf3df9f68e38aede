"""PixelMark_rtl: a flag on every pixel that a score calls broken."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.ops.pixels import BROKEN, COLOURS, LIMIT, PixelOp


class PixelMark_rtl(PixelOp):
    """Input 0 is a score (1, H, W, 1), input 1 an image (1, H, W, 3); the output (1, H, W, 4) is the image
    and a flag, 255 where the score is at least 128 and 0 elsewhere. Attributes are those of `PixelOp`.
    """

    core = "pixel_mark"

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS if ind else 1)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS + 1)

    def compute(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        score, image = inputs
        return [np.concatenate([image, np.where(score >= LIMIT, BROKEN, 0)], axis=-1)]

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        return {}, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: a few for the handshake; pixels only pass a register."""
        return 4
