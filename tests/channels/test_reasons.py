from compress.channels.reasons import nothing_to_prune, without_names


def test_the_same_reason_of_layers_of_a_kind():
    assert without_names("mean runs over it in stages.0.mlp.grn") == without_names(
        "mean runs over it in stages.7.mlp.grn"
    )
    assert without_names("LayerNorm a.norm normalises over it") == "LayerNorm ... normalises over it"


def test_a_refusal_names_one_layer_of_each_kind():
    likewise = {f"blocks.{place}.fc": f"mean runs over it in blocks.{place}.grn" for place in range(6)}
    error = nothing_to_prune({"stem": "LayerNorm stem.1 normalises over it"} | likewise)
    assert str(error) == (
        "nothing can be pruned in this network (stem: LayerNorm stem.1 normalises over it; "
        "blocks.0.fc: mean runs over it in blocks.0.grn; 5 more layers for the same or other reasons)"
    )
    assert "no layer makes channels" in str(nothing_to_prune({}))
