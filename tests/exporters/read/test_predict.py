import numpy as np
import pytest
import torch

from exporters.errors import ExportError
from exporters.read.classifier import open_session
from exporters.read.logits import predict_logits
from exporters.read.preparation import RAW_PIXELS, Conversion, Preparation
from exporters.read.signature import signature_of
from tests.exporters.onnx_files import FLOAT, FLOAT16, UINT8, Wanted, answer, classifier, save

OWN = Preparation((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8))


def images(count: int) -> torch.Tensor:
    """``pixels``, normalised: float32 [N, 3, 8, 8]."""
    mean, std = (np.reshape(values, (1, 3, 1, 1)) for values in (OWN.mean, OWN.std))
    return torch.from_numpy(((pixels(count) / 255 - mean) / std).astype(np.float32))


@pytest.mark.parametrize("batch", [1, 3, 4, 50])
def test_fixed_batches_are_filled_up(batch, tmp_path):
    wanted = Wanted(batch=batch)
    path = save(classifier(wanted), tmp_path / "net.onnx")
    everything = images(17)
    logits = predict_logits(path, everything.split(5), threads=1)
    assert logits.shape == (17, 5)
    np.testing.assert_allclose(logits, answer(everything.numpy(), wanted), atol=1e-5)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("batch", ["n", 4])
@pytest.mark.parametrize(("dtype", "tolerance"), [(FLOAT, 1e-5), (FLOAT16, 1e-2), (UINT8, 2e-3)])
def test_files_of_other_layouts_and_types(layout, batch, dtype, tolerance, tmp_path):
    wanted = Wanted(layout=layout, dtype=dtype, batch=batch)
    path = save(classifier(wanted), tmp_path / "net.onnx")
    signature = signature_of(open_session(path, threads=1))
    preparation = RAW_PIXELS if dtype == UINT8 else OWN
    batches = images(10).split(7)
    logits = predict_logits(path, batches, threads=1, conversion=Conversion(OWN, preparation, signature))
    assert logits.dtype == np.float32
    shown = pixels(10) if dtype == UINT8 else images(10).numpy()
    np.testing.assert_allclose(logits, answer(shown, wanted), atol=tolerance)


def test_wrong_requests_are_errors(tmp_path):
    for batch in ("n", 4):
        path = save(classifier(Wanted(batch=batch)), tmp_path / "net.onnx")
        with pytest.raises(ExportError, match="at least one batch"):
            predict_logits(path, [], threads=1)
    path = save(classifier(Wanted(layout="NHWC", dtype=UINT8)), tmp_path / "net.onnx")
    with pytest.raises(ExportError, match="expected uint8 images of shape"):  # without a conversion
        predict_logits(path, [images(2)], threads=1)
