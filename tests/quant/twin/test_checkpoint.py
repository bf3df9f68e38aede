"""A twin comes out of its checkpoint as it went in, signs of its quantizers included."""

from pathlib import Path

import pytest
import torch
from torch import nn

from model.tasks.network import Choice
from pixelmend.errors import UserError
from quant.twin import QuantSettings, twin
from quant.twin.checkpoint import read_twin, write_twin

MODULE = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.relu, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(4)
        self.last = nn.Conv2d(4, 3, 1)

    def forward(self, x):
        return self.last(self.norm(self.relu(self.first(x))))
"""


def test_negative_gains_of_a_batch_norm_come_back(tmp_path: Path) -> None:
    """Behind a ReLU they make negative values of positive ones: a signed quantizer, where a fresh module has none."""
    (tmp_path / "mine.py").write_text(MODULE)
    choice = Choice(f"{tmp_path / 'mine.py'}:Net", {})
    module = choice.make().eval()
    norm = module.norm
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([-1.0, 0.5, -0.3, 2.0]))
        norm.running_mean = torch.tensor([0.1, 0.2, 0.0, 0.3])
    frames = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255
    made = twin(module, QuantSettings(merge_batch_norm=False), frames)
    path = tmp_path / "twin.safetensors"
    write_twin(path, choice, module, made, {"seed": 1})
    _, _, found = read_twin(path)
    with torch.no_grad():
        assert torch.equal(found(frames), made(frames))
    signs = [
        {name: bool(one.act_quant.is_signed) for name, one in each.quantizers().items()}
        for each in (made, found)
    ]
    assert signs[0] == signs[1] and any(signs[0].values())
    (tmp_path / "mine.py").write_text(MODULE.replace("(3, 4, 3, padding=1)", "(3, 5, 3, padding=1)"))
    with pytest.raises(UserError, match="the tensors don't fit the network it describes"):
        read_twin(path)
