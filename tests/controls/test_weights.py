import copy

import pytest
import torch
from torch import nn

from compress.controls.weights import contributions, scale_inputs

LAYERS = {
    "strided": (nn.Conv2d(6, 4, 3, stride=2, padding=1), (2, 6, 9, 9)),
    "rectangular": (nn.Conv2d(6, 4, (1, 3), dilation=(1, 2)), (2, 6, 4, 9)),
    "one dimension": (nn.Conv1d(6, 4, 3, padding="same", dilation=2), (2, 6, 9)),
    "three dimensions": (nn.Conv3d(6, 4, 3), (2, 6, 5, 5, 5)),
    "grouped": (nn.Conv2d(6, 9, 3, groups=3), (2, 6, 9, 9)),
    "circular": (nn.Conv2d(6, 4, 3, padding=1, padding_mode="circular"), (2, 6, 9, 9)),
    "transposed": (nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1), (2, 6, 5, 5)),
    "grouped transposed": (nn.ConvTranspose2d(6, 9, 3, stride=2, output_padding=1, groups=3), (2, 6, 5, 5)),
    "linear": (nn.Linear(6, 4), (2, 6)),
    "linear on tokens": (nn.Linear(6, 4), (2, 5, 6)),
}


@pytest.fixture(params=LAYERS)
def case(request):
    layer, shape = LAYERS[request.param]
    features = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return layer, features


def output_of(layer: nn.Module, features: torch.Tensor, channel: int) -> torch.Tensor:
    """One output channel (B, L) without its bias."""
    with torch.no_grad():
        output = layer(features)
    rows = output.reshape(2, -1, output.shape[-1])[..., channel] if isinstance(layer, nn.Linear) else output[:, channel]
    return rows.flatten(1) - layer.bias[channel]


def test_a_contribution_is_that_channels_alone_and_all_add_up_to_the_output(case):
    layer, features = case
    for channel in (0, 3):
        added = contributions(layer, features, channel)
        assert added.shape[:2] == (2, 6)
        torch.testing.assert_close(added.sum(1), output_of(layer, features, channel), atol=1e-5, rtol=1e-5)
    alone = torch.zeros_like(features)
    index = (..., 4) if isinstance(layer, nn.Linear) else (slice(None), 4)
    alone[index] = features[index]
    fourth = contributions(layer, features, 3)[:, 4]
    torch.testing.assert_close(fourth, output_of(layer, alone, 3), atol=1e-5, rtol=1e-5)


def test_scaled_inputs_scale_contributions(case):
    layer, features = case
    factors = torch.linspace(-1, 2, 6)
    scaled = copy.deepcopy(layer)
    scale_inputs(scaled, factors)
    expected = (contributions(layer, features, 2) * factors[:, None]).sum(1)
    torch.testing.assert_close(output_of(scaled, features, 2), expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(scaled.bias, layer.bias)
