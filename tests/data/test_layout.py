import shutil

import pytest

from compress.data.layout import list_folder
from compress.errors import BadInputError
from tests.data.files import write_folder, write_image


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "pets", splits={"train": 4, "test": 2})


def test_a_good_folder_is_listed_by_class_then_path(root):
    listing = list_folder(root)
    assert listing.classes == ("cat", "dog")
    assert listing.notes == ()
    assert {split: len(files) for split, files in listing.splits.items()} == {"train": 8, "test": 4}
    assert [(path.relative_to(root).as_posix(), label) for path, label in listing.splits["test"]] == [
        ("test/cat/000.png", 0),
        ("test/cat/001.jpg", 0),
        ("test/dog/000.png", 1),
        ("test/dog/001.jpg", 1),
    ]


def test_missing_training_images_are_an_error(root):
    shutil.rmtree(root / "train")
    with pytest.raises(BadInputError, match=r"expected train/ and test/ \(or val/\).* alone, got test/"):
        list_folder(root)


def test_class_folders_alone_are_all_for_training_or_all_for_the_test(tmp_path):
    write_folder(tmp_path, splits={".": 2}, classes=("cat", "dog", "train station"))
    assert list_folder(tmp_path).classes == ("cat", "dog", "train station")
    assert {name: len(files) for name, files in list_folder(tmp_path).splits.items()} == {"train": 6}
    assert {name: len(files) for name, files in list_folder(tmp_path, test_only=True).splits.items()} == {"test": 6}


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("training", "validation"), ["train", "val"]),
        (("Train", "valid", "TEST"), ["train", "val", "test"]),
        (("train", "testing"), ["train", "test"]),
    ],
)
def test_splits_have_other_usual_names(tmp_path, names, splits):
    listing = list_folder(write_folder(tmp_path, splits=dict.fromkeys(names, 2)))
    assert list(listing.splits) == splits
    assert listing.splits["train"][0][0] == tmp_path / names[0] / "cat/000.png"


def test_two_folders_of_a_split_are_an_error(root):
    (root / "testing").mkdir()
    with pytest.raises(BadInputError, match=r"expected one folder for test/ in .*, got test/ and testing/"):
        list_folder(root)


@pytest.mark.parametrize("test_only", [False, True])
def test_a_folder_called_as_a_split_is_a_class_where_no_such_folder_holds_folders(tmp_path, test_only):
    write_folder(tmp_path, splits={".": 2}, classes=("bus", "car", "Test", "train"))
    listing = list_folder(tmp_path, test_only=test_only)
    assert listing.classes == ("Test", "bus", "car", "train")
    assert [len(files) for files in listing.splits.values()] == [8]
    assert listing.notes == ("Test/, train/ read as classes, not as splits: they contain no folders",)


@pytest.mark.parametrize("test_only", [False, True])
@pytest.mark.parametrize(
    ("splits", "classes", "named"),
    [
        (("train",), ("steam", "diesel"), "train/"),
        (("val",), ("steam", "diesel"), "val/"),
        (("train",), ("more",), "train/"),
    ],
)
def test_what_could_be_a_split_or_a_class_is_asked(tmp_path, test_only, splits, classes, named):
    root = write_folder(tmp_path / "vehicles", splits={".": 2}, classes=("bus", "car"))
    write_folder(root, splits=dict.fromkeys(splits, 2), classes=classes)
    with pytest.raises(BadInputError, match=rf"got {named} beside bus/, car/: splits or classes\?.*train/bus/"):
        list_folder(root, test_only=test_only)
    aside = root.with_name("train")  # what the message proposes
    root.rename(aside)
    root.mkdir()
    aside.rename(root / "train")
    assert list_folder(root).classes == ("bus", "car", *splits)


def test_a_split_without_folders_beside_one_with_folders_is_asked_about(root):
    write_image(root / "val/unsorted.png")
    write_image(root / "raw/one.png")
    with pytest.raises(BadInputError, match=r"got test/, train/, val/ beside raw/: splits or classes\?"):
        list_folder(root)


def test_an_empty_folder_called_as_a_split_is_no_class(tmp_path):
    write_folder(tmp_path, splits={".": 2})
    (tmp_path / "train").mkdir()
    with pytest.raises(BadInputError, match=r"class folders alone, got no images in train/"):
        list_folder(tmp_path)


