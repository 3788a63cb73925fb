import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from compress.data.bundle import Order
from compress.data.order import epoch_steps, plan_batches, random_bits, random_integers, stratified_holdout


def test_random_bits_with_an_empty_key_are_the_published_splitmix64_stream_of_seed_zero():
    # the first outputs of the reference implementation, seed 0
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert random_bits((), np.arange(3)).tolist() == expected


def test_random_bits_depend_on_every_part_of_the_key_and_on_nothing_else():
    indices = np.arange(1000)
    base = random_bits((1, 2, 3), indices)
    assert (random_bits((1, 2, 3), indices[500:]) == base[500:]).all()
    for other in [(2, 2, 3), (1, 3, 3), (1, 2, 4), (2, 1, 3), (1, 2), (3, 2, 1)]:
        assert not (random_bits(other, indices) == base).any()


def test_random_integers_cover_their_range_evenly():
    numbers = random_integers((7,), np.arange(70_000), low=-3, high=3)
    counts = np.bincount(numbers + 3)
    assert counts.shape == (7,)
    assert abs(counts - 10_000).max() < 500  # five standard deviations are 463


@given(size=st.integers(0, 60), batch_size=st.integers(2, 20), epoch=st.integers(0, 3))
def test_an_epoch_holds_every_image_once_but_for_a_last_batch_of_one(size, batch_size, epoch):
    batches = plan_batches(Order(seed=5, epoch=epoch), size=size, batch_size=batch_size)
    assert len(batches) == epoch_steps(size, batch_size)
    assert all(len(batch) == batch_size for batch in batches[:-1])
    seen = np.concatenate([*batches, np.array([], int)])
    assert len(set(seen.tolist())) == len(seen) == size - (size % batch_size == 1)


def test_epochs_and_seeds_are_shuffled_differently():
    orders = [Order(0, 0), Order(0, 1), Order(1, 0)]
    first = [plan_batches(order, size=100, batch_size=100)[0].tolist() for order in orders]
    assert first[0] != first[1] != first[2] != first[0]
    assert first[0] != sorted(first[0])


def test_file_batches_keep_the_order_and_the_last_image():
    assert [batch.tolist() for batch in plan_batches(None, size=5, batch_size=2)] == [[0, 1], [2, 3], [4]]
    assert plan_batches(None, size=0, batch_size=2) == []


def test_holdout_takes_its_share_of_every_class_by_the_seed():
    labels = torch.tensor([0] * 50 + [1] * 20 + [2] * 3 + [3] * 2)
    parts = [stratified_holdout(labels, fraction=0.1, seed=seed) for seed in (0, 1, 0)]
    for kept, held in parts:
        assert labels[held].bincount().tolist() == [5, 2, 1, 1]
        assert sorted(kept.tolist() + held.tolist()) == list(range(75))
        assert kept.tolist() == sorted(kept.tolist())
    held = [held.tolist() for _kept, held in parts]
    assert held[0] == held[2] != held[1]
