"""Settings that were left open, and those that cannot be."""

import pytest

from compress.config import RunConfig
from compress.errors import UsageError
from compress.pipeline import _is_known_to_export
from compress.settings import decide


@pytest.mark.parametrize("opset", [26, 99])
def test_an_operator_set_that_no_file_can_have(opset):
    with pytest.raises(UsageError, match=f"expected --opset from 18 to 25, got {opset}"):
        decide(RunConfig(arch="squeezenet", opset=opset))


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        ({"arch": "squeezenet"}, True),
        ({"arch": "channelnet_v1"}, True),
        ({"arch": "squeezenet", "opset": 19}, False),
        ({"arch": "timm/resnet18"}, False),
    ],
)
def test_which_networks_are_exported_before_they_are_trained(settings, known):
    assert _is_known_to_export(decide(RunConfig(**settings))) is known
