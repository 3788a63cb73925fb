"""Write a module as ONNX files: fp32, INT8, FP16, raw pixels, onnxruntime's mobile format."""
