import os
import pickle
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from compress.errors import BadInputError
from compress.training.load_weights import load_published, load_weights
from models_zoo.published_weights import find_published_weights
from models_zoo.zoo import build_network, head_names

State = dict[str, Tensor]

HEAD = ("1.weight", "1.bias")


def network(*, hidden: int = 4, classes: int = 3) -> nn.Module:
    return nn.Sequential(nn.Linear(2, hidden), nn.Linear(hidden, classes))


def saved(path: Path, state: object) -> Path:
    torch.save(state, path)
    return path


def quantised(tensor: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, but there are files of it
        return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


FORMS = {
    "plain": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model": lambda state: {"model": state},
    "data parallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "auxiliary head": lambda state: state | {"AuxLogits.fc.weight": torch.zeros(3, 4)},
}


@pytest.mark.parametrize("form", FORMS)
def test_state_dicts_are_loaded_in_every_usual_form(tmp_path: Path, form: str):
    source, target = network(), network()
    state = FORMS[form](source.state_dict())
    files = [saved(tmp_path / "w.pt", state)]
    if form not in ("state_dict", "model"):
        save_file(state, tmp_path / "w.safetensors")
        files.append(tmp_path / "w.safetensors")
    for file in files:
        assert not load_weights(target, file, head=HEAD).fresh_head
        torch.testing.assert_close(target.state_dict(), source.state_dict(), rtol=0, atol=0)


def test_another_number_of_classes_leaves_the_head_fresh(tmp_path: Path):
    source, target = network(classes=9), network(classes=3)
    head = target[1].weight.clone()
    assert load_weights(target, saved(tmp_path / "w.pt", source.state_dict()), head=HEAD).fresh_head == HEAD
    assert torch.equal(target[1].weight, head)
    assert torch.equal(target[0].weight, source[0].weight)


def test_the_error_names_missing_unexpected_and_misshapen_and_loads_nothing(tmp_path: Path):
    state = network(hidden=6).state_dict()
    state["2.extra"] = torch.zeros(1)
    del state["0.bias"]
    target = network()
    before = target[1].bias.clone()
    with pytest.raises(BadInputError) as error:
        load_weights(target, saved(tmp_path / "w.pt", state), head=HEAD)
    text = str(error.value)
    assert "missing: 0.bias" in text
    assert "unexpected: 2.extra" in text
    assert "0.weight is (6, 2), expected (4, 2)" in text
    assert torch.equal(target[1].bias, before)


def test_the_message_says_what_differs_where_it_can_be_told(tmp_path: Path):
    def build(*, channels: int = 3, positions: int = 5) -> nn.Module:
        stem = nn.Conv2d(channels, 4, 3)
        stem.register_buffer("pos_embed", torch.zeros(1, positions, 4))
        return nn.Sequential(stem, nn.Linear(4, 3))

    def fault(source: nn.Module) -> str:
        with pytest.raises(BadInputError) as error:
            load_weights(build(), saved(tmp_path / "w.pt", source.state_dict()), head=HEAD)
        return str(error.value)

    assert "takes grey images: try --channels 1" in fault(build(channels=1))
    assert "another image size: try --image-size N" in fault(build(positions=10))
    assert "--channels 1" in fault(build(channels=1, positions=10))
    assert "--" not in fault(nn.Sequential(nn.Conv2d(3, 5, 3), nn.Linear(4, 3)))
    assert "holds the weights of another network" in fault(nn.Sequential(nn.Identity(), nn.Identity(), nn.Linear(1, 1)))


def test_a_file_without_a_head_leaves_the_head_fresh_and_half_a_head_is_refused(tmp_path: Path):
    body = {name: value for name, value in network().state_dict().items() if name not in HEAD}
    assert load_weights(network(), saved(tmp_path / "body.pt", body), head=HEAD).fresh_head == HEAD
    half = body | {"1.weight": torch.zeros(3, 4)}
    with pytest.raises(BadInputError, match=r"missing: 1\.bias"):
        load_weights(network(), saved(tmp_path / "half.pt", half), head=HEAD)


def test_a_head_of_other_layers_is_fresh_as_a_whole(tmp_path: Path):
    def build(head: nn.Module, *, width: int = 4) -> nn.Module:
        return nn.ModuleDict({"body": nn.Linear(2, width), "fc": head})

    source, target = build(nn.Linear(4, 9)), build(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)))
    head = ("fc.2.weight", "fc.2.bias")
    file = saved(tmp_path / "w.pt", source.state_dict())
    assert load_weights(target, file, head=head).fresh_head == ("fc.0.weight", "fc.0.bias", *head)
    assert torch.equal(target["body"].weight, source["body"].weight)
    with pytest.raises(BadInputError, match=r"misshapen: body\.weight"):  # the body differs, too
        load_weights(build(target["fc"], width=6), file, head=head)


