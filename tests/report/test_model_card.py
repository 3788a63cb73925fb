import contextlib
import json
import re
import runpy

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from compress.data.framing import Framing
from compress.data.preprocessing import Preprocessing
from compress.data.splits import WHOLE, resize_images
from compress.errors import BadInputError
from compress.report.loading_snippet import loading_snippet
from compress.report.model_card import render_model_card
from compress.runs.network_files import input_facts
from exporters.read.logits import predict_logits
from tests.report.html.documents import HOSTILE, hostile
from tests.report.sample import CLASSES, changed, foreign_report, full_report, report, run_facts
from tests.report.test_markdown import MARKDOWN

FOLDER_RESIZE = "EXIF orientation applied, RGB, largest centred square, bilinear with antialiasing to the size"


def facts(**changes) -> dict:
    return {
        "arch": "squeezenet", "classes": list(CLASSES), "mean": [0.286], "std": [0.353], "resize": WHOLE.in_words(48),
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


def test_the_card_says_how_weights_were_trained():
    training = {"optimizer": "sgd", "lr": 0.025, "schedule": "cosine", "weight_decay": 1e-4, "label_smoothing": 0.1}
    card = render_model_card(report(run=run_facts(config=report().run.config | training)), facts())
    assert ", with sgd, learning rate 0.025 at most (cosine), weight decay 0.0001, label smoothing 0.1. Seed" in card


def test_the_card_names_the_method():
    for method, words in (("l1", "pruned by the l1 norms of their filters and cut"), ("edropout", "by EDropout and")):
        run = run_facts(config=report().run.config | {"method": method})
        card = render_model_card(report(run=run), facts())
        assert words in card
        assert f"tags: [onnx, pruning, {method}]" in card


def test_the_licence_is_stated_only_where_it_is_known_and_a_line_that_begins_with_a_name_is_a_paragraph():
    assert render_model_card(report(), facts()).startswith('---\nlicense: "unknown"\n')
    stated = render_model_card(report(data=changed(report().data, name="- list")), facts(license="> mine"))
    assert stated.startswith('---\nlicense: "> mine"\n')
    assert "## Licence\n\n&#62; mine.\n" in stated
    assert "\n&#45; list: 10,800" in stated


def test_files_that_take_other_pixels_are_listed_apart():
    plain = full_report()
    signature = changed(plain.candidate.signature, layout="NHWC", dtype="uint8")
    nhwc = changed(plain.networks[3], label="pruned nhwc", file="artifacts/pruned.nhwc.onnx", signature=signature)
    card = render_model_card(full_report(networks=(*plain.networks, nhwc)), facts())
    assert "`artifacts/pruned.nhwc.onnx`: give 8-bit pixels N x H x W x C as they are" in card
    (same,) = re.findall(r"the same lines run (.*)\):", card)
    assert same.count(".onnx") == 4
    assert "nhwc" not in same


def test_names_cannot_break_out():
    evil = hostile()
    document = changed(evil, data=changed(evil.data, classes=("---", "```", *HOSTILE[:4])))
    card = render_model_card(document, facts(arch=HOSTILE[1], license=f'x"\n{HOSTILE[0]}'))
    head, body = card.split("\n---\n\n", 1)
    assert len(head.splitlines()) == 6
    html = MARKDOWN.render(body)
    assert not re.search(r"<(script|b|a|em|img)\b", html)
    assert html.count("<pre>") == 2


def test_a_thousand_classes_are_counted_not_listed():
    names = tuple(f"class number {number}" for number in range(1000))
    card = render_model_card(report(data=changed(report().data, classes=names)), facts())
    assert "class number 19 and 980 more, in artifacts/model.json" in card
    assert "class number 20" not in card


def test_what_has_no_card_says_so():
    with pytest.raises(BadInputError, match="expected the report of a run"):
        render_model_card(foreign_report(), facts())
    incomplete = {name: value for name, value in facts().items() if name not in ("mean", "std")}
    with pytest.raises(BadInputError, match=r"expected mean, std in artifacts/model\.json"):
        render_model_card(report(), incomplete)


def run_block(folder, picture: Image.Image, model_facts: dict, *, channels: int, size: int, **saving) -> dict:
    """The variables of the card's lines, run on a picture in a folder as a run leaves it, with one layer."""
    shown = changed(report().candidate, signature=changed(report().candidate.signature, channels=channels))
    data = changed(report().data, image_size=size, channels=channels)
    document = report(data=data, networks=(report().original, shown))
    (block, _torch) = re.findall(r"^```python\n(.*?)^```$", render_model_card(document, model_facts), re.M | re.S)
    assert block.strip() == loading_snippet(document, model_facts)
    (folder / "artifacts").mkdir()
    (folder / "artifacts/model.json").write_text(json.dumps(model_facts))
    weights = np.random.default_rng(3).normal(scale=0.01, size=(channels * size**2, len(CLASSES))).astype(np.float32)
    model = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 18]> layer (float[N, {channels}, {size}, {size}] images) => '
        f"(float[N, {len(CLASSES)}] logits) {{ flat = Flatten(images) logits = MatMul(flat, weights) }}"
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "weights"))
    onnx.save(model, folder / "artifacts/pruned.onnx")
    picture.save(folder / "photo.png", **saving)
    (folder / "lines.py").write_text(block)
    with contextlib.chdir(folder):
        return runpy.run_path("lines.py")


