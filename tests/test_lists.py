"""Lists in messages."""

import pytest

from compress.data.layout import list_folder
from compress.errors import BadInputError
from compress.lists import listed, listed_lines


def test_what_does_not_fit_is_counted():
    assert [listed("abc"[:count], most=2) for count in range(4)] == ["", "a", "a, b", "a, b and 1 more"]
    assert listed_lines(["a", "b"]) == "\n  a\n  b"
    assert listed_lines(map(str, range(2000)), most=1) == "\n  0\n  and 1,999 more"


@pytest.mark.parametrize("parts", [[""], ["train", "test"], ["train"]])
def test_a_folder_of_a_thousand_faults_is_refused_in_a_few_lines(tmp_path, parts):
    for part in parts:
        for number in range(1000):
            folder = tmp_path / part / f"{part}{number:04}"
            folder.mkdir(parents=True)
            if len(parts) < 2 and part:
                (folder / "a.heic").touch()
    if parts == ["train"]:
        (tmp_path / "test").symlink_to("train")
    with pytest.raises(BadInputError, match=r"and [\d,]+ more") as refused:
        list_folder(tmp_path)
    assert len(str(refused.value)) < 5000
    assert str(refused.value).count("\n") <= 21
