"""BRISQUE of a folder's pictures, as JSON {name: score}: `bench.perceptual` runs it in an environment of its own."""

import json
import sys
from pathlib import Path

import numpy as np
from brisque import BRISQUE
from PIL import Image

model = BRISQUE(url=False)
pictures = sorted(Path(sys.argv[1]).glob("*.png"))
print(json.dumps({path.stem: float(model.score(np.asarray(Image.open(path)))) for path in pictures}))
