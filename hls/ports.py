"""The accelerator's ports, from its dataflow graph: image_in on s_axis, image_out_1 on m_axis_1 and so on."""

from collections.abc import Iterable

from qonnx.core.modelwrapper import ModelWrapper

from board.formats import PixelFormat, Port, Ports
from hls.network import Network, Tensor

IN, OUT = "s_axis", "m_axis"
SCALE = "scale of "  # in front of a tensor's name: a key of the graph's metadata


def output_name(index: int) -> str:
    """The port of the output of that number."""
    return f"{OUT}_{index}" if index else OUT


def ports(model: ModelWrapper, pixels_per_beat: int = 1) -> Ports:
    """All ports; one whose rows are no whole beats of so many pixels has one pixel a beat."""
    (first,), outputs = model.graph.input, model.graph.output
    return Ports(
        _port(model, first.name, IN, pixels_per_beat),
        tuple(_port(model, end.name, output_name(n), pixels_per_beat) for n, end in enumerate(outputs)),
    )


def port_of(model: ModelWrapper, tensor: str, pixels_per_beat: int) -> Port:
    """The port that carries the tensor, the graph's input or one of its outputs."""
    names = [end.name for end in model.graph.output]
    return _port(model, tensor, output_name(names.index(tensor)) if tensor in names else IN, pixels_per_beat)


def set_scales(model: ModelWrapper, network: Network, names: Iterable[str]) -> None:
    """Note what the values at the ports stand for; `names` are the streams of the input and the outputs."""
    ends: list[Tensor] = [network.image_in, *network.images_out]
    for name, tensor in zip(names, ends, strict=True):
        model.set_metadata_prop(f"{SCALE}{name}", repr(float(tensor.scale)))


def _port(model: ModelWrapper, tensor: str, name: str, pixels_per_beat: int) -> Port:
    _, height, width, channels = model.get_tensor_shape(tensor)
    kind = model.get_tensor_datatype(tensor)
    scale = float(model.get_metadata_prop(f"{SCALE}{tensor}") or 1)
    beat = pixels_per_beat if width % pixels_per_beat == 0 else 1
    return Port(name, PixelFormat(channels, kind.bitwidth(), kind.signed(), scale), height, width, beat)
