"""Quantization: the Brevitas twin, quantization-aware training, QONNX export."""

import warnings

import pixelmend  # noqa: F401 - before torch, see there

# Brevitas looks for an optional CUDA package on import and says so; nothing here uses it.
warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
