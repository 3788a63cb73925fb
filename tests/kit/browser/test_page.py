"""What the page gets to know of a kit, and the files that it consists of."""

import hashlib
import json
import re
from importlib import resources

import numpy as np
import pytest

from compress.kit.write import kit_of_files
from compress.observer import Observer
from compress.settings.config import DataConfig
from compress.settings.verify import UserOverrides
from compress.verdict.verify import load_test_images
from tests.exporters.onnx_files import UINT8, Wanted, classifier, save
from tests.helpers.datasets import write_image_folder

RUNTIME = {"ort.wasm.bundle.min.mjs": b"module", "ort-wasm-simd-threaded.wasm": b"\0asm"}
FIRST = {"mean": "[0.5]", "std": "[0.25]", "classes": '["middling", "bright", "<i>dark\\u202e"]'}


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """A kit with a page: a float32 file with its own order of classes, and one of bytes in NHWC, a fixed batch."""
    folder = tmp_path_factory.mktemp("page")
    write_image_folder(folder / "images", train=4, test=24, size=20)
    for split in ("train", "test"):
        (folder / "images" / split / "dark").rename(folder / "images" / split / "<i>dark\u202e")
    first, second = Wanted(channels=1, classes=3, size=(16, 16)), Wanted("NHWC", UINT8, 5, 3, (16, 16), 3, softmax=True)
    save(classifier(first, metadata=FIRST), folder / "a.onnx")
    save(classifier(second), folder / "b.onnx")
    images, overrides = DataConfig(dataset=str(folder / "images")), UserOverrides(resize=18, interpolation="bicubic")
    kit_of_files(
        folder / "a.onnx", folder / "b.onnx", load_test_images(images), folder / "kit",
        overrides=overrides, runtime=RUNTIME, observer=Observer(),
    )  # fmt: skip
    return folder / "kit"


def check_facts(found, *groups, **more):
    wanted = {name: value for group in (*groups, more) for name, value in group.items()}
    assert {name: found[name] for name in wanted} == wanted


def test_the_page_knows_how_each_file_takes_pictures_and_answers(kit):
    page = json.loads((kit / "web/page.json").read_text())
    assert page["classes"] == ["<i>dark\\u202e", "bright", "middling"]  # sorted; what turns the text can be seen
    assert page["pairs"] == [["a.onnx", "b.onnx"]]
    first, second = page["files"]
    framing = {"kind": "shorter", "pixels": 18, "interpolation": "bicubic"}
    both = {"size": 16, "grey": True, "bgr": False, "framing": framing}
    check_facts(first, both, layout="NCHW", dtype="float32", batch=None, channels=1, mean=[0.5], std=[0.25])
    check_facts(second, both, layout="NHWC", dtype="uint8", batch=5, channels=3, mean=None, std=None)
    check_facts(first, class_order=[2, 1, 0], probabilities=False)
    check_facts(second, class_order=None, probabilities=True)
    arrays = np.load(kit / page["images"])
    assert arrays[page["labels"]].shape == (64,)
    for file in (first, second):
        assert len(arrays[file["images"]]) == len(arrays[file["logits"]]) == 64
        assert (kit / file["file"]).stat().st_size == file["bytes"]
    assert first["tolerance"] == pytest.approx(1e-4 * max(1, np.abs(arrays[first["logits"]]).max() / 10))


def test_all_files_of_the_page_are_there_and_in_the_manifest(kit):
    listed = dict(reversed(line.split("  ", 1)) for line in (kit / "MANIFEST.sha256").read_text().splitlines())
    for name, data in RUNTIME.items():
        assert (kit / "web" / name).read_bytes() == data
        assert listed[f"web/{name}"] == hashlib.sha256(data).hexdigest()
    written = {
        file.name: file.read_text() for file in resources.files("compress.kit.browser").joinpath("page").iterdir()
    }
    assert {"index.html", *(f"web/{name}" for name in written if name != "index.html")} <= {*listed}
    named = {name for text in written.values() for name in re.findall(r'(?:from|src=|href=) ?"([\w./-]+)"', text)}
    assert {f"web/{name.removeprefix('web/').removeprefix('./')}" for name in named} <= {*listed}
    assert "Microsoft Corporation" in (kit / "web/LICENSE.onnxruntime-web.txt").read_text()
    assert "python -m http.server" in (kit / "README.md").read_text()


def test_a_kit_has_no_page_unless_it_is_asked_for(made):
    assert not (made / "kit/index.html").exists()
    assert not (made / "kit/web").exists()
    assert "http.server" not in (made / "kit/README.md").read_text()
