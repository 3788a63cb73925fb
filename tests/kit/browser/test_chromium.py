"""The page with the published onnxruntime-web in a real browser: answers, check, times, and nothing sent elsewhere."""

import shutil
import time

import numpy as np
import pytest
from PIL import Image

from tests.exporters.onnx_files import Wanted, answer, classifier, save
from tests.helpers import chromium
from tests.helpers.command import compress
from tests.helpers.datasets import write_image_folder
from tests.helpers.served import served

pytestmark = [
    pytest.mark.slow,  # npm needs seconds for the package of 33 MB
    pytest.mark.skipif(chromium.PROGRAM is None, reason=chromium.MISSING),
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm (apt-get install npm), which is not there"),
]

HOSTILE = "<img src=x onerror=document.title='struck'>"
WANTED = [Wanted(channels=1, classes=3), Wanted(channels=1, classes=3, seed=1, batch=5)]
PATIENCE = 120  # seconds; a machine that trains at the same time is slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A kit with a page, of images with a hostile name of a class."""
    folder = tmp_path_factory.mktemp("web")
    write_image_folder(folder / "images", train=4, test=24, size=8)
    for split in ("train", "test"):
        (folder / "images" / split / "bright").rename(folder / "images" / split / HOSTILE)
    for name, wanted in zip(("a.onnx", "b.onnx"), WANTED, strict=True):
        save(classifier(wanted, metadata={"mean": "[0.5]", "std": "[0.25]"}), folder / name)
    done = compress(
        "kit", "--original", folder / "a.onnx", "--candidate", folder / "b.onnx", "--dataset", folder / "images",
        "--out", folder / "kit", "--web",
    )  # fmt: skip
    if "npm cannot get" in done.stderr:
        pytest.skip(done.stderr.strip())  # offline
    assert done.returncode == 0, done.stderr
    return folder


def wait(browser):
    """Wait until the page has done what it was told; its status."""
    end = time.monotonic() + PATIENCE
    while browser.ask("document.body.className !== 'ready'"):
        assert time.monotonic() < end, (browser.ask("document.body.innerText"), browser.complaints)
        time.sleep(0.02)
    return browser.ask("document.getElementById('status').textContent")


def press(browser, button):
    browser.ask(f"document.getElementById('{button}').click()")
    return wait(browser)


def table(browser, name):
    """The rows of a table, without its titles."""
    cells = "row => [...row.cells].map(cell => cell.textContent)"
    return browser.ask(f"[...document.querySelectorAll('#{name} tbody tr')].map({cells})")


def test_a_kit_in_a_browser(folder, tmp_path):
    with served(folder / "kit") as (address, asked), chromium.chromium(tmp_path / "profile") as browser:
        browser.show(address, width=1000)
        assert wait(browser) == "Ready."

        assert press(browser, "check") == "All files answer as where the kit was made."
        for name, check, rule, difference, same, _right in table(browser, "checks"):
            assert (name in ("a.onnx", "b.onnx"), check, same) == (True, "passed", "64 of 64")
            assert float(difference) <= float(rule.removeprefix("scores within ")) == 1e-4

        browser.ask("document.getElementById('seconds').value = 0.1")
        assert press(browser, "measure") == "Ready."
        times = table(browser, "times")
        assert [row[0] for row in times] == ["a.onnx", "b.onnx"]
        assert all(0 < float(row[1].removesuffix(" ms")) < 1000 for row in times)
        assert "batch 5, 1 thread" in browser.ask("document.getElementById('speed').textContent")

        check_picture(browser, tmp_path)
        assert press(browser, "sample") == "Ready."
        assert browser.ask("document.getElementById('truth').textContent") == f"Test image 1 of 64: {HOSTILE}"
        assert browser.ask("[document.images.length, document.title]") == [0, "b.onnx against a.onnx"]

        assert browser.complaints == []
        with served(tmp_path) as (elsewhere, asked_elsewhere):
            assert browser.ask(f"fetch('{elsewhere}').then(() => 'sent', () => 'refused')") == "refused"
            assert asked_elsewhere == []
    there = {"/", *("/" + path.relative_to(folder / "kit").as_posix() for path in (folder / "kit").rglob("*"))}
    assert {*asked} <= there


def check_picture(browser, tmp_path):
    """Choose a picture and compare the chances shown with those that numpy computes from its pixels."""
    pixels = np.random.default_rng(3).integers(0, 256, (8, 8), dtype=np.uint8)  # of the size, so not resized
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    chooser = browser.call("Runtime.evaluate", expression="document.getElementById('file')")["result"]["objectId"]
    browser.call("DOM.setFileInputFiles", files=[str(tmp_path / "mine.png")], objectId=chooser)
    assert wait(browser) == "Ready."
    image = ((pixels / 255 - 0.5) / 0.25)[None, None]
    lists = browser.ask(
        "[...document.querySelectorAll('ol')].map(list => [...list.querySelectorAll('b')].map(b => b.textContent))"
    )
    for shown, wanted in zip(lists, WANTED, strict=True):
        parts = np.exp(answer(image, wanted)[0])
        chances = sorted(parts / parts.sum(), reverse=True)
        assert [float(chance.removesuffix(" %")) for chance in shown] == pytest.approx(
            [100 * c for c in chances], abs=0.06
        )


def test_other_answers_are_found(folder, tmp_path):
    shutil.copytree(folder / "kit", tmp_path / "kit")
    arrays = dict(np.load(tmp_path / "kit/images.npz"))
    arrays["logits_1"][7] += 0.001
    np.savez(tmp_path / "kit/images.npz", **arrays)
    (tmp_path / "kit/files/0-a.onnx").write_bytes(b"damaged")
    with served(tmp_path / "kit") as (address, _asked), chromium.chromium(tmp_path / "profile") as browser:
        browser.show(address, width=1000)
        assert wait(browser).startswith("Error: ")
        assert press(browser, "check") == "2 of 2 files answer otherwise than where the kit was made."
        (first, check, *_others), (second, other, _rule, difference, same, _right) = table(browser, "checks")
        assert (first, check, second, other, same) == ("a.onnx", "failed", "b.onnx", "failed", "64 of 64")
        assert float(difference) == pytest.approx(0.001, rel=0.01)
