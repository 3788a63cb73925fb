"""Tiny networks with one odd operator each, what may be pruned of them, and why the rest may not."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.helpers.networks import CLASSES
from tests.helpers.odd_pieces import Odd, applying, assigned, between, chain, pool, shuffled

BOTH = {"stem": 8, "last": 6}
LAST = {"last": 6}


ODD_OPERATORS: dict[str, Odd] = {
    "channel shuffle": Odd(chain(), applying(shuffled), {"stem": 4, "last": 6}),
    "channel shuffle of torch": Odd(chain(), applying(lambda x: F.channel_shuffle(x, 4)), {"stem": 2, "last": 6}),
    "gate of two halves": Odd(
        chain(reads=4), applying(lambda x: x.chunk(2, 1)[0] * x.chunk(2, 1)[1].sigmoid()), {"stem": 4, "last": 6}
    ),
    "gated linear unit": Odd(chain(reads=4), applying(lambda x: F.glu(x, 1)), {"stem": 4, "last": 6}),
    "unequal split": Odd(
        chain(), applying(lambda x: torch.cat(x.split([3, 5], 1)[::-1], 1)), LAST, {"stem": "split into unequal parts"}
    ),
    "slices of a half": Odd(
        chain(),
        applying(lambda x: torch.cat([x[:, : x.shape[1] // 2].tanh(), x[:, x.shape[1] // 2 :]], 1)),
        {"stem": 4, "last": 6},
    ),
    "every other channel": Odd(
        chain(reads=4), applying(lambda x: x[:, 0::2] * x[:, 1::2].sigmoid()), {"stem": 4, "last": 6}
    ),
    "slices that leave some": Odd(
        chain(reads=6), applying(lambda x: x[:, :3].repeat(1, 2, 1, 1) + x[:, 2:]), LAST, {"stem": "by number (slice)"}
    ),
    "unequal slices": Odd(
        chain(), applying(lambda x: torch.cat([x[:, 3:], x[:, :3]], 1)), LAST, {"stem": "by number (slice)"}
    ),
    "windows as columns": Odd(chain(reads=72), applying(lambda x: F.unfold(x, 3, padding=1).unsqueeze(3)), BOTH),
    "windows among the channels": Odd(
        chain(reads=90),
        applying(lambda x: F.unfold(x.transpose(1, 2), 3, padding=1).unsqueeze(3)),
        LAST,
        {"stem": "im2col, which cannot be followed"},
    ),
    "a bare parameter": Odd(
        chain(scale=lambda: nn.Parameter(torch.rand(8, 1, 1) + 0.5)),
        between(lambda n, x: x * n.scale),
        LAST,
        {"stem": "scale is combined with it"},
    ),
    "a learned number": Odd(chain(scale=lambda: nn.Parameter(torch.rand(1))), between(lambda n, x: x * n.scale), BOTH),
    "a buffer": Odd(
        chain(mean=lambda: nn.Buffer(torch.rand(8, 1, 1))),
        between(lambda n, x: x - n.mean),
        LAST,
        {"stem": "mean is combined with it"},
    ),
    "pixel shuffle": Odd(chain(reads=2), applying(lambda x: F.pixel_shuffle(x, 2)), {"stem": 2, "last": 6}),
    "pixel unshuffle": Odd(chain(reads=32), applying(lambda x: F.pixel_unshuffle(x, 2)), BOTH),
    "resized": Odd(chain(), applying(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")), BOTH),
    "assigned in slices": Odd(
        chain(other=lambda: nn.Conv2d(2, 4, 3)),
        assigned,
        LAST,
        {"stem": "a tensor of fixed width is combined with it", "other": "a tensor of fixed width is combined with it"},
    ),
    "shortcut padded with zeros": Odd(
        chain(reads=12, more=lambda: nn.Conv2d(8, 12, 1)),
        between(lambda n, x: n.more(x) + F.pad(x, (0, 0, 0, 0, 2, 2))),
        {"stem": 8, "last": 6},
        {"more": "of fixed width"},
    ),
    "einsum": Odd(
        chain(),
        applying(lambda x: torch.einsum("bchw,cd->bdhw", x, torch.eye(8))),
        LAST,
        {"stem": "product of matrices"},
    ),
    "softmax of channels": Odd(chain(), applying(lambda x: x.softmax(1)), LAST, {"stem": "runs over it"}),
    "spatial attention": Odd(
        chain(), applying(lambda x: x * x.mean(1, keepdim=True).sigmoid()), LAST, {"stem": "mean runs over it"}
    ),
    "twice the same": Odd(chain(reads=16), applying(lambda x: torch.cat([x, x.tanh()], 1)), BOTH),
    "stacked": Odd(
        chain(other=lambda: nn.Conv2d(2, 8, 3)),
        lambda n, x: n.head(pool(n.last(torch.stack([n.stem(x), n.other(x)]).amax(0)))),
        BOTH,
    ),
    "chosen channels": Odd(
        chain(), applying(lambda x: x[:, [1, 0, 2, 3, 4, 5, 6, 7]]), LAST, {"stem": "picked by number (index)"}
    ),
    "chosen by a mask": Odd(
        chain(),
        applying(lambda x: torch.cat([x[:, torch.arange(8) < 4], x[:, torch.arange(8) >= 4]], 1)),
        LAST,
        {"stem": "picked by number (index)"},
    ),
    "rolled": Odd(chain(), applying(lambda x: x.roll(1, 1) + x.roll(2, 3)), LAST, {"stem": "picked by number (roll)"}),
    "features of a flat image": Odd(
        lambda: {
            "stem": nn.Conv2d(2, 6, 3, stride=3),
            "norm": nn.BatchNorm1d(96),
            "wide": nn.Linear(96, 12),
            "head": nn.Linear(12, CLASSES),
        },
        lambda n, x: n.head(n.wide(n.norm(n.stem(x).flatten(1))).relu()),
        {"stem": 6, "wide": 12},
    ),
    "in place": Odd(
        chain(other=lambda: nn.Conv2d(2, 8, 3)),
        lambda n, x: n.head(pool(n.last(n.stem(x).mul_(0.5).add_(n.other(x)).relu_()))),
        BOTH,
    ),
    "the images decide": Odd(chain(), applying(lambda x: x.tanh() if float(x.detach().new_zeros(1)) > 0 else x), BOTH),
}
