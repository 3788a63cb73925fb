"""Why a budget is out of reach: the layers that hold most of what is left, and why they keep it."""

from torch import Tensor

from compress.channels.costs import CostModel
from compress.channels.units import UnitMap, without_names
from compress.lists import listed

SHOWN = 4
"""Layers that one reason names, and reasons that a message gives, at most."""

_COMPUTED = "(parametrizations)"


def what_holds(units: UnitMap, model: CostModel, counts_G: Tensor, measure: int) -> str:
    """Layers by what they cost at these kept counts, dearest reason first, with their share of the whole network.

    ``measure`` is 0 for MACs, 1 for parameters, 2 for milliseconds.
    """
    costs = model.by_layer(counts_G, measure)
    whole = float(model.full_M[measure])
    reasons: dict[str, list[str]] = {}
    for name in sorted(costs, key=lambda name: -costs[name]):
        reasons.setdefault(without_names(units.not_pruned.get(name, _outside(name, measure))), []).append(name)
    held = {reason: sum(costs[name] for name in names) / whole for reason, names in reasons.items()}
    dearest = sorted(held, key=lambda reason: -held[reason])[:SHOWN]
    listed = [f"{held[one]:.1%} {_named(reasons[one])}: {one}" for one in dearest if held[one] >= 0.01]
    hint = "; torch.nn.utils.parametrize.remove_parametrizations makes such weights ordinary ones"
    return "; ".join(listed) + (hint if any(_COMPUTED in one for one in dearest) else "")


def _named(names: list[str]) -> str:
    if names == [""]:
        return "outside layers"
    return f"in {listed(names, most=SHOWN)}"


def _outside(name: str, measure: int) -> str:
    if name:
        return "as few channels as alignment and minimum allow"
    return "products of no layer's weights" if measure < 2 else "pools, sums, concats and changes of layout"
