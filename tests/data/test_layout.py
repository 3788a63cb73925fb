import pytest

from compress.data.layout import list_folder
from compress.errors import BadInputError

PETS = "train/cat train/dog test/cat test/dog"  # two images in each


def tree(root, folders="", *, files=""):
    """Folders with two images each, and other files; none is opened."""
    for place in (*(f"{folder}/{name}" for folder in folders.split() for name in ("0.png", "1.jpg")), *files.split()):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()
    return root


def counts(root, **options):
    return {split: len(files) for split, files in list_folder(root, **options).splits.items()}


def test_a_good_folder_is_listed_by_class_then_path(tmp_path):
    listing = list_folder(tree(tmp_path, PETS))
    assert (listing.classes, listing.notes) == (("cat", "dog"), ())
    assert counts(tmp_path) == {"train": 4, "test": 4}
    listed = [f"{path.relative_to(tmp_path).as_posix()} {label}" for path, label in listing.splits["test"]]
    assert listed == ["test/cat/0.png 0", "test/cat/1.jpg 0", "test/dog/0.png 1", "test/dog/1.jpg 1"]


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        ("cat dog train_station", {"train": 6}),
        ("training/cat training/dog validation/cat validation/dog", {"train": 4, "val": 4}),
        ("Train/cat Train/dog valid/cat valid/dog TEST/cat TEST/dog", {"train": 4, "val": 4, "test": 4}),
        ("train/cat train/dog testing/cat testing/dog", {"train": 4, "test": 4}),
    ],
)
def test_class_folders_alone_train_and_splits_have_usual_names(tmp_path, folders, splits):
    assert counts(tree(tmp_path, folders)) == splits


@pytest.mark.parametrize("folders", ["cat dog", "test/cat test/dog", "val/cat val/dog"])
def test_for_a_verdict_class_folders_or_one_split_are_enough(tmp_path, folders):
    split = folders.split("/")[0] if "/" in folders else "test"
    assert counts(tree(tmp_path, folders), test_only=True) == {split: 4}


@pytest.mark.parametrize("test_only", [False, True])
def test_a_folder_with_a_splits_name_is_a_class_if_no_such_folder_holds_folders(tmp_path, test_only):
    listing = list_folder(tree(tmp_path, "bus car Test train"), test_only=test_only)
    assert listing.classes == ("Test", "bus", "car", "train")
    assert [len(files) for files in listing.splits.values()] == [8]
    assert listing.notes == ("Test/, train/ read as classes, not as splits: they contain no folders",)


@pytest.mark.parametrize("test_only", [False, True])
@pytest.mark.parametrize("divided", ["train/steam train/diesel", "val/steam val/diesel", "train/more"])
def test_folders_that_could_be_a_split_or_a_class_are_refused(tmp_path, test_only, divided):
    root, split = tree(tmp_path / "vehicles", f"bus car {divided}"), divided.split("/")[0]
    with pytest.raises(BadInputError, match=rf"got {split}/ beside bus/, car/: splits or classes\?.*train/bus/"):
        list_folder(root, test_only=test_only)
    aside = root.with_name("train")  # what the message proposes
    root.rename(aside)
    root.mkdir()
    aside.rename(root / "train")
    assert list_folder(root).classes == ("bus", "car", split)


