import pytest
import torch

from compress.data.augment import RECIPES
from compress.data.bundle import Order
from compress.data.folder import bundle_of_files, load_folder
from compress.data.layout import FolderListing
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from tests.data.files import write_folder, write_image


def options(*, image_size=16, seed=0, skip_bad=0, workers=0) -> DataConfig:
    return DataConfig(image_size=image_size, seed=seed, skip_bad=skip_bad, workers=workers)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "pets", splits={"train": 12, "val": 3, "test": 4})


def test_three_splits_are_taken_as_they_are(root):
    bundle = load_folder(root, options())
    assert (bundle.name, bundle.classes, bundle.notes) == ("pets", ("cat", "dog"), ())
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (24, 6, 8)
    assert bundle.test.labels.tolist() == [0] * 4 + [1] * 4


def test_without_val_a_tenth_of_train_validates(tmp_path):
    bundle = load_folder(write_folder(tmp_path, splits={"train": 20, "test": 2}), options())
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (36, 4, 4)
    assert bundle.val.labels.tolist() == [0, 0, 1, 1]
    assert not set(bundle.val.files) & set(bundle.train.files)
    assert bundle.notes == ("validation: 4 images of train/, 10% of every class",)


def test_without_test_val_is_the_test_set_and_decides_nothing(tmp_path):
    bundle = load_folder(write_folder(tmp_path, splits={"train": 10, "val": 3}), options())
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (18, 2, 6)
    assert all(path.parts[-3] == "val" for path in bundle.test.files)
    assert all(path.parts[-3] == "train" for path in bundle.val.files)
    assert bundle.notes[0] == "no test/: val/ is the test set, and validation is cut from train/"


@pytest.mark.parametrize("split", [".", "train"])
def test_without_any_test_images_a_fifth_of_every_class_is_cut_off(tmp_path, split):
    write_folder(tmp_path, splits={split: 20})
    bundle = load_folder(tmp_path, options())
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (28, 4, 8)
    assert bundle.test.labels.tolist() == [0] * 4 + [1] * 4
    assert len({*bundle.train.files, *bundle.val.files, *bundle.test.files}) == 40
    assert bundle.notes[0] == "no test/: 8 images, 20% of every class, are the test set, whatever the seed"
    other = load_folder(tmp_path, options(seed=1))
    assert (other.test.files, other.test_fingerprint) == (bundle.test.files, bundle.test_fingerprint)
    assert other.val.files != bundle.val.files


def test_two_images_of_a_class_are_too_few_to_cut_a_test_set_from(tmp_path):
    write_folder(tmp_path, splits={".": 2})
    write_image(tmp_path / "cat/more.png")
    with pytest.raises(BadInputError, match=r"three or more images of every class without test/, got\n  dog: 2$"):
        load_folder(tmp_path, options())


@pytest.mark.parametrize(("split", "notes"), [(".", ()), ("test", ()), ("val", ("no test/: val/ is the test set",))])
def test_test_images_alone_are_enough_for_a_verdict(tmp_path, split, notes):
    bundle = load_folder(write_folder(tmp_path, splits={split: 2}, mode="L"), options(), test_only=True)
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (0, 0, 4)
    assert (bundle.classes, bundle.preprocessing.channels) == (("cat", "dog"), 1)
    assert bundle.notes == (*notes, "no train/: only the test images are used")
    assert len(list(bundle.test.batches(3))) == 2
    assert list(bundle.train.batches(3)) == []


def test_files_that_somebody_listed(tmp_path):
    def load(root):
        files = sorted((root / "jpg").rglob("*.*"))
        listed = [(path, 0 if path.parent.name == "b" else 1) for path in files]
        listing = FolderListing(("b", "a"), {"train": listed[::2], "test": listed[1::2]}, ("first",))
        return files, bundle_of_files("mine", listing, options(), root=root)

    root = write_folder(tmp_path / "here", splits={"jpg": 6}, classes=("b", "a"))
    files, bundle = load(root)
    assert (bundle.name, bundle.classes) == ("mine", ("b", "a"))
    assert bundle.test.files == tuple(files[1::2])
    assert bundle.test.labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert bundle.notes == ("first", "validation: 2 images of train/, 10% of every class")
    assert load(root.rename(tmp_path / "moved"))[1].fingerprint == bundle.fingerprint


@pytest.mark.parametrize(("mode", "another", "channels"), [("L", "L", 1), ("L", "RGB", 3), ("RGB", "RGB", 3)])
def test_only_grey_files_make_a_grey_set(tmp_path, mode, another, channels):
    root = write_folder(tmp_path, splits={"train": 2, "test": 1}, mode=mode)
    write_image(root / "test/cat/another.png", mode=another, seed=90)
    bundle = load_folder(root, options())
    assert bundle.preprocessing.channels == len(bundle.preprocessing.mean) == channels
    images, _ = next(bundle.train.batches(4, order=Order(0, 0)))
    assert images.shape[1] == channels


@pytest.mark.parametrize(("side", "size"), [(20, 32), (50, 48), (300, 224)])
def test_the_size_follows_the_images_unless_asked(tmp_path, side, size):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            for number in range(2):
                write_image(tmp_path / split / name / f"{number}.png", size=(side + 30, side), mode="L", seed=number)
    assert load_folder(tmp_path, options(image_size=None)).preprocessing.image_size == size
    assert load_folder(tmp_path, options(image_size=40)).preprocessing.image_size == 40


@pytest.mark.parametrize(
    ("side", "mode", "recipes"),
    [
        (28, "L", "small grey files"),
        (32, "RGB", "small colour files"),
        (71, "RGB", "small colour files"),  # 64 as a multiple of 8
        (72, "RGB", "photographs"),
        (72, "L", "photographs"),
    ],
)
def test_augmentation_follows_the_images_whatever_size_is_asked_for(tmp_path, side, mode, recipes):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            for number in range(2):
                write_image(tmp_path / split / name / f"{number}.png", size=(side, side + 9), mode=mode, seed=number)
    for values in ({}, {"image_size": 160}, {"channels": 3}):
        assert load_folder(tmp_path, DataConfig(**values)).train.recipe == RECIPES[recipes]["default"]
    assert not load_folder(tmp_path, DataConfig(mirror=False)).train.recipe.flip


def test_fingerprints_depend_on_contents_names_and_split(tmp_path):
    def load(**values):
        bundle = load_folder(tmp_path, options(**values))
        return bundle.fingerprint, bundle.test_fingerprint

    write_folder(tmp_path, splits={"train": 10, "test": 2})
    base, test = load()
    assert load(image_size=20) == (base, test)
    other, same = load(seed=1)
    assert (other != base, same) == (True, test)
    write_image(tmp_path / "train/cat/000.png", seed=77)
    changed, same = load()
    assert (changed != base, same) == (True, test)
    (tmp_path / "test/cat/000.png").rename(tmp_path / "test/cat/0.png")
    renamed = load()
    write_image(tmp_path / "test/cat/0.png", seed=77)
    rewritten = load()
    assert len({changed, renamed[0], rewritten[0]}) == len({test, renamed[1], rewritten[1]}) == 3


def test_a_subset_is_a_split_of_its_own_in_the_order_of_its_indices(root):
    split = load_folder(root, options()).train
    part = split.subset(torch.tensor([15, 2]))
    ((images, labels),) = part.batches(5)
    assert part.files == (split.files[15], split.files[2])
    assert torch.equal(images, next(split.batches(24))[0][[15, 2]])
    assert labels.tolist() == [1, 0]
