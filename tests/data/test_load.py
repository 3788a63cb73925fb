import shutil

import pytest

from compress.data.load import FASHION, load_data
from compress.errors import BadInputError, UsageError
from compress.settings.config import RunConfig
from tests.data.files import write_folder


def config(**values) -> RunConfig:
    return RunConfig(arch="squeezenet", **values)


def test_the_default_is_the_bundled_sample():
    bundle = load_data(config())
    assert bundle.name == "fashion-sample"
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (10_800, 1_200, 4_000)
    assert bundle.train.labels.bincount().tolist() == [1_080] * 10
    assert bundle.preprocessing.image_size == FASHION.image_size


def test_a_path_is_an_image_folder_and_its_settings_arrive(tmp_path):
    root = write_folder(tmp_path / "pets", splits={"train": 3, "test": 2})
    (root / "test/cat/000.png").write_bytes(b"no")
    bundle = load_data(config(dataset=str(root), image_size=20, skip_bad=1, seed=4))
    assert bundle.name == "pets"
    assert bundle.preprocessing.image_size == 20
    assert len(bundle.test) == 3
    with pytest.raises(BadInputError, match="at most 0 bad images"):
        load_data(config(dataset=str(root)))


@pytest.mark.parametrize(("name", "close"), [("fashon", "fashion"), ("fashion_sample", "fashion-sample")])
def test_a_misspelt_name_is_corrected(name, close):
    with pytest.raises(UsageError, match=f"got '{name}'; did you mean '{close}'") as error:
        load_data(config(dataset=name))
    assert error.value.exit_code == 2


def test_a_name_like_no_other_gets_the_list():
    with pytest.raises(
        UsageError, match=r"expected a data set \(fashion-sample, fashion, .*\) or the path of a folder"
    ):
        load_data(config(dataset="xyzzy"))


def test_a_path_without_a_folder_is_a_bad_input():
    with pytest.raises(BadInputError, match=r"expected an image folder at \./nowhere") as error:
        load_data(config(dataset="./nowhere"))
    assert error.value.exit_code == 4


@pytest.mark.parametrize("values", [{"download": True}, {"data_dir": "somewhere"}])
def test_settings_of_another_data_set_are_refused(values, tmp_path):
    for dataset in ("fashion-sample", str(tmp_path)):
        with pytest.raises(UsageError, match="expected data_dir and download only with a data set of fashion, kuzu"):
            load_data(config(dataset=dataset, **values))


def test_the_test_images_are_the_same_with_and_without_the_others(tmp_path):
    root = write_folder(tmp_path / "pets", splits={"train": 2, "test": 3})
    whole = load_data(config(dataset=str(root)), test_only=True)
    assert len(whole.train) > 0
    shutil.rmtree(root / "train")
    alone = load_data(config(dataset=str(root)), test_only=True)
    assert alone.test_fingerprint == whole.test_fingerprint
    assert alone.fingerprint != whole.fingerprint
    with pytest.raises(BadInputError, match="expected train/ and test/"):
        load_data(config(dataset=str(root)))
