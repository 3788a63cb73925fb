"""ONNX classifiers from anywhere, opened as data: what they take, what they cost, what they answer."""
