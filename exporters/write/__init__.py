"""A module becomes ONNX files: fp32, INT8, FP16, raw pixels inside, onnxruntime's mobile format."""
