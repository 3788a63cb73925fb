import shutil

import pytest

from compress.data.scan import scan_folder
from compress.errors import BadInputError
from tests.data.files import write_folder, write_image


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "pets", splits={"train": 4, "test": 2})


def test_a_good_folder_is_listed_by_class_then_path(root):
    scan = scan_folder(root, skip_bad=0)
    assert scan.classes == ("cat", "dog")
    assert scan.notes == ()
    assert {split: len(files) for split, files in scan.splits.items()} == {"train": 8, "test": 4}
    assert [file.path.relative_to(root).as_posix() for file in scan.splits["test"]] == [
        "test/cat/000.png",
        "test/cat/001.jpg",
        "test/dog/000.png",
        "test/dog/001.jpg",
    ]
    assert [file.label for file in scan.splits["test"]] == [0, 0, 1, 1]
    assert scan.splits["train"][0].shorter_side == 36
    assert not scan.splits["train"][0].grey


def test_every_bad_file_is_named(root):
    (root / "train/cat/000.png").write_bytes((root / "train/cat/000.png").read_bytes()[:60])
    (root / "test/dog/001.jpg").write_bytes(b"")
    (root / "train/dog/gone.png").symlink_to(root / "nowhere.png")
    with pytest.raises(BadInputError, match="expected at most 0 bad images") as error:
        scan_folder(root, skip_bad=0)
    message = str(error.value)
    assert "got 3 of 13" in message
    for name in ("train/cat/000.png: ", "test/dog/001.jpg: not an image", "train/dog/gone.png: No such file"):
        assert name in message
    with pytest.raises(BadInputError, match="at most 2"):
        scan_folder(root, skip_bad=2)


def test_allowed_bad_files_are_left_out_and_noted(root):
    (root / "train/cat/000.png").write_bytes(b"no")
    scan = scan_folder(root, skip_bad=1)
    assert len(scan.splits["train"]) == 7
    assert scan.notes == (f"skipped {root}/train/cat/000.png: not an image",)


def test_a_class_that_skipping_emptied_is_an_error(root):
    for path in (root / "test/cat").iterdir():
        path.write_bytes(b"no")
    with pytest.raises(BadInputError, match=r"test/cat: 0"):
        scan_folder(root, skip_bad=2)


def test_every_empty_class_folder_is_named(root):
    shutil.rmtree(root / "train/cat")
    shutil.rmtree(root / "test/dog")
    (root / "train/cat").mkdir()
    (root / "test/dog").mkdir()
    with pytest.raises(BadInputError, match=r"(?s)train/cat: 0.*test/dog: 0"):
        scan_folder(root, skip_bad=0)


def test_one_training_image_of_a_class_is_too_few(root):
    for path in list((root / "train/dog").iterdir())[1:]:
        path.unlink()
    with pytest.raises(BadInputError, match=r"train/dog: 1"):
        scan_folder(root, skip_bad=0)


@pytest.mark.parametrize(
    ("remove", "got"), [("test", "got train/"), ("train", "got test/")], ids=["no test", "no train"]
)
def test_missing_splits_are_an_error(root, remove, got):
    shutil.rmtree(root / remove)
    with pytest.raises(BadInputError, match=r"expected train/ and test/ \(or val/\).*" + got):
        scan_folder(root, skip_bad=0)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(BadInputError, match="got no folders"):
        scan_folder(tmp_path, skip_bad=0)


def test_splits_with_other_classes_are_an_error(root):
    (root / "test/dog").rename(root / "test/dgo")
    with pytest.raises(BadInputError, match=r"test: missing \['dog'\], unexpected \['dgo'\]"):
        scan_folder(root, skip_bad=0)


def test_one_class_is_too_few(tmp_path):
    write_folder(tmp_path, splits={"train": 2, "test": 1}, classes=("cat",))
    with pytest.raises(BadInputError, match="expected two or more class folders"):
        scan_folder(tmp_path, skip_bad=0)


def test_deeper_folders_links_and_other_files(root):
    write_image(root / "train/cat/more/deep.png", seed=90)
    (root / "train/cat/up").symlink_to(root / "train/cat", target_is_directory=True)  # a loop
    elsewhere = write_image(root.parent / "elsewhere/linked.png", seed=91)
    (root / "train/dog/linked.png").symlink_to(elsewhere)
    (root / "train/dog/notes.txt").write_text("hello")
    (root / "train/dog/.hidden.png").write_text("hello")
    (root / "train/.cache").mkdir()
    scan = scan_folder(root, skip_bad=0)
    names = [file.path.name for file in scan.splits["train"]]
    assert len(names) == 10
    assert {"deep.png", "linked.png"} <= set(names)
    assert scan.notes == ("1 files in class folders have no image suffix and were left out",)


def test_a_test_image_that_was_trained_on_is_noted(root):
    shutil.copy(root / "train/cat/000.png", root / "test/cat/copy.png")
    assert scan_folder(root, skip_bad=0).notes == (
        "1 files of test/ are also in train/, byte for byte: accuracy on them is no evidence",
    )


@pytest.mark.parametrize("split", ["test", "val"])
def test_test_images_alone_are_enough_where_that_is_said(tmp_path, split):
    root = write_folder(tmp_path / "pets", splits={split: 1})
    scan = scan_folder(root, skip_bad=0, test_only=True)
    assert scan.classes == ("cat", "dog")
    assert {name: len(files) for name, files in scan.splits.items()} == {split: 2}
    with pytest.raises(BadInputError, match=r"expected train/ and test/ \(or val/\) .*got " + split):
        scan_folder(root, skip_bad=0)


def test_test_images_are_what_a_verdict_needs(tmp_path):
    root = write_folder(tmp_path / "pets", splits={"train": 2})
    with pytest.raises(BadInputError, match=r"expected test/ \(or val/\) with class folders .*got train/"):
        scan_folder(root, skip_bad=0, test_only=True)
