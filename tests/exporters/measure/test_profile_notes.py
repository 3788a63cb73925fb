import pytest

from exporters.measure.profile_notes import LayerRun, explain


def conv(milliseconds: float, *, channels: int = 64, read: int = 64, kernel: str = "Conv, blocked") -> LayerRun:
    """A 3x3 convolution on 28x28 pixels."""
    weight = (channels, read, 3, 3)
    macs = channels * read * 9 * 784
    moved = 4 * (channels * read * 9 + 784 * (channels + read))
    return LayerRun(milliseconds, macs, moved, weight, kernel)


def explained(original: LayerRun | None, candidate: LayerRun | None) -> str:
    return explain(original, candidate, native_block=16, fixed_ms=0.003)


def test_in_proportion_there_is_nothing_to_say():
    assert explained(conv(1.0), conv(0.5, channels=32)) == ""
    assert explained(conv(1.0), conv(0.6, channels=32)) == ""  # 1.2 times its share
    assert explained(conv(1.0), conv(1.0)) == ""
    assert explained(conv(0.004), conv(0.0034, channels=32)) == ""  # within the profile's microsecond


@pytest.mark.parametrize(
    ("candidate", "note"),
    [
        (conv(0.7, channels=30), "30 channels: not a multiple of 16"),
        (conv(0.7, read=30), "reads 30 channels: not a multiple of 16"),
        (conv(0.7, channels=32), "32 channels: 64 at a time are fastest"),
        (conv(1.3, channels=128, read=16), "130% of the time for 50% of the MACs"),
        (conv(1.3, kernel="Conv"), "ran outside the blocked layout"),
        (conv(1.3, kernel="QLinearConv"), "ran as QLinearConv"),
        (conv(1.3, channels=30, kernel="Conv"), "30 channels: not a multiple of 16; ran outside the blocked layout"),
    ],
)
def test_a_convolution_that_is_slower_than_its_share(candidate, note):
    assert explained(conv(1.0), candidate) == note


def test_channels_that_were_never_cut_are_no_reason():
    original, slower = conv(1.0, channels=10), conv(1.5, channels=10)
    assert explained(original, slower) == "150% of the time for 100% of the MACs"


def test_the_image_s_channels_are_no_reason():
    assert explained(conv(1.0, read=3), conv(0.9, channels=32, read=3)) == "32 channels: 64 at a time are fastest"


def test_a_tiny_layer():
    tiny = "too small to gain more: any node takes about 3 µs"
    assert explained(conv(0.008), conv(0.006, channels=16)) == tiny
    assert explained(conv(0.017), conv(0.008, channels=20 // 20 * 16)) == tiny  # 3 + 14 / 4 = 6.5
    assert explained(conv(0.017), conv(0.012, channels=16)) != tiny


def few_products(milliseconds: float, *, macs: int, moved: int) -> LayerRun:
    return LayerRun(milliseconds, macs, moved, (macs // 1000, 1000), "Gemm")


def test_memory_bound_is_what_the_bytes_explain():
    original = few_products(1.0, macs=1_000_000, moved=1_000_000)
    explains = few_products(0.62, macs=250_000, moved=600_000)
    assert explained(original, explains) == "memory-bound: 62% of the time for 60% of the bytes"
    slower_still = few_products(0.9, macs=250_000, moved=600_000)
    assert explained(original, slower_still) == "90% of the time for 25% of the MACs"
    many_products = few_products(0.62, macs=250_000, moved=120_000)
    assert explained(few_products(1.0, macs=1_000_000, moved=200_000), many_products) == (
        "62% of the time for 25% of the MACs"
    )


def test_a_layer_without_products():
    original = LayerRun(1.0, None, 1000, (), "Softmax")
    assert explained(original, LayerRun(0.5, None, 500, (), "Softmax")) == ""
    slower = LayerRun(0.9, None, 500, (), "Softmax")
    assert explained(original, slower) == "90% of the time for 50% of the bytes"


@pytest.mark.parametrize("original", [LayerRun(0.0, 0, 0, (), "Einsum"), LayerRun(0.0, None, 0, (), "Identity")])
def test_a_layer_that_takes_and_does_nothing(original):
    assert explained(original, original) == ""
    slower = LayerRun(1.0, original.macs, 4000, (), original.kernel)
    assert explained(original, slower) == "slower for 100% of the bytes"


@pytest.mark.parametrize("native_block", [4, 8])
def test_channels_at_a_time_are_told_only_where_they_were_measured(native_block):
    note = explain(conv(1.0), conv(0.7, channels=32), native_block=native_block, fixed_ms=0.003)
    assert note == "70% of the time for 50% of the MACs"


def test_a_layer_of_one_file_only():
    assert explained(conv(1.0), None) == "only in the original"
    assert explained(None, conv(1.0)) == "only in the candidate"


@pytest.mark.parametrize(
    ("kind", "nodes", "note"),
    [("ReorderOutput", 1, "layout change"), ("Transpose", 3, "layout change, 3 nodes"), ("Cast", 1, "type change")],
)
def test_changes_of_layout_and_type(kind, nodes, note):
    change = LayerRun(1.0, None, 100, (), kind, nodes=nodes)
    assert explained(None, change) == explained(change, None) == explained(change, change) == note
