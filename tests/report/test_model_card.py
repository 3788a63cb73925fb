import io
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from compress.data.images import fit_image
from compress.data.splits import RESIZE, resize_images
from compress.errors import BadInputError
from compress.report.model_card import loading_snippet, render_model_card
from exporters.read.predict import predict_logits
from exporters.write.onnx_export import export_onnx
from tests.report.sample import CLASSES, foreign_report, full_report, network, report
from tests.report.test_markdown import MARKDOWN
from tests.report.test_terminal import EVIL

FOLDER_RESIZE = "EXIF orientation applied, RGB, largest centred square, bilinear with antialiasing to the size"


def facts(**changes) -> dict:
    return {
        "arch": "squeezenet", "classes": list(CLASSES), "mean": [0.286], "std": [0.353], "resize": RESIZE,
        "files": {"pruned": "pruned.onnx"},
    } | changes  # fmt: skip


def test_every_section_is_there_with_what_it_is_for():
    card = render_model_card(full_report(), facts())
    assert re.findall(r"^## (.*)$", card, re.M) == ["Results", "Data", "Recipe", "Limits", "Licence", "How to load"]
    for fact in (
        "12.5 M of 25.0 M multiply-accumulates (50.0 %)",
        "`artifacts/pruned.onnx` has the sha256 `" + "b" * 64,
        "84.72 to 91.05",
        "- **FAILED**: max-drop",
        "- sha256 of test images and labels (what compare goes by): `" + "e" * 64,
        "- sha256 of all images, labels and splits: `" + "f" * 64,
        "less the mean (0.286), divided by the std (0.353)",
        "searched by method edropout (preset default, 8 states, 4 epochs, 255 iterations), asked to keep 50.0 %",
        "Trainings: baseline training, 6 epochs; fine-tuning, 8 epochs.",
        "Seed 0",
        "Latency holds for this machine alone: Some CPU, avx2 fma; onnxruntime of a version not stated "
        "(provider CPUExecutionProvider, graph optimisation all, spinning stopped).",
        "static QDQ, calibrated (minmax) on 512 training images, weights int8 per channel, activations uint8",
        'compress.load(".")',
    ):
        assert fact in card


def test_the_card_names_the_method():
    sample = report()
    for method, words in (("l1", "pruned by the l1 norms of their filters and cut"), ("edropout", "by EDropout and")):
        run = sample.run.model_copy(update={"config": sample.run.config | {"method": method}})
        card = render_model_card(report(run=run), facts())
        assert words in card
        assert f"tags: [onnx, pruning, {method}]" in card


def test_the_licence_is_stated_only_where_it_is_known():
    assert render_model_card(report(), facts()).startswith('---\nlicense: "unknown"\n')
    stated = render_model_card(report(), facts(license="CC-BY-4.0"))
    assert stated.startswith('---\nlicense: "CC-BY-4.0"\n')
    assert "## Licence\n\nCC-BY-4.0.\n" in stated


def test_the_machine_is_told_as_far_as_it_is_known():
    environment = {
        "cpu": {"model": "Fast CPU", "cores": 2, "isa": ["avx2", "avx512_vnni"]},
        "packages": {"onnxruntime": "1.31.1"},
    }
    card = render_model_card(report(environment=environment, session={}), facts())
    assert "Fast CPU, 2 cores, avx2 avx512\\_vnni; onnxruntime 1.31.1." in card
    assert "the processor of the measurement; onnx" in render_model_card(report(environment={}), facts())


def test_a_name_at_the_start_of_a_line_is_a_paragraph():
    for name, seen in (
        ("- list", "&#45; list: 10,800"),
        ("1. list", "1&#46; list: 10,800"),
        ("# head", "&#35; head: 10,8"),
    ):
        data = report().data.model_copy(update={"name": name})
        assert f"\n{seen}" in render_model_card(report(data=data), facts())
    assert "\n&#62; mine.\n" in render_model_card(report(), facts(license="> mine"))


def test_files_that_take_other_pixels_are_told_apart():
    plain = full_report()
    signature = replace(plain.candidate.signature, layout="NHWC", dtype="uint8")
    nhwc = plain.networks[3].model_copy(
        update={"label": "pruned nhwc", "file": "artifacts/pruned.nhwc.onnx", "signature": signature}
    )
    card = render_model_card(full_report(networks=(*plain.networks, nhwc)), facts())
    assert "`artifacts/pruned.nhwc.onnx`: give 8-bit pixels N x H x W x C as they are" in card
    (same,) = re.findall(r"the same lines run (.*)\):", card)
    assert same.count(".onnx") == 4
    assert "nhwc" not in same


