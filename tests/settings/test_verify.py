"""Settings of ``compress verify`` as text from the command line."""

import pytest

from compress.errors import UsageError
from compress.race.cells import RaceSettings
from compress.settings.config import RunConfig, build
from compress.settings.verify import Gates, UserOverrides, VerifySettings

NEEDED = {RaceSettings: {"base": RunConfig(arch="squeezenet")}}


@pytest.mark.parametrize(
    ("model", "text", "value"),
    [
        (Gates, {"max_macs": "4M"}, 4_000_000),
        (Gates, {"max_macs": "1.2g"}, 1_200_000_000),
        (Gates, {"max_macs": "4000000"}, 4_000_000),
        (VerifySettings, {"batch_sizes": "8, 1,8"}, (1, 8)),
        (UserOverrides, {"mean": "0.485,0.456,0.406", "std": "0.2,0.2,0.2"}, (0.485, 0.456, 0.406)),
        (UserOverrides, {"layout": "nhwc"}, "NHWC"),
        (RaceSettings, {"seeds": "2"}, (0, 1)),
        (RaceSettings, {"seeds": "3,7"}, (3, 7)),
        (RaceSettings, {"methods": "l1, scratch"}, ("l1", "scratch")),
        (RaceSettings, {"keep_macs": "0.5,0.25"}, (0.5, 0.25)),
    ],
)
def test_text_is_parsed(model, text, value):
    assert getattr(build(model, NEEDED.get(model, {}) | text), next(iter(text))) == value


@pytest.mark.parametrize(
    ("model", "text", "message"),
    [
        (Gates, {"max_macs": "4T"}, "--max-macs: expected a number such as 4000000, 4M or 1.2G, got '4T'"),
        (Gates, {"max_macs": "inf"}, "--max-macs: expected a number such as 4000000, 4M or 1.2G, got 'inf'"),
        (VerifySettings, {"threads": "1,x"}, "--threads: expected numbers from 1 to 1024 such as 1,8, got '1,x'"),
        (VerifySettings, {"threads": "1,2000"}, "--threads: expected numbers from 1 to 1024 such as 1,8, got 2000"),
        (VerifySettings, {"batch_sizes": "0,1"}, "--batch-sizes: expected numbers from 1 such as 1,8, got 0"),
        (VerifySettings, {"batch_sizes": ()}, "--batch-sizes: expected numbers from 1 such as 1,8, got ()"),
        (VerifySettings, {"seconds": 0.0}, "--seconds: expected more than 0.0, got 0.0"),
        (UserOverrides, {"std": "a"}, "--std: expected numbers such as 0.485,0.456,0.406, got 'a'"),
        (UserOverrides, {"layout": "cwh"}, "--layout: expected nchw or nhwc, got 'CWH'"),
        (UserOverrides, {"mean": (0.5,)}, "--mean and --std: expected"),
        (
            RaceSettings,
            {"seeds": "x"},
            "--seeds: expected a number of seeds, or seeds from 0 to 2147483647 such as 3,7, got 'x'",
        ),
        (
            RaceSettings,
            {"keep_macs": "half"},
            "--keep-macs: expected fractions between 0 and 1, such as 0.5,0.25, got 'half'",
        ),
        (RaceSettings, {"methods": "l3"}, "--methods: expected 'edropout', 'saliency'"),
    ],
)
def test_messages_name_the_flag(model, text, message):
    with pytest.raises(UsageError) as caught:
        build(model, NEEDED.get(model, {}) | text)
    assert message in str(caught.value)
