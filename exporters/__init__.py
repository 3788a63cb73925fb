"""ONNX export, parity with torch, latency. Imports nothing of compress."""
