"""Operator sets that a network can be written in."""

from typing import Final

OPSETS: Final = range(18, 26)
"""torch.onnx writes the first itself and has onnxscript convert to the others; onnxscript 0.7 knows none past 25."""
