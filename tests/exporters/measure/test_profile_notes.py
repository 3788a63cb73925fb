import pytest

from exporters.measure.profile import LayerRun, explain


def conv(milliseconds: float, *, channels: int = 64, read: int = 64, kernel: str = "Conv, blocked") -> LayerRun:
    """A 3x3 convolution on 28x28 pixels."""
    weight = (channels, read, 3, 3)
    macs = channels * read * 9 * 784
    moved = 4 * (channels * read * 9 + 784 * (channels + read))
    return LayerRun(milliseconds, macs, moved, weight, kernel)


def gemm(moved: int, milliseconds: float = 1.0, *, macs: int = 1_000_000) -> LayerRun:
    return LayerRun(milliseconds, macs, moved, (macs // 1000, 1000), "Gemm")


def softmax(moved: int, milliseconds: float = 1.0) -> LayerRun:
    return LayerRun(milliseconds, None, moved, (), "Softmax")


TINY = "too small to gain more: any node takes about 3 µs"


def explained(original: LayerRun | None, candidate: LayerRun | None) -> str:
    return explain(original, candidate, native_block=16, fixed_ms=0.003)


@pytest.mark.parametrize(
    ("original", "candidate", "note"),
    [
        # in proportion there is nothing to say
        (conv(1.0), conv(0.5, channels=32), ""),
        (conv(1.0), conv(0.6, channels=32), ""),  # 1.2 times its share
        (conv(1.0), conv(1.0), ""),
        (conv(0.004), conv(0.0034, channels=32), ""),  # within the profile's microsecond
        # slower than its share
        (conv(1.0), conv(0.7, channels=30), "30 channels: not a multiple of 16"),
        (conv(1.0), conv(0.7, read=30), "reads 30 channels: not a multiple of 16"),
        (conv(1.0), conv(0.7, channels=32), "32 channels: 64 at a time are fastest"),
        (conv(1.0), conv(1.3, channels=128, read=16), "130% of the time for 50% of the MACs"),
        (conv(1.0), conv(1.3, kernel="Conv"), "ran outside the blocked layout"),
        (conv(1.0), conv(1.3, kernel="QLinearConv"), "ran as QLinearConv"),
        (conv(1.0), conv(1.3, channels=30, kernel="Conv"),
         "30 channels: not a multiple of 16; ran outside the blocked layout"),
        # channels that were never cut, and the image's, are no reason
        (conv(1.0, channels=10), conv(1.5, channels=10), "150% of the time for 100% of the MACs"),
        (conv(1.0, read=3), conv(0.9, channels=32, read=3), "32 channels: 64 at a time are fastest"),
        (conv(0.008), conv(0.006, channels=16), TINY),
        (conv(0.017), conv(0.008, channels=16), TINY),  # 3 + 14 / 4 = 6.5
        (conv(0.017), conv(0.012, channels=16), "16 channels: 64 at a time are fastest"),
        # memory-bound is what the bytes explain
        (gemm(1_000_000), gemm(600_000, 0.62, macs=250_000), "memory-bound: 62% of the time for 60% of the bytes"),
        (gemm(1_000_000), gemm(600_000, 0.9, macs=250_000), "90% of the time for 25% of the MACs"),
        (gemm(200_000), gemm(120_000, 0.62, macs=250_000), "62% of the time for 25% of the MACs"),
        # layers without products, of one file only, of layouts and types
        (softmax(1000), softmax(500, 0.5), ""),
        (softmax(1000), softmax(500, 0.9), "90% of the time for 50% of the bytes"),
        (conv(1.0), None, "only in the original"),
        (None, conv(1.0), "only in the candidate"),
    ],
)  # fmt: skip
def test_why_a_layer_is_not_as_fast_as_its_share(original, candidate, note):
    assert explained(original, candidate) == note


@pytest.mark.parametrize("original", [LayerRun(0.0, 0, 0, (), "Einsum"), LayerRun(0.0, None, 0, (), "Identity")])
def test_a_layer_that_takes_and_does_nothing(original):
    assert explained(original, original) == ""
    slower = LayerRun(1.0, original.macs, 4000, (), original.kernel)
    assert explained(original, slower) == "slower for 100% of the bytes"


@pytest.mark.parametrize("native_block", [4, 8])
def test_channels_at_a_time_are_told_only_where_they_were_measured(native_block):
    note = explain(conv(1.0), conv(0.7, channels=32), native_block=native_block, fixed_ms=0.003)
    assert note == "70% of the time for 50% of the MACs"


@pytest.mark.parametrize(
    ("kind", "nodes", "note"),
    [("ReorderOutput", 1, "layout change"), ("Transpose", 3, "layout change, 3 nodes"), ("Cast", 1, "type change")],
)
def test_changes_of_layout_and_type(kind, nodes, note):
    change = LayerRun(1.0, None, 100, (), kind, nodes=nodes)
    assert explained(None, change) == explained(change, None) == explained(change, change) == note