REFUSED = {
    "no training images": ("test/cat test/dog", r"expected train/ and test/ \(or val/\).* alone, got test/"),
    "two folders of a split": (f"{PETS} testing/cat", r"expected one folder for test/ in .*, got test/ and testing/"),
    "a split without folders": (f"{PETS} val raw", r"got test/, train/, val/ beside raw/: splits or classes\?"),
    "images without a class": ("train test", r"class folders in .*train, got none; try train/CLASS/\*\.jpg"),
    "unknown splits": ("a/cat a/dog b/cat b/dog", r"got a/, b/ which all hold cat/, dog/; if they are splits"),
    "nothing": ("", "got no folders"),
    "other classes": ("train/cat train/dog test/cat test/dgo", r"test: missing \['dog'\], unexpected \['dgo'\]"),
    "one class": ("train/cat test/cat", "expected two or more class folders"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_another_layout_is_refused(tmp_path, fault):
    folders, message = REFUSED[fault]
    with pytest.raises(BadInputError, match=message):
        list_folder(tree(tmp_path, folders))


def test_training_images_alone_are_refused_for_a_verdict(tmp_path):
    with pytest.raises(BadInputError, match=r"expected test/ \(or val/\) with class folders .*, got train/"):
        list_folder(tree(tmp_path, "train/cat train/dog"), test_only=True)


@pytest.mark.parametrize("empty", [("train",), ("docs", "src")])
def test_folders_without_images_are_not_classes(tmp_path, empty):
    tree(tmp_path, "cat dog")
    for name in empty:
        (tmp_path / name).mkdir()
    with pytest.raises(BadInputError, match=f"or class folders alone, got no images in {'/, '.join(empty)}/"):
        list_folder(tmp_path)


@pytest.mark.parametrize(
    ("folders", "files", "note"),
    [
        (PETS, "unlabelled/deep/one.png notes/read.txt .cache/x", "notes/, unlabelled/ beside test/, train/ left out"),
        ("train/cat train/dog", "scripts/read.py", "scripts/ beside train/ left out"),
    ],
)
def test_folders_beside_splits_are_left_out_with_a_note(tmp_path, folders, files, note):
    listing = list_folder(tree(tmp_path, folders, files=files))
    assert (listing.classes, listing.notes) == (("cat", "dog"), (note,))


@pytest.mark.parametrize(("name", "one"), [("pets\udce9", "cat"), ("pets", "caf\udce9")])
def test_names_that_are_not_utf_8_are_refused(tmp_path, name, one):
    root = tree(tmp_path / name, f"train/{one} train/dog")
    with pytest.raises(BadInputError, match=r"names in UTF-8.*got (pets|caf)\\xe9 in .*; try to rename") as error:
        list_folder(root)
    str(error.value).encode()
    assert list_folder(tree(tmp_path / "größe", "train/日本 train/café")).classes == ("café", "日本")


def test_deeper_folders_links_and_other_files(tmp_path):
    root = tree(tmp_path / "pets", PETS, files="train/cat/more/deep.png train/dog/notes.txt train/dog/.hidden.png")
    (root / "train/cat/up").symlink_to(root / "train/cat", target_is_directory=True)  # a loop
    tree(tmp_path, files="elsewhere/linked.png")
    (root / "train/dog/linked.png").symlink_to(tmp_path / "elsewhere/linked.png")
    (root / "train/.cache").mkdir()
    listing = list_folder(root)
    names = [path.name for path, _label in listing.splits["train"]]
    assert len(names) == 6
    assert {"deep.png", "linked.png"} <= set(names)
    assert listing.notes == ("files without an image suffix in class folders, left out: 1 .txt",)


@pytest.mark.parametrize("target", [".", "train", "train/dog/..", ".."])
def test_a_link_back_up_does_not_bring_images_of_other_classes(tmp_path, target):
    root = tree(tmp_path / "pets", PETS)
    expected = list_folder(root)
    (root / "train/cat/up").symlink_to(root / target, target_is_directory=True)
    assert list_folder(root) == expected


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPEG", "tiff", "pbm"])
def test_every_suffix_of_a_known_format_is_an_image(tmp_path, suffix):
    tree(tmp_path, "cat", files=f"dog/0.{suffix} dog/1.{suffix}")
    assert counts(tmp_path) == {"train": 4}


def test_a_class_of_other_files_alone_is_named_with_their_suffixes(tmp_path):
    folders = f"{PETS} train/cow test/cow"
    kinds = " ".join(f"train/ape/{number}.heic" for number in range(3)) + " train/ape/read.txt test/ape/plain"
    tree(tmp_path, folders, files=kinds)
    message = rf"\.jfif.*only other files in\n  {tmp_path}/train/ape: 3 \.heic, 1 \.txt\n  .*ape: 1 without suffix$"
    with pytest.raises(BadInputError, match=message):
        list_folder(tmp_path)


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"  # as Linux and as Macs write the name


def test_class_names_are_the_same_in_both_forms_of_unicode(tmp_path):
    tree(tmp_path, f"train/{COMPOSED} train/cafz test/{DECOMPOSED} test/cafz")
    listing = list_folder(tmp_path)
    assert listing.classes == ("cafz", COMPOSED)
    assert [(path.parent.name, label) for path, label in listing.splits["test"]][2:] == [(DECOMPOSED, 1)] * 2


def test_two_folders_of_one_name_in_two_forms_are_refused(tmp_path):
    tree(tmp_path, f"train/{COMPOSED} train/{DECOMPOSED} test/{COMPOSED}")
    with pytest.raises(BadInputError, match=rf"train, got {COMPOSED} twice, in two forms of Unicode; try to move"):
        list_folder(tmp_path)
