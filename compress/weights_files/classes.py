"""Which of the classes that weights were trained on are those of a data set, by name or WordNet id."""

import re
from collections.abc import Sequence

from models_zoo.timm_models import imagenet_ids

_IMAGENET = 1000


def rows_of(classes: Sequence[str], published: Sequence[str]) -> tuple[int, ...]:
    """The place of each class among the published ones, in the order of ``classes``; none if one of them has none.

    Names are compared without case, spaces and punctuation; a name that two published classes share is no class's.
    """
    places: dict[str, int | None] = {}
    for spelled in (published, imagenet_ids() if len(published) == _IMAGENET else ()):
        for place, names in enumerate(spelled):
            for name in {_plain(names), *map(_plain, names.split(","))}:
                places[name] = None if name in places and places[name] != place else place
    found = [places.get(_plain(name)) for name in classes]
    rows = tuple(place for place in found if place is not None)
    return rows if len(set(rows)) == len(classes) else ()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
