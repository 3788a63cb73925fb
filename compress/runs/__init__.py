"""The run folder: every stage writes its results here, each file complete or absent."""

from compress.runs.folder import MODEL_FACTS, STAGES, RunFolder, default_run_path

__all__ = ["MODEL_FACTS", "STAGES", "RunFolder", "default_run_path"]
