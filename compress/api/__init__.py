"""The public Python API, on the same code as the command line."""

from compress.api.pruner import Pruner
from compress.runs.network_files import load

__all__ = ["Pruner", "load"]