def test_a_pickle_that_would_run_code_does_not_run(tmp_path: Path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    with pytest.raises(BadInputError, match=r"loading it would run code.*, which is refused"):
        load_weights(network(), saved(tmp_path / "w.pt", {"0.weight": Trap()}), head=HEAD)
    for protocol in (2, pickle.DEFAULT_PROTOCOL):
        (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap(), protocol=protocol))
        with pytest.raises(BadInputError, match=r"loading it would run code.*, which is refused"):
            load_weights(network(), tmp_path / "plain.pt", head=HEAD)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0.bias": torch.tensor([0.0, float("nan"), 0.0, 0.0])}, r"holds NaN or infinity in 0\.bias"),
        ({"0.weight": torch.ones(4, 2, dtype=torch.int32)}, r"integers \(int32.*expected float32, in 0\.weight"),
        ({"0.weight": torch.ones(4, 2, dtype=torch.complex64)}, r"complex numbers \(complex64\), expected float32"),
        ({"0.weight": torch.ones(4, 2, device="meta")}, r"tensors without numbers .* in 0\.weight"),
        (
            {"0.weight": quantised(torch.ones(4, 2))},
            r"quantised weights \(qint8;",
        ),
    ],
)
def test_tensors_that_are_no_weights_are_refused(tmp_path: Path, change: State, message: str):
    with pytest.raises(BadInputError, match=message):
        load_weights(network(), saved(tmp_path / "w.pt", network().state_dict() | change), head=HEAD)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_other_floating_point_types_are_made_float32_and_a_note_says_so(tmp_path: Path, kind: torch.dtype):
    state = {name: value.to(kind) for name, value in network().state_dict().items()}
    target = network()
    (note,) = load_weights(target, saved(tmp_path / "w.pt", state), head=HEAD).notes
    assert str(kind).removeprefix("torch.") in note
    torch.testing.assert_close(target.state_dict(), {name: value.float() for name, value in state.items()})


def test_sparse_tensors_are_made_dense(tmp_path: Path):
    state = network().state_dict()
    sparse = state | {"0.weight": state["0.weight"].to_sparse()}
    target = network()
    load_weights(target, saved(tmp_path / "w.pt", sparse), head=HEAD)
    assert torch.equal(target[0].weight, state["0.weight"])


class Versioned(nn.Linear):
    """A layer that keeps more than tensors."""

    version = 3

    def get_extra_state(self):
        return {"version": self.version}

    def set_extra_state(self, state: dict[str, int]):
        self.version = state["version"]


def test_what_a_module_keeps_beside_its_tensors_is_loaded_where_the_file_has_it(tmp_path: Path):
    source, target = nn.Sequential(Versioned(2, 3)), nn.Sequential(Versioned(2, 3))
    source[0].version = 7
    load_weights(target, saved(tmp_path / "w.pt", source.state_dict()), head=())
    assert target[0].version == 7
    tensors = {name: value for name, value in source.state_dict().items() if isinstance(value, Tensor)}
    save_file(tensors, tmp_path / "w.safetensors")
    target[0].version = 5
    load_weights(target, tmp_path / "w.safetensors", head=())
    assert target[0].version == 5


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"broken\n", b"PK\x03\x04broken"])
def test_what_is_no_weights_file_is_refused(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInputError, match=name):
        load_weights(network(), tmp_path / name, head=HEAD)
    with pytest.raises(BadInputError, match="no weights file at"):
        load_weights(network(), tmp_path / "absent.pt", head=HEAD)


def test_timms_weights_may_lie_in_a_checkpoint_and_others_are_refused(tmp_path: Path):
    torch.manual_seed(0)
    arch, file = "timm/mobilenetv3_small_050", tmp_path / "w.pth"
    state = build_network(arch, classes=1000, image_size=64).state_dict()
    published = find_published_weights(arch, "imagenet")
    for saved in (state, {"model": state, "optimizer": {"state": {0: {"exp_avg": torch.zeros(4)}}}}):
        torch.save(saved, file)
        network = build_network(arch, classes=5, image_size=64)
        head = head_names(network, classes=5)
        found = load_published(network, file, published, head=head, classes=list("abcde"), size=64)
        assert torch.equal(network.state_dict()["conv_stem.weight"], state["conv_stem.weight"])
        assert found.fresh_head == ("classifier.weight", "classifier.bias")
    torch.save({"x": torch.zeros(3)}, file)
    with pytest.raises(BadInputError, match=r"w\.pth does not hold the weights timm/mobilenetv3_small_050\.lamb_in1k"):
        load_published(network, file, published, head=head, classes=list("abcde"), size=64)
