"""onnxruntime's own format for phones and small devices, with the list of operators such a build needs."""

import hashlib
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.tools.ort_format_model import create_config_from_models

from exporters.errors import ExportError
from exporters.read.onnx_reading import read_onnx
from exporters.write.atomic import write_atomically

_ERRORS_ONLY = 3
logging.getLogger("ort_format_model.utils").setLevel(logging.WARNING)  # tells of every file it writes
_TOLERANCE = 1e-4  # of the largest logit: other kernels, other order of the sums
_CHECK_IMAGES = 4
_PROCESSOR_BOUND = ["NchwcTransformer"]  # its blocks of channels fit the processor that made the file


@dataclass(frozen=True)
class OrtArtifact:
    """A written ``.ort`` file.

    Attributes:
        path: where it is.
        sha256: of its bytes, hexadecimal.
        size_bytes: its length.
        operators_config: beside it, the operators that a reduced build of onnxruntime has to include.
    """

    path: Path
    sha256: str
    size_bytes: int
    operators_config: Path


def to_ort_format(source: Path, folder: Path) -> OrtArtifact:
    """Write ``<source's name>.ort`` and ``.required_operators.config`` into ``folder``.

    Optimised as onnxruntime's converter does by default: all levels, without the layout that fits
    only the processor at hand. The file is opened again and must answer as the source does. Unlike the
    ONNX files, two conversions may differ in some bytes: onnxruntime writes its tables in hash order.

    Args:
        source: a self-contained ONNX file with one image input.
        folder: where to write.

    Raises:
        OnnxFileError: the source cannot be read.
        ExportError: onnxruntime cannot convert it, or the result answers differently.
    """
    read_onnx(source)
    name = source.name.removesuffix(".onnx")
    with tempfile.TemporaryDirectory(prefix="compress-ort-") as temporary:
        made, listed = Path(temporary) / f"{name}.ort", Path(temporary) / "operators.config"
        try:
            _convert(source, made)
            create_config_from_models([made], listed, False)
        except Exception as error:  # onnxruntime's errors have no public base class
            raise ExportError(f"expected a file that onnxruntime can convert, {source} gives: {error}") from error
        data, operators = made.read_bytes(), listed.read_text(encoding="utf-8")
    _check_same(source, data)
    target, config = folder / f"{name}.ort", folder / f"{name}.required_operators.config"
    needed = [line for line in operators.splitlines() if not line.startswith("#")]  # comments name the folder
    write_atomically(config, "\n".join([f"# operators of {target.name}", *needed, ""]).encode())
    write_atomically(target, data)
    return OrtArtifact(target, hashlib.sha256(data).hexdigest(), len(data), config)


def _convert(source: Path, target: Path) -> None:
    options = _options()
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.add_session_config_entry("session.qdqisint8allowed", "0")
    InferenceSession(
        source.read_bytes(), options, providers=["CPUExecutionProvider"], disabled_optimizers=_PROCESSOR_BOUND
    )


def _check_same(source: Path, data: bytes) -> None:
    before = InferenceSession(source.read_bytes(), _options(), providers=["CPUExecutionProvider"])
    after = InferenceSession(data, _options(), providers=["CPUExecutionProvider"])
    (images,) = before.get_inputs()
    shape = [size if isinstance(size, int) else _CHECK_IMAGES for size in images.shape]
    random = np.random.default_rng(0)
    if images.type == "tensor(uint8)":
        values = random.integers(0, 256, shape, dtype=np.uint8)
    else:
        values = random.standard_normal(shape).astype(np.float32)
    expected, found = (np.asarray(session.run(None, {images.name: values})[0]) for session in (before, after))
    difference = float(np.abs(expected - found).max())
    allowed = _TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if not difference <= allowed:
        raise ExportError(
            f"expected the .ort file to answer as {source} does, got logits that differ by {difference:.1e} "
            f"(allowed {allowed:.1e}); try the ONNX file itself"
        )


def _options() -> SessionOptions:
    options = SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    return options
