import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from compress.data import fashion
from compress.data.fashion import FASHION, SAMPLE, read_sample
from compress.data.fashion_files import read_full
from compress.errors import BadInputError
from tests.data.files import write_fashion


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fashion")
    return read_full(folder, files=write_fashion(folder))


def test_the_bundled_sample_is_the_pinned_one_small_and_stratified():
    assert SAMPLE.stat().st_size <= 8_000_000
    arrays = read_sample()
    assert arrays.train_images.shape == (12_000, 28, 28)
    assert arrays.test_images.shape == (4_000, 28, 28)
    assert np.bincount(arrays.train_labels).tolist() == [1_200] * 10
    assert np.bincount(arrays.test_labels).tolist() == [400] * 10
    assert "Zalando" in (SAMPLE.parent / "LICENSE").read_text(encoding="utf-8")


def test_the_stated_mean_and_deviation_are_those_of_the_images():
    images = read_sample().train_images / 255
    assert abs(images.mean() - FASHION.mean[0]) < 0.003
    assert abs(images.std() - FASHION.std[0]) < 0.003


def test_a_changed_sample_is_refused(tmp_path):
    data = bytearray(SAMPLE.read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / "fashion_sample.npz"
    changed.write_bytes(data)
    with pytest.raises(BadInputError, match=r"fashion_sample\.npz is damaged: expected sha256 "):
        read_sample(changed)
    with pytest.raises(BadInputError, match="cannot read the bundled sample"):
        read_sample(tmp_path / "none.npz")


def test_the_script_draws_evenly_and_always_the_same(tiny, tmp_path, monkeypatch):
    path = Path(__file__).parents[2] / "scripts" / "build_fashion_sample.py"
    spec = importlib.util.spec_from_file_location("build_fashion_sample", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setitem(fashion.SAMPLE_PER_CLASS, "train", 4)
    monkeypatch.setitem(fashion.SAMPLE_PER_CLASS, "test", 1)
    data = script.build(tiny)
    assert data == script.build(tiny)
    monkeypatch.setattr(fashion, "SAMPLE_SHA256", hashlib.sha256(data).hexdigest())
    (tmp_path / "sample.npz").write_bytes(data)
    sample = read_sample(tmp_path / "sample.npz")
    assert np.bincount(sample.train_labels).tolist() == [4] * 10
    assert np.bincount(sample.test_labels).tolist() == [1] * 10
    published = {image.tobytes(): label for image, label in zip(tiny.train_images, tiny.train_labels, strict=True)}
    drawn = [image.tobytes() for image in sample.train_images]
    assert len(set(drawn)) == 40
    assert [published[image] for image in drawn] == sample.train_labels.tolist()
