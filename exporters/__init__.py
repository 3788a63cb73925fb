"""From a module to a file, and what the file does in onnxruntime. Imports nothing of compress."""
