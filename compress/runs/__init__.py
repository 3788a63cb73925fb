"""The run folder: where every stage puts its value, whole or not at all."""

from compress.runs.folder import MODEL_FACTS, STAGES, RunFolder
from compress.runs.naming import default_run_path

__all__ = ["MODEL_FACTS", "STAGES", "RunFolder", "default_run_path"]
