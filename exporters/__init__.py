"""From a module to an ONNX file, and what the file does in onnxruntime. Imports nothing of compress."""
