import pytest
import torch
from torch.nn import functional
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from compress.api.wrappers import unwrap
from compress.errors import UsageError
from tests.api.searches import batches, search_of, searched
from tests.helpers.networks import built, same_state


@pytest.fixture
def one_process(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("one_process")
def test_ddp_runs_in_the_loop_and_the_bare_network_comes_out():
    plain, wrapped = searched(), searched(DistributedDataParallel)
    assert wrapped.pruner.history == plain.pruner.history
    assert same_state(wrapped.network, plain.network)
    assert same_state(wrapped.pruner.remove(), plain.pruner.remove())


def search_on_half(rank: int, folder: str) -> None:
    """The search of one of two processes, on every second image of a mini-batch."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    found = search_of(DistributedDataParallel)
    found.network.norm.eval()
    for images, labels in batches():
        found.pruner.step(images[rank::2], labels[rank::2], found.optimizer)
    state = {"keep": found.pruner.keep, "history": [list(row) for row in found.pruner.history]}
    torch.save(state | {"network": found.network.state_dict()}, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_of_ddp_drop_the_same_units_and_learn_from_all_images(tmp_path):
    torch.multiprocessing.start_processes(search_on_half, (str(tmp_path),), nprocs=2, start_method="fork")
    one, two = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert torch.equal(one["keep"], two["keep"])
    assert one["history"] == two["history"]
    assert same_state(one["network"], two["network"])
    whole = search_of()
    whole.network.norm.eval()
    images, labels = next(batches())
    whole.pruner.step(images, labels, whole.optimizer)
    assert one["history"][0][0] == pytest.approx(whole.pruner.history[0].loss, rel=1e-5)


@pytest.mark.parametrize("wrap", [DataParallel, lambda network: torch.compile(network, backend="eager")])
def test_other_wrappers_run_in_the_loop_too(wrap):
    plain, wrapped = searched(), searched(wrap)
    assert wrapped.pruner.history == plain.pruner.history
    assert same_state(wrapped.pruner.remove(), plain.pruner.remove())


def test_a_compiled_network_that_has_run_before_sees_the_mask():
    compiled = torch.compile(built("residual"), backend="eager")
    compiled(next(batches())[0])
    found = search_of(lambda _network: compiled)
    for images, labels in batches():
        found.pruner.step(images, labels, found.optimizer)
    assert found.pruner.history[-1].kept_macs <= 0.5
    masked_loss = found.pruner.history[-1].loss
    with found.pruner.state(images, labels) as model:
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
    assert float(loss.detach()) == pytest.approx(masked_loss, rel=0.5)


def test_averaged_weights_are_cut_in_the_same_places():
    found = search_of()
    average = AveragedModel(found.network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for images, labels in batches():
        found.pruner.step(images, labels, found.optimizer)
        average.update_parameters(found.network)
    small = found.pruner.remove()
    average.module = found.pruner.remove(average)
    assert average.module.stem.weight.shape == small.stem.weight.shape
    assert not torch.equal(average.module.head.bias, small.head.bias)
    average.update_parameters(small)  # goes on with the smaller network


def test_bfloat16_autocast_around_the_state_or_inside_it():
    for around in (True, False):
        found = search_of()
        for images, labels in batches():
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=around), found.pruner.state(images, labels) as net:
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    logits = net(images)
                    loss = functional.cross_entropy(logits, labels)
                assert logits.dtype == torch.bfloat16
                found.optimizer.zero_grad()
                loss.backward()
                found.optimizer.step()
        assert found.pruner.remove().stem.weight.dtype == torch.float32


def test_a_gradient_scalers_factor_is_taken_out_and_a_step_that_it_leaves_out_teaches_nothing():
    scaled, plain = search_of(), search_of()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for images, labels in batches(2):
        plain.pruner.step(images, labels, plain.optimizer)
        with scaled.pruner.state(images, labels, scaler=scaler) as model:
            scaled.optimizer.zero_grad()
            scaler.scale(functional.cross_entropy(model(images), labels)).backward()
            scaler.step(scaled.optimizer)
            scaler.update()
    one, other = (each.pruner.state_dict()["population"]["saliency"] for each in (scaled, plain))
    assert torch.allclose(one, other, rtol=1e-4)
    with scaled.pruner.state(images, labels, scaler=scaler) as model:
        scaler.scale(functional.cross_entropy(model(images), labels) * float("inf")).backward()
        scaler.step(scaled.optimizer)
    assert torch.equal(scaled.pruner.state_dict()["population"]["saliency"], one)
    assert len(scaled.pruner.history) == 3


def test_wrappers_in_wrappers_are_taken_off_and_spread_networks_refused():
    network = built("plain")
    assert same_state(unwrap(AveragedModel(torch.compile(DataParallel(network)))), network)
    spread = DataParallel(network)
    spread.device_ids = [0, 1]
    with pytest.raises(UsageError, match="DataParallel over several; try DistributedDataParallel"):
        unwrap(spread)
