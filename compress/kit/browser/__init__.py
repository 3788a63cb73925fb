"""The kit's page: its ONNX files in a browser, run by onnxruntime-web."""
