import pytest

from models_zoo.zoo import ALIASES, ARCHITECTURES, UnknownArchError, build_network, find_architecture, head_names


def test_an_alias_is_the_network_it_stands_for():
    assert find_architecture("squeezenet") is ARCHITECTURES["squeezenet1_1"]
    assert set(ALIASES.values()) <= set(ARCHITECTURES)


def test_did_you_mean():
    with pytest.raises(UnknownArchError, match="unknown network 'sqeezenet': did you mean squeezenet"):
        build_network("sqeezenet", classes=10)
    with pytest.raises(UnknownArchError, match="unknown network 'zzz': `compress list archs` shows all"):
        build_network("zzz", classes=10)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("squeezenet", ("classifier.1.weight", "classifier.1.bias")),
        ("resnet18", ("fc.weight", "fc.bias")),
        ("densenet121", ("classifier.weight", "classifier.bias")),
        ("vit_b_32", ("heads.head.weight", "heads.head.bias")),
        ("channelnet_v1", ("12.2.weight", "12.2.bias")),
        ("channelnet_v3", ()),
    ],
)
def test_heads_are_found_by_their_width(name: str, head: tuple[str, ...]):
    assert head_names(build_network(name, classes=9, image_size=64), classes=9) == head


def test_default_sizes_are_sizes_the_network_takes():
    for name, architecture in ARCHITECTURES.items():
        sizes = {architecture.min_size, architecture.small_size, architecture.full_size}
        for size in sizes | {architecture.paper_size or architecture.full_size}:
            architecture.check_size(name, size)
