from compress.run.dry_run import _not_pruned


def test_layers_of_one_reason_are_one_line_whatever_layer_it_names():
    reasons = {f"blocks.{i}.attention.out": f"its tensors are in blocks.{i}.attention" for i in (0, 1)}
    assert _not_pruned(reasons | {"head": "it feeds the output", "gate.up": "sums with body.last, of fixed width"}) == [
        "not pruned blocks.0.attention.out, blocks.1.attention.out: its tensors are in ...",
        "not pruned head: it feeds the output",
        "not pruned gate.up: sums with body.last, of fixed width",  # alone, it keeps its name
    ]
