"""Files from anywhere: what they are given, what is noted on them, and which are refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from PIL import Image

from compress.data.framing import Framing
from compress.data.load import load_data
from compress.errors import BadInputError, UsageError
from compress.settings.config import DataConfig, build
from compress.settings.verify import UserOverrides
from compress.verdict.accuracy import measure_accuracy
from compress.verdict.classify import classify
from compress.verdict.open_files import open_file, open_files
from compress.verdict.verify import uncounted_note
from exporters.measure.calls import RunnableFile, calls_of
from exporters.measure.memory import measure_memory
from exporters.measure.profile import profile_operators
from exporters.read.preparation import RAW_PIXELS, Preparation
from tests.exporters.onnx_files import FLOAT, FLOAT16, UINT8, answer, classifier, recurrent, save
from tests.helpers.datasets import write_image_folder
from tests.verdict.conftest import CLASSES, COLOUR, GREY, SIZE

HALF = UserOverrides(mean=(0.5,), std=(0.25,))


@pytest.fixture(scope="module")
def pixels(folder) -> np.ndarray:
    """The test images as PIL reads them, in the data set's order: float64 [75, 1, 16, 16], 0 to 255."""
    files = [path for name in CLASSES for path in sorted((folder / "test" / name).iterdir())]
    return np.stack([np.asarray(Image.open(path), np.float64)[None] for path in files])


def normalised(pixels: np.ndarray) -> np.ndarray:
    return (pixels / 255 - HALF.mean[0]) / HALF.std[0]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("batch", ["n", 7])
@pytest.mark.parametrize(("dtype", "tolerance"), [(FLOAT, 1e-4), (FLOAT16, 2e-2), (UINT8, 1e-3)])
def test_a_file_gets_its_own_images(layout, batch, dtype, tolerance, tmp_path, data, pixels):
    wanted = replace(GREY, layout=layout, batch=batch, dtype=dtype)
    file = open_file(save(classifier(wanted), tmp_path / "net.onnx"), data, overrides=HALF)
    logits = classify(file, data, batch_size=10, threads=1)
    shown = pixels if dtype == UINT8 else normalised(pixels)
    assert logits.shape == (75, 3)
    assert file.preparation == (RAW_PIXELS if dtype == UINT8 else Preparation((0.5,), (0.25,)))
    np.testing.assert_allclose(logits, answer(shown, wanted), atol=tolerance)


def test_what_is_known_of_a_file(tmp_path, data):
    path = save(classifier(GREY), tmp_path / "net.onnx")
    file = open_file(path, data, overrides=HALF)
    assert (file.path, file.size_bytes, file.image_size) == (path, path.stat().st_size, SIZE)
    assert (file.cost.macs, file.cost.parameters) == (4 * SIZE**2 + 12, 4 + 12 + 3)
    assert file.signature.classes == 3
    assert (file.takes_batch(1), file.takes_batch(8)) == (True, True)
    assert file.notes == (
        "net.onnx does not name its classes: assumed in the data set's sorted order, bright, dark, middling",
    )
    fixed = open_file(save(classifier(replace(GREY, batch=8)), tmp_path / "fixed.onnx"), data, overrides=HALF)
    assert (fixed.takes_batch(1), fixed.takes_batch(8)) == (False, True)
    assert fixed.notes[0] == "fixed.onnx takes a fixed batch of 8: other batch sizes are not measured"


def test_grey_images_for_a_file_that_takes_colour(tmp_path, data, pixels):
    file = open_file(save(classifier(COLOUR), tmp_path / "net.onnx"), data, overrides=HALF)
    shown = np.repeat(normalised(pixels), 3, axis=1)
    np.testing.assert_allclose(classify(file, data, threads=1), answer(shown, COLOUR), atol=1e-4)
    assert "net.onnx takes RGB: the grey images' channel is repeated" in file.notes


def test_colour_images_for_a_file_that_takes_grey(tmp_path):
    random = np.random.default_rng(0)
    for home in (tmp_path / split / name for split in ("train", "test") for name in CLASSES):
        home.mkdir(parents=True)
        for index in range(4):
            Image.fromarray(random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(home / f"{index}.png")
    data = load_data(build(DataConfig, {"dataset": str(tmp_path), "image_size": SIZE}))
    with pytest.raises(BadInputError, match=r"expected grey images as .*net\.onnx takes them, got .* RGB"):
        open_file(save(classifier(GREY), tmp_path / "net.onnx"), data)


def test_probabilities_become_their_logarithms(tmp_path, data):
    plain, sure = (
        open_file(save(classifier(replace(GREY, softmax=soft)), tmp_path / f"{soft}.onnx"), data, overrides=HALF)
        for soft in (False, True)
    )
    assert (plain.gives_probabilities, sure.gives_probabilities) == (False, True)
    assert "True.onnx gives probabilities: their logarithm stands for logits" in sure.notes
    ours, theirs = (measure_accuracy(classify(file, data, threads=1), data.test.labels) for file in (sure, plain))
    assert ours.top1 == theirs.top1
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-4)
    proto = classifier(replace(GREY, softmax=True, dtype=UINT8))  # raw pixels: scores in the hundreds, a share of 0
    logits = classify(open_file(save(proto, tmp_path / "net.onnx"), data), data, threads=1)
    assert np.isfinite(logits).all()
    assert logits.min() == pytest.approx(np.log(np.finfo(np.float32).tiny))


