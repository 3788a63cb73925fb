"""How far links lead, and that nothing is left out unsaid."""

import os
from itertools import count

import pytest

from compress.data import walk as walking
from compress.data.layout import list_folder
from compress.data.walk import walk
from compress.errors import BadInputError
from tests.data.test_layout import PETS, tree


def names(folder) -> list[str]:
    return sorted(os.path.relpath(path, folder) for path in walk(folder))


def test_links_to_folders_of_images_elsewhere_are_followed_once(tmp_path):
    tree(tmp_path / "disk", "cats cats/more")
    root = tree(tmp_path / "pets", "cat")
    for name in ("linked", "linked again"):
        (root / "cat" / name).symlink_to(tmp_path / "disk/cats", target_is_directory=True)
    (root / "cat/one.png").symlink_to(tmp_path / "disk/cats/0.png")
    found = names(root / "cat")
    assert len(found) == 2 + 4 + 1
    assert {"0.png", "1.jpg", "one.png"} < {*found}
    assert len({os.path.realpath(root / "cat" / name) for name in found}) == 6


@pytest.mark.parametrize("target", ["/proc", "/proc/self/task", "/sys/kernel", "/dev"])
def test_a_link_to_the_kernels_folders_is_refused_by_name(tmp_path, target):
    root = tree(tmp_path / "pets", PETS)
    (root / "train/dog/p").symlink_to(target, target_is_directory=True)
    with pytest.raises(BadInputError, match=rf"images in {root}/train/dog/p, got a link to /(proc|sys|dev)"):
        list_folder(root)


def test_a_class_folder_that_is_such_a_link_is_refused(tmp_path):
    root = tree(tmp_path / "pets", "cat")
    (root / "dog").symlink_to("/proc/self/fd", target_is_directory=True)
    with pytest.raises(BadInputError, match="pets/dog, got a link to /proc/"):
        list_folder(root)


def test_the_kernels_file_systems_are_known_wherever_they_are_mounted(tmp_path, monkeypatch):
    tree(tmp_path, "cat")
    monkeypatch.setattr(walking, "_kernel_devices", lambda: {os.stat(tmp_path).st_dev})
    with pytest.raises(BadInputError, match="got a link to"):
        names(tmp_path / "cat")


def test_a_folder_in_memory_holds_images_as_any(tmp_path):
    assert not walking._is_of_the_kernel("/dev/shm")
    assert not walking._is_of_the_kernel("/dev/shm/pets")
    assert os.stat(tmp_path).st_dev not in walking._kernel_devices()


def test_entries_of_all_class_folders_are_counted_together(tmp_path, monkeypatch):
    root = tree(tmp_path / "pets", "train/cat train/dog test/cat test/dog")
    monkeypatch.setattr(walking, "MAX_ENTRIES", 4)  # of a split
    assert len(list_folder(root).splits["train"]) == 4
    tree(root, files="train/dog/notes.txt")
    with pytest.raises(BadInputError, match=r"at most 4 files and folders in class folders, .* at .*/train/dog/"):
        list_folder(root)
    with pytest.raises(BadInputError, match="at most 4"):
        list(walk(root / "train/cat", count(4)))


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    root = tree(tmp_path / "pets", PETS)
    monkeypatch.chdir(root / "train/cat")
    for _level in range(21):  # a longer path than the system takes
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    monkeypatch.chdir(root)
    with pytest.raises(BadInputError, match=rf"^cannot read the folder {root}/train/cat/ddd.*: File name too long$"):
        list_folder(root)
