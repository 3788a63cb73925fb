"""What runs on a device: checks and times the files of a kit, with Python 3.9, numpy and onnxruntime alone."""
