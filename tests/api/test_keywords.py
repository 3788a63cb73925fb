import pytest

from compress.api.keywords import naming_keywords
from compress.errors import UsageError


@pytest.mark.parametrize(
    ("flags", "keywords"),
    [
        ("ask for more, --keep-macs 0.76. It keeps", "ask for more, keep_macs=0.76. It keeps"),
        ("whatever the --align; try another --opset", "whatever the align; try another opset"),
        ("a plain message of 3 words -- and dashes", "a plain message of 3 words -- and dashes"),
    ],
)
def test_flags_become_keywords_in_errors_of_the_same_kind(flags, keywords):
    with pytest.raises(UsageError) as caught, naming_keywords():
        raise UsageError(flags)
    assert str(caught.value) == keywords
