"""The public Python API, on the same code as the command line."""

from compress.api.files import ExportedFile, export_onnx
from compress.api.pruner import Pruner
from compress.api.verdict import Verdict, verify
from compress.data.preprocessing import Preprocessing
from compress.runs.network_files import load, load_preprocessing

__all__ = ["ExportedFile", "Preprocessing", "Pruner", "Verdict", "export_onnx", "load", "load_preprocessing", "verify"]