def test_scores_of_a_sigmoid_are_a_note(tmp_path, data, pixels):
    proto = classifier(GREY)
    proto.graph.node.append(helper.make_node("Sigmoid", ["scores"], ["shares"]))
    proto.graph.output[0].name = "shares"
    file = open_file(save(proto, tmp_path / "net.onnx"), data, overrides=HALF)
    assert not file.gives_probabilities
    assert any("do not add up to 1" in note for note in file.notes)
    expected = 1 / (1 + np.exp(-answer(normalised(pixels), GREY)))
    np.testing.assert_allclose(classify(file, data, threads=1), expected, atol=1e-5)


def test_classes_in_another_order_are_put_into_the_data_sets(tmp_path, data, pixels):
    proto = classifier(GREY, metadata={"classes": json.dumps(["middling", "bright", "dark"])})
    logits = classify(open_file(save(proto, tmp_path / "net.onnx"), data, overrides=HALF), data, threads=1)
    np.testing.assert_allclose(logits, answer(normalised(pixels), GREY)[:, [1, 2, 0]], atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 10}, r"each of the 3 classes of the data set .*net\.onnx gives 10"),
        ({"size": (32, 32)}, r"expected images of 32 x 32 pixels as .*net\.onnx takes .* got 16 x 16"),
        ({"batch": 10**6}, r"at most 33,554,432 pixels in a call, got 1,000,000 images of 16 x 16"),
    ],
)
def test_files_that_do_not_fit_the_data_set(changes, message, tmp_path, data):
    with pytest.raises(BadInputError, match=message):
        open_file(save(classifier(replace(GREY, **changes)), tmp_path / "net.onnx"), data, overrides=HALF)


def sized(folder: Path, name: str, size: tuple) -> Path:
    return save(classifier(replace(GREY, size=size)), folder / f"{name}.onnx")


def test_two_files_of_other_sizes_see_the_same_images(tmp_path, load):
    small, large = sized(tmp_path, "small", (SIZE, SIZE)), sized(tmp_path, "large", (32, 32))
    first, second = open_files(small, large, load, overrides=HALF)
    assert (first.image_size, second.image_size) == (16, 32)
    assert second.notes[-1] == "large.onnx reads the images at 32 pixels, small.onnx at 16"
    ours, theirs = (classify(file, first.data, threads=1) for file in (first, second))
    np.testing.assert_allclose(ours, theirs, atol=0.1)  # means of the same pictures, enlarged


@pytest.mark.parametrize(("overrides", "sizes"), [(None, (32, 32)), (48, (48, 32))])
def test_a_free_size_follows_the_user_or_the_other_file(overrides, sizes, tmp_path, load):
    free, fixed = sized(tmp_path, "free", ("h", "w")), sized(tmp_path, "fixed", (32, 32))
    first, second = open_files(free, fixed, load, overrides=HALF.model_copy(update={"image_size": overrides}))
    assert (first.image_size, second.image_size) == sizes
    assert first.cost.macs == 4 * sizes[0] ** 2 + 12


def test_a_data_set_is_loaded_once_for_each_size(tmp_path, load):
    asked = []

    def counting(how):
        asked.append(how["image_size"])
        return load(how)

    free = sized(tmp_path, "free", ("h", "w"))
    open_files(free, free, counting)
    open_files(sized(tmp_path, "fixed", (SIZE, SIZE)), free, counting)
    assert asked == [None, 16]


def framed(folder: Path, name: str, **how) -> Path:
    """A file that says how its images are resized and cropped, as those written here do."""
    noted = {"image_size": SIZE, "mean": [0.5], "std": [0.25], "classes": sorted(CLASSES), "preprocessing": how}
    metadata = {key: json.dumps(value) for key, value in noted.items()}
    return save(classifier(replace(GREY, size=("h", "w")), metadata=metadata), folder / f"{name}.onnx")


