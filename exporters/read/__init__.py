"""Read any ONNX classifier: signature, parameters and MACs, predictions, parity with its module."""
