"""The public Python API."""

from compress.runs.load_network import load

__all__ = ["load"]
