"""Tiny networks with one odd layer or operator each, what may be pruned of them, and why the rest may not."""

from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import nn

from compress.channels.units import UnitMap, find_units
from tests.helpers import odd_pieces as pieces
from tests.helpers.networks import CLASSES, NETWORKS, built, image_batch
from tests.helpers.odd_parameters import ODD_PARAMETERS
from tests.helpers.odd_pieces import HALF, QUARTER, Odd, odd, on_tokens, pool

BOTH = {"stem": 8, "last": 6}

ODD_LAYERS: dict[str, Odd] = {
    "conv1d over rows": Odd(
        lambda: {"stem": nn.Conv1d(24, 8, 3), "norm": nn.BatchNorm1d(8), "last": nn.Conv1d(8, 6, 3),
                 "head": nn.Linear(6, CLASSES)},
        lambda n, x: n.head(pool(n.last(F.max_pool1d(n.norm(n.stem(x.flatten(1, 2))), 2)))), {}, BOTH,
    ),
    "conv3d": Odd(
        lambda: {"stem": nn.Conv3d(1, 8, (2, 3, 3)), "norm": nn.BatchNorm3d(8), "last": nn.Conv3d(8, 6, 1),
                 "head": nn.Linear(6, CLASSES)},
        lambda n, x: n.head(pool(n.last(n.norm(n.stem(x.unsqueeze(1))).relu()))), {}, BOTH,
    ),
    "depthwise multiplier": odd(
        lambda n, x: n.norm(n.deep(x)).relu(),
        reads=16, deep=lambda: nn.Conv2d(8, 16, 3, groups=8), norm=lambda: nn.BatchNorm2d(16),
    ),
    "transposed, grouped": odd(
        lambda n, x: n.up(x).relu(), pruned={"stem": 4, "up": 3, "last": 6},
        reads=6, up=lambda: nn.ConvTranspose2d(8, 6, 2, stride=2, groups=2),
    ),
    "transposed, depthwise": odd(
        lambda n, x: n.up(x).relu(), reads=16, up=lambda: nn.ConvTranspose2d(8, 16, 2, stride=2, groups=8)
    ),
    "synchronised norm": odd(lambda n, x: n.norm(x), norm=lambda: nn.SyncBatchNorm(8)),
    "called by name": odd(
        lambda n, x: n.wide(input=n.same(x=x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
        pruned=BOTH | {"same": 10, "wide": 10},
        reads=10, same=lambda: pieces.SamePadded(8, 10, 3), wide=lambda: nn.Linear(10, 10),
    ),
    "hooks of the user": odd(last=pieces.hooked),
    "instance norm": odd(lambda n, x: n.norm(x), norm=lambda: nn.InstanceNorm2d(8, affine=True)),
    "layer norm of channels": odd(
        lambda n, x: x + n.back(F.gelu(n.wide(n.norm(x.permute(0, 2, 3, 1))))).permute(0, 3, 1, 2),
        {"stem": "LayerNorm norm normalises over it"}, {"wide": 12, "last": 6},
        norm=lambda: nn.LayerNorm(8), wide=lambda: nn.Linear(8, 12), back=lambda: nn.Linear(12, 8),
    ),
    "layer norm of pixels": odd(lambda n, x: n.norm(x), norm=lambda: nn.LayerNorm([10, 10])),
    "self attention": on_tokens(
        lambda part, x: part(x), {"part.qkv": "a product of matrices takes it in part"},
        {"stem": 8, "part.out": 8, "wide": 12}, lambda: pieces.Attention(8, 2),
    ),
    "attention of torch": on_tokens(
        lambda part, x: part(x, x, x, need_weights=False)[0],
        {"stem": "product of matrices", "part.out_proj": "used in part by themselves"}, {"wide": 12},
        lambda: nn.MultiheadAttention(8, 2, batch_first=True),
    ),
    "a layer called twice": odd(lambda n, x: n.again(n.again(x).relu()), again=lambda: nn.Conv2d(8, 8, 1)),
    "weights of two layers": odd(
        lambda n, x: n.pair(x),
        {"stem": "shares its weights with pair.2", "pair.0": "shares its weights with pair.2"}, pair=pieces.shared,
    ),
    "weight norm": odd(
        whole={"last": "computes its weights from others"}, pruned={},
        last=lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 6, 1)),
    ),
    "spectral norm": odd(
        lambda n, x: n.norm(x), {"norm": "computes its weights from others"}, {"last": 6},
        norm=lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(8, 8, 1)),
    ),
    "convolution along the channels": odd(
        lambda n, x: n.along(x.unsqueeze(1)).squeeze(1), {"stem": "the convolution along runs along it"},
        along=lambda: nn.Conv3d(1, 1, (3, 1, 1), padding=(1, 0, 0)),
    ),
    "recurrent": on_tokens(
        lambda part, x: part(x)[0][:, -1:], {"stem": "in part"}, {"wide": 12},
        lambda: nn.LSTM(8, 7, batch_first=True), reads=7,
    ),
    "tokens mixed": odd(
        lambda n, x: n.mix(x.flatten(2)).view_as(x), {"stem": "mix works across it"}, mix=lambda: nn.Linear(100, 100)
    ),
    "own linear layer": on_tokens(
        lambda part, x: part(x), {}, {"stem": 8, "part": 10, "wide": 12}, lambda: pieces.OwnLinear(8, 10), reads=10
    ),
    "own linear layer with other weights": on_tokens(
        lambda part, x: part(x), dict.fromkeys(("stem", "part"), ""), {"wide": 12}, lambda: pieces.Halved(8, 8)
    ),
    "a view of a parameter handed to a layer": on_tokens(
        lambda part, x: torch.cat([part.same(part.token.expand(len(x), -1, -1)), x], 1), {},
        {"stem": 8, "wide": 12}, lambda: pieces.holding(token=nn.Parameter(torch.ones(1, 1, 8)), same=nn.Identity()),
    ),
    "own forwards": odd(
        lambda n, x: n.norm(n.same(x)), pruned=BOTH | {"same": 10},
        reads=10, same=lambda: pieces.SamePadded(8, 10, 3), norm=lambda: pieces.NormAndRelu(10),
    ),
    "tokens before samples": on_tokens(
        lambda part, x: part(x.transpose(0, 1)).transpose(0, 1), {"stem": "product of matrices"},
        {"part.linear1": 12, "wide": 12}, lambda: nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0),
    ),
    "two views of every image": odd(
        forward=lambda n, x: sum(n.head(pool(n.last(n.stem(torch.cat([x, x.flip(3)])).relu()).sigmoid())).chunk(2))
    ),
    "windows before samples": odd(
        lambda n, x: pieces.windows(n.back(n.wide(pieces.windows(x)).relu()), len(x)),
        pruned=BOTH | {"wide": 12, "back": 8},
        wide=lambda: nn.Linear(8, 12), back=lambda: nn.Linear(12, 8),
    ),
}  # fmt: skip

