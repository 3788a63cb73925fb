"""A module as an ONNX file, with the metadata that the command line writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from compress.api.keywords import naming_keywords
from compress.api.wrappers import unwrap
from compress.atomic import write_atomically
from compress.channels.costs import products_per_image
from compress.data.preprocessing import Preprocessing
from compress.environment import usable_cores
from compress.errors import UsageError
from compress.exporter_faults import export_faults
from compress.runs.network_files import metadata_of, prove_parity
from compress.runs.outputs import check_replaceable
from compress.tracing.forward_pass import evaluating, running
from exporters.write import onnx_export
from exporters.write.scratch import scratch_folder


@dataclass(frozen=True)
class ExportedFile:
    """A written ONNX file, and what is known of it."""

    path: Path
    sha256: str
    """Of its bytes, hexadecimal."""
    size_bytes: int
    macs: int
    """Multiply-accumulates for one image."""
    parameters: int
    """Of the module."""
    max_difference: float
    """Largest difference of a logit between torch and onnxruntime, on the example."""


@naming_keywords()
def export_onnx(
    module: nn.Module,
    path: str | Path,
    example: Tensor,
    *,
    classes: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    opset: int = 18,
) -> ExportedFile:
    """Write a module in evaluation mode as one ONNX file with a free batch size, compared with torch.

    Args:
        module: from images (B, C, H, W), float32, to logits (B, K); it is not changed.
        path: of the file, replaced if it exists, and only by a file that answers as torch does.
        example: some images as the module takes them, real ones if possible.
        classes: names in the order of the logits; written into the file, so that its users need not guess.
        preprocessing: how an image becomes the input; written into the file, too.
        opset: ONNX operator set.

    Returns:
        What was written.

    Raises:
        UsageError: it does not run on the example; classes or preprocessing do not fit it; the path is a run's file.
        CheckFailedError: it cannot be exported, or the file gives other logits.
    """
    network, path, images = unwrap(module), Path(path), example.detach().float()
    check_replaceable(path)
    _check_fit(network, images, classes, preprocessing)
    with scratch_folder() as folder, export_faults():
        draft, metadata = folder / path.name, metadata_of(preprocessing, classes)
        shape: tuple[int, int, int] = (images.shape[1], images.shape[2], images.shape[3])
        written = onnx_export.export_onnx(network, draft, input_shape=shape, opset=opset, metadata=metadata)
        parity = prove_parity(network, draft, images.cpu(), threads=usable_cores())
        write_atomically(path, draft.read_bytes())
    macs = sum(macs for _operator, macs in products_per_image(network, _near(network, images[:1])))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return ExportedFile(path, written.sha256, written.size_bytes, macs, parameters, parity.max_abs_difference)


def _check_fit(
    network: nn.Module, images: Tensor, classes: Sequence[str] | None, preprocessing: Preprocessing | None
) -> None:
    """Raise UsageError unless a network gives logits (B, K) of these classes on images prepared so."""
    if images.dim() != 4 or not len(images):
        raise UsageError(f"expected an example of images (B, C, H, W), got {tuple(images.shape)}")
    with evaluating(network), torch.no_grad(), running("the module does not run on the example", UsageError):
        logits = network(_near(network, images[:2]))
    if not isinstance(logits, Tensor) or logits.dim() != 2:
        raise UsageError("expected a module that returns one tensor of logits (B, K); wrap it so that it does")
    if classes is not None and len(classes) != logits.shape[1]:
        raise UsageError(f"expected names of {logits.shape[1]} classes, as there are logits, got {len(classes)}")
    shape = tuple(images.shape[1:])
    if preprocessing is not None and preprocessing.input_shape != shape:
        raise UsageError(
            f"expected a preprocessing that gives images {shape} as the example has them, "
            f"got {preprocessing.input_shape}"
        )


def _near(network: nn.Module, images: Tensor) -> Tensor:
    """Images on the device of a network's parameters."""
    return images.to(next(iter(network.parameters()), images).device)
