"""What the dry run says of a network's layers."""

from compress.run.dry_run import _left_whole


def test_layers_of_one_reason_are_one_line_whatever_layer_it_names():
    reasons = {f"blocks.{i}.attention.out": f"its tensors are in blocks.{i}.attention" for i in (0, 1)}
    assert _left_whole(reasons | {"head": "it feeds the output", "gate.up": "sums with body.last, of fixed width"}) == [
        "left whole blocks.0.attention.out, blocks.1.attention.out: its tensors are in ...",
        "left whole head: it feeds the output",
        "left whole gate.up: sums with body.last, of fixed width",  # alone, it keeps its name
    ]
