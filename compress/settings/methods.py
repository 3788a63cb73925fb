"""What each method is, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Method = Literal[
    "edropout", "saliency", "anneal", "random", "l1", "l2", "bn-scale", "taylor", "thinet", "one-cycle", "scratch",
    "tp-taylor", "tp-hessian", "tp-lamp", "tp-fpgm", "tp-group-norm",
    "tp-taylor-uniform", "tp-hessian-uniform", "tp-lamp-uniform", "tp-fpgm-uniform", "tp-group-norm-uniform",
]  # fmt: skip


GUIDED: Final = frozenset({"edropout", "saliency", "anneal"})
"""Methods that search while the network trains, guided by saliency."""


@dataclass(frozen=True)
class MethodCard:
    """A method in words: what it keeps, where it comes from, and the end of "its channels were ...".

    ``at_once``: the state is chosen at once, half way between ``search_start`` and ``search_end``.
    """

    summary: str
    source: str
    made: str
    at_once: bool = True


_SCORED_BY_TORCH_PRUNING: Final = {
    "tp-taylor": ("sums of |weight * gradient|", "Molchanov et al., CVPR 2019"),
    "tp-hessian": ("sums of weight^2 * squared gradient, a diagonal Hessian", "LeCun et al., NIPS 1989"),
    "tp-lamp": (
        "squared weights over those of all channels of the layer that are not smaller",
        "Lee et al., ICLR 2021",
    ),
    "tp-fpgm": ("distances of a filter to the others of its layer", "He et al., CVPR 2019"),
    "tp-group-norm": ("squared l2 norms of all weights that make or read a channel", "Fang et al., CVPR 2023"),
}

_OWN_CARDS: Final[Mapping[str, MethodCard]] = {
    "edropout": MethodCard(
        "an evolving population of pruning states, judged by the energy loss while the network trains",
        "Salehinejad and Valaee, IEEE TNNLS 2022, arXiv 2006.04270",
        "pruned by EDropout",
        at_once=False,
    ),
    "saliency": MethodCard(
        "EDropout without its population: units by the running mean square of the mask's gradient alone",
        "EDropout's own ablation",
        "pruned by saliency, EDropout without its population",
        at_once=False,
    ),
    "anneal": MethodCard(
        "simulated annealing on the same energy loss: one state, and several moves from it judged at once",
        "Kirkpatrick et al., Science 1983, with a heat-bath choice among the moves in place of Metropolis' rule",
        "pruned by simulated annealing on the energy loss",
        at_once=False,
    ),
    "random": MethodCard("the same share of every layer, drawn at random", "control", "pruned at random"),
    "l1": MethodCard(
        "the same share of every layer, filters of large l1 norm stay",
        "Li et al., ICLR 2017, arXiv 1608.08710",
        "pruned by the l1 norms of their filters",
    ),
    "l2": MethodCard(
        "the same share of every layer, filters of large l2 norm stay",
        "Li et al., ICLR 2017, with the other norm",
        "pruned by the l2 norms of their filters",
    ),
    "bn-scale": MethodCard(
        "units of large BatchNorm factor stay, one threshold for all layers (needs BatchNorm everywhere)",
        "Liu et al., ICCV 2017, arXiv 1708.06519, without its penalty in training",
        "pruned by their BatchNorm factors",
    ),
    "taylor": MethodCard(
        "units whose removal changes the loss most, to first order, stay; one threshold for all layers",
        "Molchanov et al., CVPR 2019, arXiv 1906.10771",
        "pruned by Taylor importance",
    ),
    "thinet": MethodCard(
        "the same share of every layer, channels from which the next layer can be rebuilt; least-squares rescaling",
        "Luo, Wu and Lin, ICCV 2017, arXiv 1707.06342",
        "pruned by ThiNet",
    ),
    "one-cycle": MethodCard(
        "units of large group norm stay; the weights of the others decay until the choice is stable, then the cut",
        "Ghimire et al., WACV 2026, arXiv 2501.13439",
        "pruned by one-cycle structured pruning",
        at_once=False,
    ),
    "scratch": MethodCard(
        "the shape of another run's plan (--plan) trained from fresh weights, for all the epochs",
        "Liu et al., ICLR 2019, arXiv 1810.05270",
        "taken from another run's plan, and trained from fresh weights,",
    ),
}


def _card(name: str, summary: str, paper: str) -> MethodCard:
    return MethodCard(summary, f"{paper}; code: torch-pruning", f"pruned by torch-pruning ({name})")


METHODS: Final[Mapping[str, MethodCard]] = {
    **_OWN_CARDS,
    **{
        name: _card(name, f"torch-pruning's importance, {score}; one threshold for all layers", paper)
        for name, (score, paper) in _SCORED_BY_TORCH_PRUNING.items()
    },
    **{
        f"{name}-uniform": _card(f"{name}-uniform", f"as {name}, with the same share of every layer", paper)
        for name, (_, paper) in _SCORED_BY_TORCH_PRUNING.items()
    },
}

RACED: Final[tuple[Method, ...]] = tuple(name for name in get_args(Method) if not name.endswith("-uniform"))
"""The methods of a race that names none."""