def check_answer(folder, found: dict, printed: str, batch: torch.Tensor, *, atol: float) -> None:
    """What the lines computed and printed against compress on the same pixels."""
    expected = predict_logits(folder / "artifacts/pruned.onnx", [batch], threads=1)[0]
    np.testing.assert_allclose(found["logits"], expected, atol=atol)
    assert printed == f"{CLASSES[int(expected.argmax())]}\n"


def test_its_lines_classify_a_photograph_as_compress_does(tmp_path, capsys):
    """RGB, not square, lying on its side by EXIF."""
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    pixels = np.random.default_rng(0).integers(0, 256, (61, 90, 3), dtype=np.uint8)
    upright = Image.fromarray(np.rot90(pixels).copy())  # EXIF 8: turn a quarter to the left
    exif = Image.Exif()
    exif[0x0112] = 8
    model_facts = facts(mean=mean, std=std, resize=FOLDER_RESIZE)
    found = run_block(tmp_path, Image.fromarray(pixels), model_facts, channels=3, size=32, exif=exif)
    fitted = np.asarray(Framing().fit(upright, size=32), np.float32) / 255
    batch = torch.from_numpy((fitted - np.float32(mean)) / np.float32(std)).permute(2, 0, 1)[None]
    check_answer(tmp_path, found, capsys.readouterr().out, batch, atol=1e-5)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize(
    "framing",
    [Framing(40, None, "bicubic"), Framing(None, 0.875), Framing("squash", 0.8, "lanczos"), Framing("squash")],
)
def test_its_lines_prepare_a_photograph_as_compress_does(tmp_path, capsys, framing, order):
    pixels = np.random.default_rng(0).integers(0, 256, (61, 90, 3), dtype=np.uint8)
    shown = Preprocessing(32, 3, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), framing, order)
    model_facts = facts(**input_facts(shown, CLASSES))
    found = run_block(tmp_path, Image.fromarray(pixels), model_facts, channels=3, size=32)
    check_answer(tmp_path, found, capsys.readouterr().out, shown(Image.fromarray(pixels))[None], atol=1e-5)


def test_its_lines_classify_a_grey_image_as_compress_does(tmp_path, capsys):
    """Of the bundled sample's kind: resized whole, in torch for compress, in Pillow for the reader."""
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28), dtype=np.uint8)
    found = run_block(tmp_path, Image.fromarray(pixels), facts(), channels=1, size=48)
    resized = resize_images(pixels[None, ..., None], size=48)
    assert np.abs(np.asarray(found["image"], np.int64) - resized[0, ..., 0].numpy()).max() <= 1  # they round otherwise
    batch = (resized.permute(0, 3, 1, 2).float() / 255 - 0.286) / 0.353
    check_answer(tmp_path, found, capsys.readouterr().out, batch, atol=0.02)
