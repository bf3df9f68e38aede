"""Synthetic sensor defects: broken pixels in named sets, alone or mixed, drawn from a seed.

`config` says what can be set; `boxes`, `clusters`, `lines` and `detector` draw the patterns that `pattern`
describes; `synthesize` mixes them, breaks the pixels, and is what training and evaluation call; `named` are
the sets that figures are reported for.
"""

from model.defects.config import DefectConfig
from model.defects.named import named_set
from model.defects.pattern import Damage
from model.defects.synthesize import DamagedImage, damage, synthesize

__all__ = ["Damage", "DamagedImage", "DefectConfig", "damage", "named_set", "synthesize"]
