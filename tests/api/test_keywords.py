import pytest

from compress.api.keywords import naming_keywords
from compress.errors import UsageError


@pytest.mark.parametrize(
    ("flags", "keywords"),
    [
        ("try --keep-macs 0.76. What stays", "try keep_macs=0.76. What stays"),
        ("at any --align; try another --opset", "at any align; try another opset"),
        ("a plain message of 3 words -- and dashes", "a plain message of 3 words -- and dashes"),
    ],
)
def test_flags_become_keywords_in_errors_of_the_same_kind(flags, keywords):
    with pytest.raises(UsageError) as caught, naming_keywords():
        raise UsageError(flags)
    assert str(caught.value) == keywords
