"""onnxruntime's own format for phones and small devices, with the list of operators such a build needs."""

import logging
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
from onnxruntime.tools.convert_onnx_models_to_ort import OptimizationStyle, convert_onnx_models_to_ort

from exporters.errors import ExportError, kind_of, reason_of
from exporters.read.onnx_file import read_onnx
from exporters.read.session import run_logits, session_options, start_session
from exporters.read.signature import signature_of
from exporters.write.artifact import Artifact, write_bytes
from exporters.write.atomic import write_atomically
from exporters.write.scratch import scratch_folder

logging.getLogger("ort_format_model.utils").setLevel(logging.WARNING)  # it logs every file it writes
_TOLERANCE = 1e-4  # of the largest logit: other kernels, other order of the sums
_CHECK_IMAGES = 4


def to_ort_format(source: Path, folder: Path) -> Artifact:
    """Write ``<source's name>.ort`` into ``folder``, and beside it ``.required_operators.config``.

    The second lists the operators that a reduced build of onnxruntime has to include. onnxruntime's
    converter runs with its defaults: all optimisations but the layout that fits only the processor at hand.
    The file is opened again and must answer as the source does. Unlike the ONNX files, two conversions may
    differ in some bytes: onnxruntime writes its tables in hash order.

    OnnxFileError if the source cannot be read, ExportError if onnxruntime cannot convert it, or the result answers
    differently.
    """
    content, name = read_onnx(source).data, source.name.removesuffix(".onnx")
    with scratch_folder() as temporary:
        made = temporary / "model.ort"
        made.with_suffix(".onnx").write_bytes(content)
        try:
            with redirect_stdout(StringIO()):
                convert_onnx_models_to_ort(made.with_suffix(".onnx"), None, [OptimizationStyle.Fixed])
        except OSError:  # a full disk, not the file
            raise
        except Exception as error:  # onnxruntime's errors have no public base class
            reason = reason_of(error)
            message = f"expected a file that onnxruntime can convert, {source} gives: {reason}"
            raise kind_of(reason, ExportError)(message) from error
        data, operators = made.read_bytes(), made.with_suffix(".required_operators.config").read_text(encoding="utf-8")
    _check_same(source, content, data)
    needed = [line for line in operators.splitlines() if not line.startswith("#")]  # comments name the folder
    config = "\n".join([f"# operators of {name}.ort", *needed, ""])
    write_atomically(folder / f"{name}.required_operators.config", config.encode())
    return write_bytes(data, folder / f"{name}.ort")


def _check_same(source: Path, content: bytes, converted: bytes) -> None:
    before, after = (start_session(data, session_options(threads=1), path=source) for data in (content, converted))
    signature = signature_of(before, source=str(source))
    images = signature.random_images(np.random.default_rng(0), batch_size=signature.batch or _CHECK_IMAGES)
    expected, found = (run_logits(session, images) for session in (before, after))
    difference = float(np.abs(expected - found).max())
    allowed = _TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if not difference <= allowed:
        raise ExportError(
            f"expected the .ort file to answer as {source} does, got logits that differ by {difference:.1e} "
            f"(allowed {allowed:.1e}); try the ONNX file itself"
        )
