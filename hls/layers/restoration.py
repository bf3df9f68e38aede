"""Layers on whole pixels of 8-bit channels: choosing, marking, filling and correcting broken ones."""

from hls.layers.operation import Operation
from hls.network import Layer, Tensor
from hls.ops.correct.op import PixelCorrect_rtl
from hls.ops.double.op import PyramidDouble_rtl
from hls.ops.halve.op import PyramidHalve_rtl
from hls.ops.mark.op import PixelMark_rtl
from hls.ops.pixels import COLOURS
from hls.ops.relax.op import PyramidRelax_rtl
from hls.ops.select.op import PixelSelect_rtl

PIXEL = "UINT8"


def select(name: str, sources: tuple[Tensor, Tensor], result: Tensor, label: str = "") -> Operation:
    """Pixel by pixel one of two images: out[c] = sources[0][c] if flag >= 128 else sources[1][c].

    One of the two has a fourth channel, which is the flag; the result has three.
    """
    flag = int(sources[1].channels > result.channels)
    return _pixels(PixelSelect_rtl, name, sources, result, result.size, label, FlagInput=flag)


def mark(name: str, sources: tuple[Tensor, Tensor], result: Tensor, label: str = "") -> Operation:
    """Of a score and an image: the image and its flag, a fourth channel: 255 where the score reaches 128."""
    return _pixels(PixelMark_rtl, name, sources, result, result.size, label)


def correct(name: str, sources: tuple[Tensor, Tensor], result: Tensor, label: str = "") -> Operation:
    """Of a correction and an image with flags: where flagged, image + correction - 128 within 0..255."""
    return _pixels(PixelCorrect_rtl, name, sources, result, result.size, label)


def filling(
    marked: Tensor, levels: int, keep_flag: bool, name: str, sweeps: int = 0, label: str = ""
) -> tuple[list[Layer], Tensor]:
    """The layers that fill the flagged pixels of an image (H, W, 4), and the filled image, called `name`.

    Up the pyramid the means of the sound pixels of 2x2 cells, down again bilinear images of the level above
    where a level is flagged, then sweeps. Both sides are divisible by 2**levels. With `keep_flag` the result
    has the flags as its fourth channel.
    """
    up: list[Tensor] = [marked]
    layers: list[Layer] = []
    for n in range(1, levels + 1):
        size = marked.height >> n, marked.width >> n
        up.append(Tensor(f"{marked.name}_level{n}", *size, 4, 8, 255, marked.scale))
        layers.append(_pixels(PyramidHalve_rtl, f"halve{n}", (up[n - 1],), up[n], up[n - 1].size, label))
    filled = up.pop()
    for n in range(levels, 0, -1):
        level = up.pop()
        channels = 4 if keep_flag or sweeps or n > 1 else 3
        own = name if n == 1 and not sweeps else f"{level.name}_filled"
        result = Tensor(own, level.height, level.width, channels, 8, 255, marked.scale)
        flag = int(channels > COLOURS)
        layers.append(
            _pixels(
                PyramidDouble_rtl, f"double{n}", (filled, level), result, result.size, label, KeepFlag=flag
            )
        )
        filled = result
    for n in range(1, sweeps + 1):
        last = n == sweeps
        channels = 4 if keep_flag or not last else 3
        own = name if last else f"{name}_sweep{n}"
        result = Tensor(own, marked.height, marked.width, channels, 8, 255, marked.scale)
        flag = int(channels > COLOURS)
        layers.append(
            Operation(
                f"relax1_sweep{n}",
                PyramidRelax_rtl,
                (filled,),
                (result,),
                {"ImgDim": list(result.size), "inputDataType": PIXEL, "KeepFlag": flag},
                "",
                label=label,
            )
        )
        filled = result
    return layers, filled


def _pixels(
    operator: type,
    name: str,
    sources: tuple[Tensor, ...],
    result: Tensor,
    size: tuple[int, int],
    label: str,
    **attributes: int,
) -> Operation:
    known = {"ImgDim": list(size), "inputDataType": PIXEL, **attributes}
    return Operation(name, operator, sources, (result,), known, label=label)
