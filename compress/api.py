"""The public Python API."""

from compress.runs.network_files import load

__all__ = ["load"]
