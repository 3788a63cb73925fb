"""Tiny networks with norms of groups, parameters and buffers of no layer, and weights that are computed."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.helpers import odd_pieces as pieces
from tests.helpers.odd_pieces import HALF, QUARTER, Odd, odd, on_tokens

ODD_PARAMETERS: dict[str, Odd] = {
    "group norm": odd(lambda n, x: n.norm(x), pruned=QUARTER, norm=lambda: pieces.with_weights(nn.GroupNorm(2, 8))),
    "group norm without weights": odd(
        lambda n, x: n.norm(x), pruned=HALF, norm=lambda: nn.GroupNorm(4, 8, affine=False)
    ),
    "group norm of one group": odd(
        lambda n, x: n.norm(x), {"stem": "GroupNorm norm normalises over it"}, norm=lambda: nn.GroupNorm(1, 8)
    ),
    "group norm with its own forward": odd(
        lambda n, x: n.norm(x), pruned=HALF, norm=lambda: pieces.with_weights(pieces.GroupNormAndRelu(4, 8))
    ),
    "group norm by a number in the code": odd(
        lambda _, x: F.group_norm(x, 4), {"stem": "GroupNorm Network.forward normalises over it"}
    ),
    "group norm of two layers": odd(
        lambda n, x: n.norm(torch.cat([x, n.more(x)], 1)),
        {"more": "cannot go one by one"}, {"stem": 2, "last": 6}, reads=12,
        more=lambda: nn.Conv2d(8, 4, 1), norm=lambda: pieces.with_weights(nn.GroupNorm(3, 12)),
    ),
    "group norm across layers": odd(  # its second group has channels of both
        lambda n, x: n.norm(torch.cat([x, n.more(x)], 1)), {"stem": "cannot go one by one"}, reads=10,
        more=lambda: nn.Conv2d(8, 2, 1), norm=lambda: pieces.with_weights(nn.GroupNorm(2, 10)),
    ),
    "weights standardised": odd(
        lambda n, x: n.odd(x).relu(), {"stem": "weights are computed from others in odd"}, {"odd": 10, "last": 6},
        reads=10, odd=lambda: pieces.Standardised(8, 10, 1),
    ),
    "weights standardised, with gains, in groups": odd(
        lambda n, x: n.odd(n.odd(x).relu()).relu(), {"stem": "weights are computed from others in odd"},
        {"last": 6}, odd=lambda: pieces.Gained(8, 8, 1, groups=2),
    ),
    "weights standardised, grouped": odd(
        lambda n, x: n.odd(x).relu(), {"stem": "weights are computed from others in odd"}, {"odd": 6, "last": 6},
        reads=12, odd=lambda: pieces.Gained(8, 12, 1, groups=2),
    ),
    "weights of which a part is used elsewhere": odd(
        lambda n, x: n.odd(x) * n.odd.weight.mean(), {"odd": "used in Network.forward by themselves"}, {"last": 6},
        odd=lambda: pieces.Standardised(8, 8, 1),
    ),
    "weights normalised over filters": odd(
        lambda n, x: n.odd(x).relu(), {"odd": "by themselves"}, {"last": 6}, odd=lambda: pieces.AcrossFilters(8, 8, 1)
    ),
    "weights and their layer's output": odd(
        lambda n, x: n.odd(x).relu(), {"stem": "weights are computed"}, {"odd": 8, "last": 6},
        odd=lambda: pieces.Recycled(8, 8, 1),
    ),
    "a batch norm without its layer": odd(
        lambda n, x: F.batch_norm(x, n.part.mean, n.part.variance, n.part.weight),
        part=lambda: pieces.holding(
            mean=nn.Buffer(torch.rand(8)), variance=nn.Buffer(torch.rand(8) + 0.5), weight=nn.Parameter(torch.rand(8))
        ),
    ),
    "a bare parameter": odd(lambda n, x: x * n.scale, scale=lambda: nn.Parameter(torch.rand(8, 1, 1) + 0.5)),
    "a stream with layer scale": odd(
        lambda n, x: x + n.part.scale[:, None, None] * n.part.inner(x),
        part=lambda: pieces.holding(scale=nn.Parameter(torch.rand(8) + 0.5), inner=nn.Conv2d(8, 8, 3, padding=1)),
    ),
    "a frozen norm of buffers": odd(
        lambda n, x: x * (n.part.scale * (n.part.variance + 0.1).rsqrt()).reshape(1, -1, 1, 1) + n.part.bias,
        part=lambda: pieces.holding(
            scale=nn.Buffer(torch.rand(8) + 0.5), variance=nn.Buffer(torch.rand(8)), bias=nn.Buffer(torch.rand(8, 1, 1))
        ),
    ),
    "a parameter for every place of a channel": odd(
        lambda n, x: x + n.places[:, 0], places=lambda: nn.Parameter(torch.randn(8, 2, 10, 10))
    ),
    "a learned token beside others": on_tokens(
        lambda part, x: torch.cat([part.token.expand(len(x), -1, -1), x], 1) + part.places[:, :17], {},
        {"stem": 8, "wide": 12},
        lambda: pieces.holding(token=nn.Parameter(torch.randn(1, 1, 8)), places=nn.Parameter(torch.randn(1, 20, 8))),
    ),
    "a parameter for rows of pixels": odd(lambda n, x: x + n.rows, rows=lambda: nn.Parameter(torch.randn(10, 1))),
    "a parameter used in two ways": odd(
        lambda n, x: x * n.scale + n.scale.softmax(0), {"stem": "of fixed width is combined with it"},
        scale=lambda: nn.Parameter(torch.rand(8, 1, 1)),
    ),
    "a parameter along two axes": odd(
        lambda n, x: (x + n.square[0, :, None, None]) * n.square[:, 0, None, None],
        {"stem": "of fixed width is combined with it"}, square=lambda: nn.Parameter(torch.rand(8, 8)),
    ),
    "a parameter that shares its numbers": odd(
        lambda n, x: x * n.part.scale, {"stem": "part.scale is combined with it"},
        part=lambda: pieces.holding(
            scale=nn.Parameter(pieces.EIGHT[:, None, None]), same=nn.Parameter(pieces.EIGHT)
        ),
    ),
    "a parameter read by a layer": on_tokens(
        lambda part, x: x + part.token + part.layer(part.token.expand(len(x), -1, -1)), {"stem": "token"}, {"wide": 12},
        lambda: pieces.holding(token=nn.Parameter(torch.randn(1, 1, 8)), layer=nn.Linear(8, 8)),
    ),
    "a buffer": odd(lambda n, x: x - n.mean, mean=lambda: nn.Buffer(torch.rand(8, 1, 1))),
    "a tensor of no name": odd(
        lambda _, x: x * torch.linspace(1, 2, 8)[:, None, None], {"stem": "a tensor of fixed width is combined with it"}
    ),
}  # fmt: skip