ODD = ODD_LAYERS | ODD_PARAMETERS | {
    "channel shuffle": odd(lambda _, x: pieces.shuffled(x), pruned=HALF),
    "channel shuffle of torch": odd(lambda _, x: F.channel_shuffle(x, 4), pruned=QUARTER),
    "gate of two halves": odd(lambda _, x: x.chunk(2, 1)[0] * x.chunk(2, 1)[1].sigmoid(), pruned=HALF, reads=4),
    "gated linear unit": odd(lambda _, x: F.glu(x, 1), pruned=HALF, reads=4),
    "unequal split by widths of layers": odd(
        pieces.split_by_layers, pruned={"stem[0:3]": 3, "stem[3:8]": 5, "left": 4, "last": 6}, reads=9,
        left=lambda: nn.Conv2d(3, 4, 1), right=lambda: nn.Conv2d(5, 5, 1, groups=5),
    ),
    "slices of a half": odd(
        lambda _, x: torch.cat([x[:, : x.shape[1] // 2].tanh(), x[:, x.shape[1] // 2 :]], 1), pruned=HALF
    ),
    "every other channel": odd(lambda _, x: x[:, 0::2] * x[:, 1::2].sigmoid(), pruned=HALF, reads=4),
    "slices that leave some": odd(
        lambda _, x: x[:, :3].repeat(1, 2, 1, 1) + x[:, 2:], {"stem": "by number (slice)"}, reads=6
    ),
    "unequal slices": odd(lambda _, x: torch.cat([x[:, 3:], x[:, :3]], 1), {"stem": "by number (slice)"}),
    "windows as columns": odd(lambda _, x: F.unfold(x, 3, padding=1).unsqueeze(3), reads=72),
    "windows among the channels": odd(
        lambda _, x: F.unfold(x.transpose(1, 2), 3, padding=1).unsqueeze(3),
        {"stem": "im2col, which cannot be followed"}, reads=90,
    ),
    "a learned number": odd(lambda n, x: x * n.scale, scale=lambda: nn.Parameter(torch.rand(1))),
    "pixel shuffle": odd(lambda _, x: F.pixel_shuffle(x, 2), pruned=QUARTER, reads=2),
    "pixel unshuffle": odd(lambda _, x: F.pixel_unshuffle(x, 2), reads=32),
    "resized": odd(lambda _, x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    "assigned in slices": odd(
        forward=pieces.assigned, whole=dict.fromkeys(("stem", "other"), "a tensor of fixed width is combined with it"),
        other=lambda: nn.Conv2d(2, 4, 3),
    ),
    "shortcut padded with zeros": odd(
        lambda n, x: n.more(x) + F.pad(x, (0, 0, 0, 0, 0, n.more.out_channels - x.shape[1])),
        pruned=BOTH | {"more[8:12]": 4}, reads=12, more=lambda: nn.Conv2d(8, 12, 1),
    ),
    "shortcut padded on both sides": odd(
        pieces.padded_on_both_sides, pruned=BOTH | {"more[0:12]": 2}, reads=12, more=lambda: nn.Conv2d(8, 12, 1)
    ),
    "shortcut padded by an odd number": odd(
        pieces.padded_by_an_odd_number, {"more": "meets something of fixed width"}, BOTH,
        reads=11, more=lambda: nn.Conv2d(8, 11, 1),
    ),
    "chunks of an odd width": odd(
        lambda n, x: torch.cat(n.more(x).chunk(2, 1)[::-1], 1), {"more": "shares that are not equal"}, BOTH,
        reads=7, more=lambda: nn.Conv2d(8, 7, 1),
    ),
    "halves of an odd width": odd(
        lambda n, x: torch.cat(n.more(x).split([3, 4], 1)[::-1], 1), {"more": "shares that are not equal"}, BOTH,
        reads=7, more=lambda: nn.Conv2d(8, 7, 1),
    ),
    "padding alone": odd(lambda _, x: F.pad(x, (0, 0, 0, 0, 1, 0)), reads=9),
    "einsum": odd(
        lambda _, x: torch.einsum("bchw,cd->bdhw", x, torch.eye(8)), {"stem": "product of matrices"}
    ),
    "softmax of channels": odd(lambda _, x: x.softmax(1), {"stem": "runs over it"}),
    "spatial attention": odd(lambda _, x: x * x.mean(1, keepdim=True).sigmoid(), {"stem": "mean runs over it"}),
    "twice the same": odd(lambda _, x: torch.cat([x, x.tanh()], 1), reads=16),
    "stacked": odd(
        forward=lambda n, x: n.head(pool(n.last(torch.stack([n.stem(x), n.other(x)]).amax(0)))),
        other=lambda: nn.Conv2d(2, 8, 3),
    ),
    "chosen channels": odd(lambda _, x: x[:, [1, 0, 2, 3, 4, 5, 6, 7]], {"stem": "picked by number (index)"}),
    "chosen by a mask": odd(
        lambda _, x: torch.cat([x[:, torch.arange(8) < 4], x[:, torch.arange(8) >= 4]], 1),
        {"stem": "picked by number (index)"},
    ),
    "rolled": odd(lambda _, x: x.roll(1, 1) + x.roll(2, 3), {"stem": "picked by number (roll)"}),
    "features of a flat image": Odd(
        lambda: {"stem": nn.Conv2d(2, 6, 3, stride=3), "norm": nn.BatchNorm1d(96), "wide": nn.Linear(96, 12),
                 "head": nn.Linear(12, CLASSES)},
        lambda n, x: n.head(n.wide(n.norm(n.stem(x).flatten(1))).relu()), {}, {"stem": 6, "wide": 12},
    ),
    "in place": odd(
        forward=lambda n, x: n.head(pool(n.last(n.stem(x).mul_(0.5).add_(n.other(x)).relu_()))),
        other=lambda: nn.Conv2d(2, 8, 3),
    ),
    "the images decide": odd(lambda _, x: x.tanh() if float(x.detach().new_zeros(1)) > 0 else x),
}  # fmt: skip

BUILDERS = {name: partial(built, name) for name in NETWORKS} | {k: one.build for k, one in ODD.items() if one.pruned}
"""All tiny networks in which something can be pruned."""


@cache
def found(name: str) -> tuple[nn.Module, UnitMap]:
    """A network of ``BUILDERS`` and its units, for tests that do not change it."""
    network = BUILDERS[name]()
    return network, find_units(network, image_batch())