def test_folders_beside_splits_are_left_out_and_noted(root):
    write_image(root / "unlabelled/deep/one.png")
    (root / "annotations").mkdir()
    (root / ".cache").mkdir()
    listing = list_folder(root)
    assert listing.classes == ("cat", "dog")
    assert listing.notes == ("annotations/, unlabelled/ beside test/, train/ left out",)


def test_folders_without_images_leave_a_single_split_what_it_is(tmp_path):
    write_folder(tmp_path, splits={"train": 2})
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/read.py").write_text("pass")
    listing = list_folder(tmp_path)
    assert listing.classes == ("cat", "dog")
    assert listing.notes == ("scripts/ beside train/ left out",)


def test_images_that_are_in_no_class_are_told_so(tmp_path):
    write_image(tmp_path / "train/one.png")
    write_image(tmp_path / "test/one.png")
    with pytest.raises(BadInputError, match=r"class folders in .*train, got none; try train/CLASS/\*\.jpg"):
        list_folder(tmp_path)


def test_splits_of_unknown_names_are_no_classes(tmp_path):
    write_folder(tmp_path, splits={"part1": 2, "part2": 1})
    with pytest.raises(BadInputError, match=r"got part1/, part2/ which all hold cat/, dog/; if they are splits"):
        list_folder(tmp_path)


def test_folders_without_images_are_no_classes(tmp_path):
    write_folder(tmp_path, splits={".": 2})
    (tmp_path / "docs").mkdir()
    (tmp_path / "src").mkdir()
    with pytest.raises(BadInputError, match=r"or class folders alone, got no images in docs/, src/"):
        list_folder(tmp_path)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(BadInputError, match="got no folders"):
        list_folder(tmp_path)


def test_splits_with_other_classes_are_an_error(root):
    (root / "test/dog").rename(root / "test/dgo")
    with pytest.raises(BadInputError, match=r"test: missing \['dog'\], unexpected \['dgo'\]"):
        list_folder(root)


@pytest.mark.parametrize("place", ["pets\udce9/train/cat", "pets/train/caf\udce9"])
def test_names_that_no_report_can_hold_are_refused(tmp_path, place):
    root = tmp_path / place.split("/")[0]
    write_folder(root, splits={"train": 2}, classes=(place.split("/")[2], "dog"))
    with pytest.raises(
        BadInputError, match=r"expected names in UTF-8.*got (pets|caf)\\xe9 in .*; try to rename"
    ) as error:
        list_folder(root)
    str(error.value).encode()
    assert list_folder(write_folder(tmp_path / "größe", splits={"train": 2}, classes=("日本", "café"))).classes


def test_one_class_is_too_few(tmp_path):
    write_folder(tmp_path, splits={"train": 2, "test": 1}, classes=("cat",))
    with pytest.raises(BadInputError, match="expected two or more class folders"):
        list_folder(tmp_path)


def test_deeper_folders_links_and_other_files(root):
    write_image(root / "train/cat/more/deep.png", seed=90)
    (root / "train/cat/up").symlink_to(root / "train/cat", target_is_directory=True)  # a loop
    elsewhere = write_image(root.parent / "elsewhere/linked.png", seed=91)
    (root / "train/dog/linked.png").symlink_to(elsewhere)
    (root / "train/dog/notes.txt").write_text("hello")
    (root / "train/dog/.hidden.png").write_text("hello")
    (root / "train/.cache").mkdir()
    listing = list_folder(root)
    names = [path.name for path, _label in listing.splits["train"]]
    assert len(names) == 10
    assert {"deep.png", "linked.png"} <= set(names)
    assert listing.notes == ("1 files in class folders have no image suffix and were left out",)


@pytest.mark.parametrize("split", ["test", "val"])
def test_test_images_alone_are_enough_if_no_others_are_needed(tmp_path, split):
    root = write_folder(tmp_path / "pets", splits={split: 1})
    listing = list_folder(root, test_only=True)
    assert listing.classes == ("cat", "dog")
    assert {name: len(files) for name, files in listing.splits.items()} == {split: 2}
    with pytest.raises(BadInputError, match=r"expected train/ and test/ \(or val/\) .*got " + split):
        list_folder(root)


def test_test_images_are_what_a_verdict_needs(tmp_path):
    root = write_folder(tmp_path / "pets", splits={"train": 2})
    with pytest.raises(BadInputError, match=r"expected test/ \(or val/\) with class folders .*, got train/"):
        list_folder(root, test_only=True)
