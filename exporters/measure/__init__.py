"""Measure ONNX files: latency against each other, time per layer, peak memory."""
