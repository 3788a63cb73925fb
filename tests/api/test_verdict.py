import pytest
import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SubsetRandomSampler, TensorDataset

import compress
from compress.errors import UsageError
from exporters.write.raw_pixels import embed_preprocessing
from tests.helpers.splits import learnable_split

QUICK = {"seconds": 0.02, "threads": (1,), "batch_sizes": (1,)}
SHOWN = compress.Preprocessing(12, 1, (0.5,), (0.25,))


class Brightness(nn.Module):
    """Answers with the class whose brightness, -2 to 2, is nearest; ``blind`` never says the last class."""

    def __init__(self, *, width: int, blind: bool = False) -> None:
        super().__init__()
        self.smooth = nn.Conv2d(1, width, 1, bias=False)
        self.register_buffer("levels", torch.arange(-2.0, 3.0))
        self.register_buffer("bias", torch.tensor([0.0, 0, 0, 0, -100 if blind else 0]))
        nn.init.constant_(self.smooth.weight, 1.0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        means = self.smooth(images).mean((1, 2, 3))[:, None]
        return self.bias - (means - self.levels) ** 2


@pytest.fixture(scope="module")
def data():
    split = learnable_split(200, shape=(1, 12, 12))
    return next(split.batches(200))


@pytest.fixture(scope="module")
def files(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("files")
    for name, network, options in (
        ("original", Brightness(width=8), {"preprocessing": SHOWN, "classes": list("abcde")}),
        ("candidate", Brightness(width=4, blind=True), {"preprocessing": SHOWN, "classes": list("abcde")}),
        ("silent", Brightness(width=8), {}),
    ):
        compress.export_onnx(network, folder / f"{name}.onnx", data[0][:8], **options)
    return folder


@pytest.fixture(scope="module")
def verdict(files, data):
    return compress.verify(files / "original.onnx", files / "candidate.onnx", *data, max_drop=30, max_macs=100, **QUICK)


def test_the_verdict_is_that_of_the_images_given(verdict):
    assert verdict.original_top1 == 1
    assert verdict.top1 == pytest.approx(0.8)  # one of five classes is never said
    assert [verdict.drop.points, verdict.drop.images] == [pytest.approx(20), 200]
    assert verdict.kept_macs == 0.5
    assert verdict.latency.batch_size == 1
    assert verdict.speedup == verdict.latency.ratio
    assert [(gate.gate, gate.passed) for gate in verdict.report.gates] == [("max-drop", True), ("max-macs", False)]
    assert not verdict.passed
    assert verdict.report.data.classes == tuple("abcde")
    assert verdict.report.data.resize == "before they were given"
    assert verdict.report.notes == ("candidate.onnx never answers e, whatever the image",)


def test_it_is_shown_as_a_table_a_page_and_in_a_notebook(verdict, tmp_path):
    table = verdict.table()
    assert table == str(verdict)
    assert table.splitlines()[:2] == [
        "candidate.onnx against original.onnx",
        "the given images, 200 test images, 12 px",
    ]
    assert "20.00 points lost" in " ".join(table.split())
    verdict.to_html(tmp_path / "report.html")
    verdict.to_json(tmp_path / "report.json")
    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "data:image/png;base64," in page  # images whose answer changed
    assert '"schema_version"' in (tmp_path / "report.json").read_text()
    assert "<!doctype" not in verdict._repr_html_()  # escaped, in the frame
    assert verdict._repr_html_().startswith("<iframe srcdoc=")


def test_files_that_say_nothing_get_a_loaders_images_as_they_are_in_the_data_sets_order(files, data):
    loader = DataLoader(TensorDataset(data[0].double(), data[1].int()), batch_size=16, shuffle=True)
    verdict = compress.verify(files / "silent.onnx", files / "silent.onnx", loader, **QUICK)
    assert [verdict.top1, verdict.original_top1, verdict.passed] == [1, 1, True]
    assert {row.preprocessing for row in verdict.report.networks} == {"as the images were given"}
    assert verdict.report.data.classes == tuple("01234")


@pytest.mark.parametrize(
    ("options", "images"),
    [
        ({"sampler": SubsetRandomSampler(range(20))}, 20),
        ({"batch_sampler": BatchSampler(SubsetRandomSampler(range(20)), 8, drop_last=False)}, 20),
        ({"batch_sampler": [[2, 0], [1, 3]]}, 4),
    ],
)
def test_a_loaders_sampler_chooses_the_images(files, data, options, images):
    labels = torch.cat([data[1][:20], (data[1][20:] + 1) % 5])  # wrong for the images that no sampler draws
    loader = DataLoader(TensorDataset(data[0], labels), **options)
    top1 = compress.verify(files / "silent.onnx", files / "silent.onnx", loader, **QUICK).report.candidate.accuracy.top1
    assert (top1.hits, top1.images) == (images, images)


def test_a_file_of_pixels_gets_those_that_the_images_were_made_of(files, data, tmp_path):
    float_file, pixel_file = files / "silent.onnx", tmp_path / "pixels.onnx"
    embed_preprocessing(float_file, pixel_file, mean=SHOWN.mean, std=SHOWN.std)
    with pytest.raises(UsageError, match="a file takes 8-bit pixels: give preprocessing="):
        compress.verify(float_file, pixel_file, *data, **QUICK)
    verdict = compress.verify(float_file, pixel_file, *data, preprocessing=SHOWN, **QUICK)
    assert [verdict.top1, verdict.original_top1] == [1, 1]
    assert verdict.report.candidate.preprocessing == "8-bit pixels as they are, 0 to 255"


class Counting(TensorDataset):
    """Another image at every look."""

    looks = 0

    def __getitem__(self, index):
        self.looks += 1
        image, label = super().__getitem__(index)
        return image + self.looks, label


class Stream(IterableDataset):
    """Images without places."""

    def __iter__(self):
        yield torch.rand(1, 12, 12), 0


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.rand(4, 1, 12, 12), None, "a label for each of 4 images, got none"),
        (torch.rand(4, 1, 12, 12), torch.zeros(3), "a label for each of 4 images, got 3"),
        (torch.rand(4, 1, 12, 12), torch.rand(4), r"a class number for each of 4 images, got float32 \(4,\)"),
        (torch.zeros(4, 1, 12, 12, dtype=torch.uint8), torch.zeros(4), r"float32 \(N, 1 or 3, H, H\), got uint8"),
        (torch.rand(4, 1, 12, 10), torch.zeros(4).long(), r"got float32 \(4, 1, 12, 10\)"),
        (torch.full((4, 1, 12, 12), torch.nan), torch.zeros(4).long(), "of finite numbers, got NaN"),
        (torch.rand(0, 1, 12, 12), torch.zeros(0).long(), "at least one image, got none"),
        (TensorDataset(torch.rand(4, 1, 12, 12)), None, r"pairs \(image, label\)"),
        (TensorDataset(torch.rand(2, 1), torch.zeros(2)), torch.zeros(2), "no labels beside a data set"),
        (Stream(), None, "read by index, got Stream"),
        (Counting(torch.rand(4, 1, 12, 12), torch.zeros(4).long()), None, "leave out the random augmentation"),
    ],
)
def test_images_that_are_no_test_set_are_refused(files, images, labels, message):
    with pytest.raises(UsageError, match=message):
        compress.verify(files / "original.onnx", files / "candidate.onnx", images, labels, **QUICK)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": -1}, r"wrong settings:\n  seconds: expected more than 0"),
        ({"min_speedup": 0}, r"min_speedup: expected more than 0"),
        ({"max_drops": 1}, r"max_drops: no such setting; did you mean max_drop"),
        ({"preprocessing": compress.Preprocessing(24, 1, (0.5,), (0.5,))}, r"images \(1, 12, 12\), got one for"),
    ],
)
def test_wrong_options_are_named_as_in_python(files, data, options, message):
    with pytest.raises(UsageError, match=message):
        compress.verify(files / "original.onnx", files / "candidate.onnx", *data, **options)
