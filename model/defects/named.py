"""The defect sets that figures are reported for, by name. Their settings are fixed."""

from model.defects.config import DefectConfig
from pixelmend.errors import UserError

MAP = "map:"  # before the name of a file

NAMED = {
    "fixed8": DefectConfig(boxes=(1, 1), side=(8, 8), colour="black"),  # one black box, as published
    "dynamic": DefectConfig(),  # as published
    "irregular": DefectConfig(mix={"irregular": 1.0}),
    "lines": DefectConfig(mix={"lines": 1.0}),
    "single": DefectConfig(mix={"single": 1.0}),
    "channels": DefectConfig(mix={"channels": 1.0}),
    "detector": DefectConfig(mix={"detector": 1.0}),
    "shapes": DefectConfig(mix={"shapes": 1.0}),
    "orbit": DefectConfig(mix={"orbit": 1.0}),
}


def named_set(name: str) -> DefectConfig:
    """The settings of a set; `UserError` names those there are.

    `map:FILE` is a set of windows of that map, see `model.defects.detector`.
    """
    if name.startswith(MAP):
        return DefectConfig(mix={"detector": 1.0}, detector_maps=name.removeprefix(MAP))
    if name not in NAMED:
        raise UserError(f"no defect set '{name}'; there are {', '.join(NAMED)}, and map:FILE")
    return NAMED[name]
