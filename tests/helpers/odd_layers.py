"""Tiny networks with one odd layer each, what may be pruned of them, and why the rest may not."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.helpers.networks import CLASSES
from tests.helpers.odd_pieces import (
    Attention,
    NormAndRelu,
    Odd,
    SamePadded,
    Standardised,
    applying,
    between,
    chain,
    hooked,
    pool,
    shared,
    tokens,
    windows,
)

BOTH = {"stem": 8, "last": 6}
LAST = {"last": 6}


ODD_LAYERS: dict[str, Odd] = {
    "conv1d over rows": Odd(
        lambda: {
            "stem": nn.Conv1d(24, 8, 3),
            "norm": nn.BatchNorm1d(8),
            "last": nn.Conv1d(8, 6, 3),
            "head": nn.Linear(6, CLASSES),
        },
        lambda n, x: n.head(pool(n.last(F.max_pool1d(n.norm(n.stem(x.flatten(1, 2))), 2)))),
        BOTH,
    ),
    "conv3d": Odd(
        lambda: {
            "stem": nn.Conv3d(1, 8, (2, 3, 3)),
            "norm": nn.BatchNorm3d(8),
            "last": nn.Conv3d(8, 6, 1),
            "head": nn.Linear(6, CLASSES),
        },
        lambda n, x: n.head(pool(n.last(n.norm(n.stem(x.unsqueeze(1))).relu()))),
        BOTH,
    ),
    "depthwise multiplier": Odd(
        chain(reads=16, deep=lambda: nn.Conv2d(8, 16, 3, groups=8), norm=lambda: nn.BatchNorm2d(16)),
        between(lambda n, x: n.norm(n.deep(x)).relu()),
        BOTH,
    ),
    "transposed, grouped": Odd(
        chain(reads=6, up=lambda: nn.ConvTranspose2d(8, 6, 2, stride=2, groups=2)),
        between(lambda n, x: n.up(x).relu()),
        {"stem": 4, "up": 3, "last": 6},
    ),
    "transposed, depthwise": Odd(
        chain(reads=16, up=lambda: nn.ConvTranspose2d(8, 16, 2, stride=2, groups=8)),
        between(lambda n, x: n.up(x).relu()),
        BOTH,
    ),
    "group norm": Odd(
        chain(norm=lambda: nn.GroupNorm(2, 8)),
        between(lambda n, x: n.norm(x)),
        LAST,
        {"stem": "GroupNorm norm normalises over it"},
    ),
    "synchronised norm": Odd(chain(norm=lambda: nn.SyncBatchNorm(8)), between(lambda n, x: n.norm(x)), BOTH),
    "called by name": Odd(
        chain(same=lambda: SamePadded(8, 10, 3), wide=lambda: nn.Linear(10, 10), reads=10),
        between(lambda n, x: n.wide(input=n.same(x=x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)),
        {"stem": 8, "same": 10, "wide": 10, "last": 6},
    ),
    "hooks of the user": Odd(hooked, applying(lambda x: x), BOTH),
    "instance norm": Odd(chain(norm=lambda: nn.InstanceNorm2d(8, affine=True)), between(lambda n, x: n.norm(x)), BOTH),
    "layer norm of channels": Odd(
        chain(norm=lambda: nn.LayerNorm(8), wide=lambda: nn.Linear(8, 12), back=lambda: nn.Linear(12, 8)),
        between(lambda n, x: x + n.back(F.gelu(n.wide(n.norm(x.permute(0, 2, 3, 1))))).permute(0, 3, 1, 2)),
        {"wide": 12, "last": 6},
        {"stem": "LayerNorm norm normalises over it"},
    ),
    "layer norm of pixels": Odd(chain(norm=lambda: nn.LayerNorm([10, 10])), between(lambda n, x: n.norm(x)), BOTH),
    "self attention": Odd(
        lambda: {
            "stem": nn.Conv2d(2, 8, 3, stride=3),
            "attention": Attention(8, 2),
            "wide": nn.Linear(8, 12),
            "head": nn.Linear(12, CLASSES),
        },
        lambda n, x: n.head(n.wide(n.attention(tokens(n, x))).relu().mean(1)),
        {"stem": 8, "attention.out": 8, "wide": 12},
        {"attention.qkv": "a product of matrices takes it in attention"},
    ),
    "attention of torch": Odd(
        lambda: {
            "stem": nn.Conv2d(2, 8, 3, stride=3),
            "attention": nn.MultiheadAttention(8, 2, batch_first=True),
            "wide": nn.Linear(8, 12),
            "head": nn.Linear(12, CLASSES),
        },
        lambda n, x: n.head(n.wide(n.attention(*[tokens(n, x)] * 3, need_weights=False)[0]).relu().mean(1)),
        {"wide": 12},
        {"stem": "product of matrices", "attention.out_proj": "used in attention by themselves"},
    ),
    "a layer called twice": Odd(
        chain(again=lambda: nn.Conv2d(8, 8, 1)), between(lambda n, x: n.again(n.again(x).relu())), BOTH
    ),
    "weights of two layers": Odd(
        shared,
        between(lambda n, x: n.two(n.one(x).relu())),
        LAST,
        {"stem": "shares its weights with two", "one": "shares its weights with two"},
    ),
    "weight norm": Odd(
        lambda: chain()() | {"last": nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 6, 1))},
        applying(lambda x: x),
        {},
        {"last": "computes its weights from others"},
    ),
    "spectral norm": Odd(
        chain(norm=lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(8, 8, 1))),
        between(lambda n, x: n.norm(x)),
        LAST,
        {"norm": "computes its weights from others"},
    ),
    "convolution along the channels": Odd(
        chain(along=lambda: nn.Conv3d(1, 1, (3, 1, 1), padding=(1, 0, 0))),
        between(lambda n, x: n.along(x.unsqueeze(1)).squeeze(1)),
        LAST,
        {"stem": "the convolution along runs along it"},
    ),
    "recurrent": Odd(
        lambda: {
            "stem": nn.Conv2d(2, 8, 3, stride=3),
            "memory": nn.LSTM(8, 7, batch_first=True),
            "wide": nn.Linear(7, 12),
            "head": nn.Linear(12, CLASSES),
        },
        lambda n, x: n.head(n.wide(n.memory(tokens(n, x))[0][:, -1]).relu()),
        {"wide": 12},
        {"stem": "in memory"},
    ),
    "tokens mixed": Odd(
        chain(mix=lambda: nn.Linear(100, 100)),
        between(lambda n, x: n.mix(x.flatten(2)).view_as(x)),
        LAST,
        {"stem": "mix works across it"},
    ),
    "weights standardised": Odd(
        chain(odd=lambda: Standardised(8, 8, 1)),
        between(lambda n, x: n.odd(x).relu()),
        LAST,
        {"odd": "used in odd by themselves"},
    ),
    "own forwards": Odd(
        chain(same=lambda: SamePadded(8, 10, 3), norm=lambda: NormAndRelu(10), reads=10),
        between(lambda n, x: n.norm(n.same(x))),
        {"stem": 8, "same": 10, "last": 6},
    ),
    "tokens before samples": Odd(
        lambda: {
            "stem": nn.Conv2d(2, 8, 3, stride=3),
            "encoder": nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0),
            "wide": nn.Linear(8, 12),
            "head": nn.Linear(12, CLASSES),
        },
        lambda n, x: n.head(n.wide(n.encoder(n.stem(x).flatten(2).permute(2, 0, 1))).relu().mean(0)),
        {"encoder.linear1": 12, "wide": 12},
        {"stem": "product of matrices"},
    ),
    "two views of every image": Odd(
        chain(),
        lambda n, x: sum(n.head(pool(n.last(n.stem(torch.cat([x, x.flip(3)])).relu()).sigmoid())).chunk(2)),
        BOTH,
    ),
    "windows before samples": Odd(
        chain(wide=lambda: nn.Linear(8, 12), back=lambda: nn.Linear(12, 8)),
        between(lambda n, x: windows(n.back(n.wide(windows(x)).relu()), len(x))),
        {"stem": 8, "wide": 12, "back": 8, "last": 6},
    ),
}
