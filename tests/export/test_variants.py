"""Which files come of one file, what calibrates them, what suits which processor."""

from pathlib import Path

import pytest
import torch

from compress.data.bundle import DataBundle
from compress.data.preprocessing import Preprocessing
from compress.data.splits import MemorySplit
from compress.errors import BadInputError, UsageError
from compress.export.variants import Base, derive
from compress.runs.int8_files import Int8Maker, int8_types, representative
from compress.settings.config import build
from compress.settings.export import ExportSettings
from exporters.int8.source import Int8Types
from tests.exporters.networks import SHAPE
from tests.exporters.variants import MEAN, STD, write_fp32
from tests.helpers.runs import record


def split(counts: list[int]) -> MemorySplit:
    labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (len(labels), *SHAPE[1:], SHAPE[0]), dtype=torch.uint8, generator=random)
    return MemorySplit(images, labels, Preprocessing(SHAPE[1], SHAPE[0], MEAN, STD))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    file = write_fp32(tmp_path_factory.mktemp("base") / "pruned.onnx", "pooled")
    return Base(record(label="pruned", role="candidate", file=str(file)), MEAN, STD)


def test_everything_at_once(base, tmp_path):
    wanted = ExportSettings(int8=True, float16=True, embed_preprocessing=True, ort=True, int8_for="arm")
    images = split([20, 20])
    shown = images.preprocessing
    data = DataBundle("by hand", ("a", "b"), images, images, images, shown, fingerprint="f", test_fingerprint="t")
    said: list[str] = []
    made = derive(base, wanted, Int8Maker(wanted, data, 0, said.append), tmp_path)
    assert [(one.label, one.name, one.source, one.precision) for one in made] == [
        ("pruned int8", "pruned.int8.onnx", "pruned", "int8"),
        ("pruned fp16", "pruned.fp16.onnx", "pruned", "fp16"),
        ("pruned nhwc", "pruned.nhwc.onnx", "pruned", "fp32"),
        ("pruned int8 nhwc", "pruned.int8.nhwc.onnx", "pruned int8", "int8"),
        ("pruned ort", "pruned.ort", "pruned", "fp32"),
        ("pruned int8 ort", "pruned.int8.ort", "pruned int8", "int8"),
        ("pruned nhwc ort", "pruned.nhwc.ort", "pruned nhwc", "fp32"),
        ("pruned int8 nhwc ort", "pruned.int8.nhwc.ort", "pruned int8 nhwc", "int8"),
    ]
    files = {path for one in made for path in (one.file, one.operators) if path}
    assert files == {str(file) for file in tmp_path.iterdir()}
    assert all(one.size_bytes == Path(one.file).stat().st_size for one in made)
    assert [one.label for one in made if one.operators] == [one.label for one in made if one.name.endswith(".ort")]
    assert {(one.role, one.macs, one.epochs) for one in made} == {("extra", 100, 3)}
    facts = made[0].quantization
    assert facts == made[3].quantization
    assert (facts.calibration_images, facts.choice.images, facts.activations) == (40, 40, "int8")
    assert (facts.choice.time_share, {cost.slowdown for cost in facts.choice.layers}) == (None, {None})  # not its clock
    assert said[0] == "calibration of pruned"


def test_only_what_is_wanted_and_a_mobile_file_moves_with_its_operators(base, tmp_path):
    assert derive(base, ExportSettings(), None, tmp_path) == []
    (made,) = derive(base, ExportSettings(ort=True), None, tmp_path)
    moved = made.in_folder("there")
    assert (moved.file, moved.operators) == ("there/pruned.ort", "there/pruned.required_operators.config")


def test_calibration_images_are_in_proportion_to_the_classes_and_unaugmented():
    train = split([100, 50, 10, 2])
    chosen = representative(train, images=81, seed=0)
    assert chosen.labels.bincount().tolist() == [50, 25, 5, 1]
    assert torch.equal(representative(train, images=81, seed=0).images, chosen.images)
    assert not torch.equal(representative(train, images=81, seed=1).images, chosen.images)
    train = split([9, 9])
    assert representative(train, images=18, seed=0) is train
    chosen = representative(train, images=6, seed=0)
    plain = torch.cat([images for images, _ in train.batches(100)])
    for image in torch.cat([images for images, _ in chosen.batches(4)]):
        assert (plain == image).flatten(1).all(1).sum() == 1


@pytest.mark.parametrize(
    ("counts", "asked", "chosen"),
    [
        ([1] * 20, 8, [8]),
        ([1] * 20, 20, [20]),
        ([10, 1, 1, 1], 4, [3, 1]),  # of 10 images round(10 * 4 / 13), and one of those that are alone
        ([10, 1, 1, 1], 1, [1]),
    ],
)
def test_classes_of_one_image_calibrate_too(counts, asked, chosen):
    found = representative(split(counts), images=asked, seed=0).labels.bincount()
    large = sum(count > 1 for count in counts)
    groups = [int(found[:large].sum()), int(found[large:].sum())]
    assert [group for group in groups if group] == chosen


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        ({"avx2", "fma"}, Int8Types("uint8", reduce_range=True)),
        ({"avx2", "avx512f", "avx512_vnni"}, Int8Types("uint8", reduce_range=False)),
        ({"avx2", "avx_vnni"}, Int8Types("uint8", reduce_range=False)),
        ({"neon"}, Int8Types("int8", reduce_range=False)),
    ],
)
def test_what_suits_a_processor(flags, settings):
    assert int8_types("here", frozenset(flags)) == settings


def test_a_file_for_another_processor_does_not_depend_on_this_one():
    assert int8_types("arm", frozenset({"avx2", "avx_vnni"})) == Int8Types("int8", reduce_range=False)
    assert int8_types("x86", frozenset({"neon"})) == Int8Types("uint8", reduce_range=True)  # VNNI is not certain
    assert int8_types("x86", frozenset({"avx2", "avx_vnni"})) == Int8Types("uint8", reduce_range=True)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("opset", 17, "at least 18, got"), ("opset", 26, "at most 25, got"), ("calibration_images", 0, "at least 1")],
)
def test_settings_out_of_range(name, value, message):
    with pytest.raises(UsageError, match=message):
        build(ExportSettings, {name: value})


def test_names_of_layers_in_text():
    def named(text):
        return build(ExportSettings, {"int8": True, "float_layers": text}).float_layers

    assert named("none") == named(" none ") == ()
    assert named("features.0, head") == ("features.0", "head")
    assert named("none,features.0") == ("none", "features.0")  # then no layer has that name
    for text in ("", " ", "features.0,,head", "head,"):
        with pytest.raises(UsageError, match=r"expected names of layers such as features\.0.*, got"):
            named(text)


def test_int8_without_images_is_bad_input(base, tmp_path):
    some, none = split([4, 4]), split([4, 4]).subset(torch.arange(0))
    for train, val, message in (
        (none, some, "expected training images of by hand to calibrate INT8 with, got none"),
        (some, none, "expected validation images of by hand to choose INT8 by, got none; try --calibration minmax"),
    ):
        data = DataBundle("by hand", ("a", "b"), train, val, some, some.preprocessing, "f", "t")
        with pytest.raises(BadInputError, match=message):
            Int8Maker(ExportSettings(int8=True), data, 0).make(Path(base.record.file), tmp_path)
    given = ExportSettings(int8=True, calibration="minmax", float_layers=(), calibration_images=1)
    _artifact, facts = Int8Maker(given, data, 0).make(Path(base.record.file), tmp_path)
    assert (facts.calibration_images, facts.choice) == (2, None)  # one of each class
