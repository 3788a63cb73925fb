"""Records of ONNX files that nobody opens."""

from compress.runs.file_records import FileRecord


def record(**changes) -> FileRecord:
    fields = {
        "label": "original",
        "role": "original",
        "file": "artifacts/original.onnx",
        "sha256": "a" * 64,
        "size_bytes": 1000,
        "precision": "fp32",
        "macs": 100,
        "parameters": 10,
        "epochs": 3,
    }
    return FileRecord(**fields | changes)
