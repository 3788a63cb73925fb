"""From a module to an ONNX file, and what the file does in onnxruntime. Imports nothing of compress."""

import os

# onnxruntime reads it when it is imported. Without it every session writes a device id and a queue of events into
# the user's folders, and looks up its maker's host.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
