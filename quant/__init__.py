"""Quantization: the Brevitas twin, quantization-aware training, QONNX export."""

import warnings

# Brevitas looks for an optional CUDA package on import and says so; nothing here uses it.
warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
