"""Differential evolution of pruning states: bits as in the paper (III-C), real numbers as in Storn and Price 1997.

Pure functions of tensors and a generator. Axes: P population, U units, D any width.
"""

import torch
from torch import Generator, Tensor


def pick_parents(population: int, generator: Generator) -> Tensor:
    """Three parents for every member, mutually different and different from the member: indices, int64 (3, P)."""
    if population < 4:
        raise ValueError(f"differential evolution needs at least 4 members, got {population}")
    scores = torch.rand(population, population, generator=generator).fill_diagonal_(-1.0)
    return scores.topk(3, dim=1).indices.T


def mutate_bits(states_PU: Tensor, parents_3P: Tensor, *, factor: float, generator: Generator) -> Tensor:
    """``v = 1 - s1`` where ``s2 != s3`` and ``r < F``, else ``v = s1``; bool (P, U). One ``r`` per member and unit."""
    first, second, third = (states_PU[parents] for parents in parents_3P)
    flip = (second != third) & (torch.rand(states_PU.shape, generator=generator) < factor)
    return first ^ flip


def cross(parents_PD: Tensor, mutants_PD: Tensor, *, rate: float, generator: Generator) -> Tensor:
    """``u = v`` where ``r' <= C``, else the parent's own value; any dtype, (P, D)."""
    take = torch.rand(parents_PD.shape, generator=generator) <= rate
    return torch.where(take, mutants_PD, parents_PD)


def mutate_real(values_PD: Tensor, parents_3P: Tensor, *, factor: float, noise: float, generator: Generator) -> Tensor:
    """``v = o1 + F (o2 - o3) + noise * n``, n standard normal; float (P, D)."""
    first, second, third = (values_PD[parents] for parents in parents_3P)
    jitter = torch.randn(values_PD.shape, generator=generator, dtype=values_PD.dtype)
    return first + factor * (second - third) + noise * jitter


def better(trial_energy_P: Tensor, parent_energy_P: Tensor) -> Tensor:
    """Which trials replace their parents: strictly lower energy only; a NaN never wins. Bool (P,)."""
    return trial_energy_P < parent_energy_P
