"""A frozen feature extractor: what losses compare and what the task *invert* inverts.

`extractor.py` has the networks, of VGG's and of AlexNet's form, and reads them: torchvision's files where the user has
them, or one trained by `pretext.py` without labels, as the one that ships (checkpoints/features, of VGG's form and far
smaller).
"""

from model.features.extractor import SHIPPED, Extractor, load_extractor

__all__ = ["SHIPPED", "Extractor", "load_extractor"]