def test_names_cannot_break_out():
    classes = (EVIL, "---", "```", *CLASSES[:3])
    data = report().data.model_copy(update={"name": EVIL, "classes": classes})
    networks = (report().original, network(EVIL, "candidate", wrong=range(9), file="artifacts/pruned.onnx"))
    card = render_model_card(report(data=data, networks=networks), facts(arch=EVIL, license=f'x"\n{EVIL}'))
    head, body = card.split("\n---\n\n", 1)
    assert len(head.splitlines()) == 6
    html = MARKDOWN.render(body)
    assert not re.search(r"<(script|b|a|em)\b", html)
    assert html.count("<pre>") == 2


def test_a_thousand_classes_are_counted_not_listed():
    names = tuple(f"class number {number}" for number in range(1000))
    data = report().data.model_copy(update={"classes": names})
    card = render_model_card(report(data=data), facts())
    assert "class number 19 and 980 more, in artifacts/model.json" in card
    assert "class number 20" not in card


def test_what_has_no_card_says_so():
    with pytest.raises(BadInputError, match="expected the report of a run"):
        render_model_card(foreign_report(), facts())
    incomplete = facts()
    del incomplete["mean"], incomplete["std"]
    with pytest.raises(BadInputError, match=r"expected mean, std in artifacts/model\.json"):
        render_model_card(report(), incomplete)


def tiny_network(channels: int) -> torch.nn.Module:
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(channels, 8, 5, stride=2), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.LazyLinear(len(CLASSES)),
    ).eval()  # fmt: skip


def card_run(folder, *, channels: int, size: int, model_facts: dict):
    """A folder as a run leaves it, with a tiny network, and the block of its card."""
    row = report().candidate
    shown = row.model_copy(update={"signature": replace(row.signature, channels=channels)})
    data = report().data.model_copy(update={"image_size": size, "channels": channels})
    document = report(data=data, networks=(report().original, shown))
    card = render_model_card(document, model_facts)
    (block, _torch) = re.findall(r"^```python\n(.*?)^```$", card, re.M | re.S)
    assert block.strip() == loading_snippet(document, model_facts)
    (folder / "artifacts").mkdir()
    (folder / "artifacts/model.json").write_text(json.dumps(model_facts))
    model = tiny_network(channels)
    model(torch.zeros(2, channels, size, size))
    export_onnx(model, folder / "artifacts/pruned.onnx", input_shape=(channels, size, size), opset=18, metadata={})
    return block


def run_block(folder, block: str) -> tuple[str, np.ndarray]:
    """What the block prints, and its logits."""
    code = block + '\nnp.save("logits.npy", logits)\n'
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), np.load(folder / "logits.npy")


def test_its_lines_classify_a_photograph_as_compress_does(tmp_path):
    """RGB, not square, lying on its side by EXIF."""
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    block = card_run(tmp_path, channels=3, size=32, model_facts=facts(mean=mean, std=std, resize=FOLDER_RESIZE))
    pixels = np.random.default_rng(0).integers(0, 256, (61, 90, 3), dtype=np.uint8)
    upright = Image.fromarray(np.rot90(pixels).copy())  # EXIF 8: turn a quarter to the left
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif)
    fitted = np.asarray(fit_image(upright, size=32), np.float32) / 255
    batch = torch.from_numpy((fitted - np.float32(mean)) / np.float32(std)).permute(2, 0, 1)[None]
    expected = predict_logits(tmp_path / "artifacts/pruned.onnx", [batch], threads=1)[0]
    printed, logits = run_block(tmp_path, block)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert printed == CLASSES[int(expected.argmax())]


def test_its_lines_classify_a_grey_image_as_compress_does(tmp_path):
    """Of the bundled sample's kind: resized whole, in torch for compress, in Pillow for the reader."""
    block = card_run(tmp_path, channels=1, size=48, model_facts=facts())
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    resized = resize_images(pixels[None, ..., None], size=48)
    with Image.open(io.BytesIO((tmp_path / "photo.png").read_bytes())) as image:
        theirs = np.asarray(image.resize((48, 48), Image.Resampling.BILINEAR), np.int64)
    assert np.abs(theirs - resized[0, ..., 0].numpy()).max() <= 1  # of 255: the two round halves differently
    batch = (resized.permute(0, 3, 1, 2).float() / 255 - 0.286) / 0.353
    expected = predict_logits(tmp_path / "artifacts/pruned.onnx", [batch], threads=1)[0]
    printed, logits = run_block(tmp_path, block)
    np.testing.assert_allclose(logits, expected, atol=0.02)
    assert printed == CLASSES[int(expected.argmax())]
