"""Open an ONNX image classifier from anywhere in onnxruntime."""

from pathlib import Path

from onnxruntime import InferenceSession, SessionOptions

from exporters.read.onnx_file import read_onnx
from exporters.read.session import CPU_PROVIDER, session_options, start_session
from exporters.read.signature import image_input, score_output


def open_session(
    path: Path, *, threads: int, options: SessionOptions | None = None, provider: str = CPU_PROVIDER
) -> InferenceSession:
    """Open an ONNX image classifier; weights in other files are read from its own folder only.

    ``options`` are ``session_options`` with something added, such as a profile. OnnxFileError if the file is missing,
    damaged, reaches outside its folder, or is no image classifier, MachineError if ``provider`` does not start.
    """
    options = options or session_options(threads=threads)
    session = start_session(read_onnx(path).data, options, path=path, provider=provider)
    image_input(session, source=str(path))
    score_output(session, source=str(path))
    return session
