"""The page's own modules in a real browser, beside Pillow and numpy: they need no onnxruntime-web."""

import json
import shutil
from importlib import resources

import numpy as np
import pytest
from PIL import Image

from compress.data.framing import Framing
from compress.data.preprocessing import Preprocessing
from compress.kit.browser.page import framing_facts
from tests.helpers.chromium import MISSING, PROGRAM, chromium
from tests.helpers.served import served

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A folder that is served, with the page's modules; and a browser there."""
    folder = tmp_path_factory.mktemp("page")
    for file in resources.files("compress.kit.browser").joinpath("page").iterdir():
        shutil.copy(str(file), folder)
    with served(folder) as (address, _asked), chromium(tmp_path_factory.mktemp("profile")) as browser:
        (folder / "empty.html").write_text("<!doctype html><title>empty</title>")
        browser.show(f"{address}empty.html", width=800)
        yield folder, browser


def photo(folder, *, width=61, height=43):
    """A picture of noise that has sharp edges, as a PNG, which every program decodes alike."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels[height // 3 :, width // 2 :] //= 8
    Image.fromarray(pixels).save(folder / "photo.png")
    return Image.open(folder / "photo.png")


def prepared(browser, facts):
    """What the page makes of the picture."""
    return browser.ask(
        f"""(async () => {{
        const {{decode, frame, prepare}} = await import("./pictures.js"), file = {json.dumps(facts)};
        const picture = await decode(await (await fetch("photo.png", {{cache: "no-store"}})).blob(), file);
        return [...prepare(frame(picture, file.framing, file.size), file)]; }})()"""
    )


FRAMINGS = [
    Framing(),
    Framing("squash", None, "bicubic"),
    Framing("squash", 0.875, "bilinear"),
    Framing(40, None, "bilinear"),
    Framing(None, 0.9, "bicubic"),
    Framing(64, None, "lanczos"),  # larger than the picture
    Framing(33, None, "nearest"),
]


@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
def test_a_picture_becomes_the_very_numbers_that_compress_makes_of_it(page, framing):
    folder, browser = page
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    shown = Preprocessing(image_size=32, channels=3, mean=mean, std=std, framing=framing)
    facts = {
        "framing": framing_facts(framing, 32), "size": 32, "grey": False, "channels": 3, "mean": mean, "std": std,
        "bgr": False, "layout": "NCHW", "dtype": "float32",
    }  # fmt: skip
    wanted = shown(photo(folder)).numpy()
    assert np.array_equal(np.array(prepared(browser, facts), np.float32).reshape(wanted.shape), wanted)


def test_grey_blue_first_bytes_and_channels_last(page):
    folder, browser = page
    size, framing = 20, Framing()
    facts = {"framing": framing_facts(framing, size), "size": size, "bgr": False, "layout": "NHWC", "dtype": "uint8"}
    raw = facts | {"mean": None, "std": None}
    picture = photo(folder)
    fitted = np.asarray(framing.fit(picture, size=size))
    grey = np.asarray(framing.fit(picture.convert("L"), size=size))
    assert prepared(browser, raw | {"grey": False, "channels": 3}) == fitted.ravel().tolist()
    assert prepared(browser, raw | {"grey": False, "channels": 3, "bgr": True}) == fitted[..., ::-1].ravel().tolist()
    assert prepared(browser, raw | {"grey": True, "channels": 1}) == grey.ravel().tolist()
    assert prepared(browser, raw | {"grey": True, "channels": 3}) == np.repeat(grey, 3).tolist()


@pytest.mark.parametrize("size", [(43, 61), (40, 40), (31, 200)])
def test_upright_square_and_very_wide_pictures(page, size):
    folder, browser = page
    for framing in (Framing(), Framing(37, None, "bilinear")):
        facts = {
            "framing": framing_facts(framing, 31), "size": 31, "grey": False, "channels": 3, "mean": None, "std": None,
            "bgr": False, "layout": "NHWC", "dtype": "uint8",
        }  # fmt: skip
        fitted = np.asarray(framing.fit(photo(folder, width=size[0], height=size[1]), size=31))
        assert prepared(browser, facts) == fitted.ravel().tolist()


def test_a_kits_image_is_shown_as_the_pixels_it_was_made_of(page):
    _folder, browser = page
    pixels = np.random.default_rng(1).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    shown = Preprocessing(3, 3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), channel_order="bgr")
    image = shown(Image.fromarray(pixels))
    facts = {"size": 3, "channels": 3, "mean": shown.mean, "std": shown.std, "bgr": True, "layout": "NCHW"}
    found = browser.ask(
        f"""import("./pictures.js").then(({{restore}}) =>
        [...restore({json.dumps(image.numpy().ravel().tolist())}, {json.dumps(facts)}).data])"""
    )
    assert found == pixels.ravel().tolist()


def test_arrays_of_numpy_are_read(page):
    folder, browser = page
    random = np.random.default_rng(2)
    arrays = {
        "images_0": random.standard_normal((5, 3, 4, 4)).astype(np.float32),
        "bytes": random.integers(0, 256, (2, 7), dtype=np.uint8),
        "labels": np.array([3, -1, 2**40]),
        "double": random.standard_normal(4),
        "half": np.array([[0.5, -2.0]], np.float16),
    }
    for save in (np.savez, np.savez_compressed):
        save(folder / "arrays.npz", **arrays)
        found = browser.ask(
            """(async () => {
            const {readNpz} = await import("./npz.js");
            const read = await readNpz(await (await fetch("arrays.npz", {cache: "no-store"})).arrayBuffer());
            return Object.entries(read).map(([name, {shape, data}]) => [name, shape, Array.from(data, Number)]); })()"""
        )
        assert {name: (tuple(shape), data) for name, shape, data in found} == {
            name: (array.shape, array.ravel().tolist()) for name, array in arrays.items()
        }


def test_quantiles_worked_by_hand(page):
    _folder, browser = page
    quantiles = "import('./timing.js').then(({quantile}) => [0, 0.25, 0.5, 1].map(q => quantile([9, 1, 4, 2], q)))"
    assert browser.ask(quantiles) == [1, 1.75, 3, 9]