def test_each_file_gets_its_images_resized_and_cropped_as_it_says(tmp_path, load, folder):
    cut, whole = framed(tmp_path, "cut", resize=20), framed(tmp_path, "whole", resize="squash")
    specs = open_files(cut, whole, load)
    assert specs[1].notes[0].startswith("whole.onnx gets its images so: EXIF orientation applied, 8-bit grey, bilinear")
    files = [path for name in CLASSES for path in sorted((folder / "test" / name).iterdir())]
    for spec, framing in zip(specs, (Framing(20), Framing("squash")), strict=True):
        shown = np.stack([np.asarray(framing.fit(Image.open(path), size=SIZE), float)[None] for path in files])
        np.testing.assert_allclose(classify(spec, specs[0].data, threads=1), answer(normalised(shown), GREY), atol=1e-4)


def test_the_users_framing_is_for_files_that_do_not_say_theirs(tmp_path, load):
    cut, free = framed(tmp_path, "cut", resize=20), sized(tmp_path, "free", ("h", "w"))
    stated = HALF.model_copy(update={"resize": 24})
    one, two = open_files(cut, free, load, overrides=stated)
    assert [spec.data.preprocessing.framing.resize for spec in (one, two)] == [20, 24]
    assert "cut.onnx says itself how its images are resized: --resize, --crop and --interpolation" in one.notes[-1]
    same = HALF.model_copy(update={"resize": 20})
    assert not open_files(cut, cut, load, overrides=same)[0].notes


def test_sizes_that_do_not_fit(tmp_path, load):
    fixed, oblong = sized(tmp_path, "fixed", (32, 32)), sized(tmp_path, "oblong", (16, 32))
    with pytest.raises(UsageError, match="expected an image size that a file takes, got --image-size 48"):
        open_files(fixed, fixed, load, overrides=UserOverrides(image_size=48))
    with pytest.raises(BadInputError, match="expected square images"):
        open_files(oblong, fixed, load)


def test_a_layout_that_the_user_has_to_state_reaches_every_measurement(tmp_path, data):
    proto = classifier(GREY)
    for place, name in enumerate("nchw"):
        proto.graph.input[0].type.tensor_type.shape.dim[place].dim_param = name
    path = save(proto, tmp_path / "net.onnx")
    with pytest.raises(BadInputError, match="try --layout NCHW or --layout NHWC"):
        open_file(path, data, overrides=HALF)
    file = open_file(path, data, overrides=HALF.model_copy(update={"layout": "NCHW"}))
    assert (file.signature.layout, file.signature.channels, file.image_size) == ("NCHW", 1, SIZE)
    assert file.cost.macs == 4 * SIZE**2 + 12
    assert file.runnable == RunnableFile(file.path, SIZE, file.signature)
    assert calls_of(file.runnable, batch_size=2, seed=0).open(threads=1).milliseconds() > 0
    assert measure_memory(file.runnable) is not None
    assert "conv" in {layer.layer for layer in profile_operators(file.runnable, file.runnable).layers}


def test_another_data_set_is_refused(tmp_path, data):
    folder = write_image_folder(tmp_path / "other", train=3, test=2)
    other = load_data(build(DataConfig, {"dataset": str(folder), "image_size": SIZE}))
    file = open_file(save(classifier(GREY), tmp_path / "net.onnx"), data)
    with pytest.raises(UsageError, match="to be opened for the data set other"):
        classify(file, other)


def test_operators_missing_in_the_macs_are_named_in_a_note(tmp_path, data):
    file = open_file(save(recurrent(size=SIZE), tmp_path / "rows.onnx"), data, overrides=HALF)
    assert uncounted_note(file) == ("rows.onnx: its MACs do not include LSTM",)
    assert uncounted_note(open_file(save(classifier(GREY), tmp_path / "net.onnx"), data, overrides=HALF)) == ()


@pytest.mark.parametrize(
    ("truncated", "message"), [(True, "truncated or damaged"), (False, "is it an image classifier")]
)
def test_files_that_are_no_classifiers_are_bad_input(truncated, message, tmp_path, data, load):
    """More of them in ``tests/exporters/read``."""
    proto = classifier(GREY)
    if not truncated:
        proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("maps", FLOAT, ["n", 4, SIZE, SIZE]))
    path = save(proto, tmp_path / "net.onnx")
    if truncated:
        path.write_bytes(path.read_bytes()[:200])
    for attempt in (lambda: open_file(path, data), lambda: open_files(path, path, load)):
        with pytest.raises(BadInputError, match=message) as caught:
            attempt()
        assert caught.value.exit_code == 4
        assert "net.onnx" in str(caught.value)
