"""The files of class folders at any depth, through links, which may lead anywhere on the machine."""

import os
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path, PurePath
from typing import Final

from compress.errors import BadInputError

MAX_ENTRIES: Final = 5_000_000
"""Files and folders that are listed; ImageNet has 1.3 million."""
_OF_THE_KERNEL: Final = ("/proc", "/sys", "/dev")  # no images, but other programs' folders and endless files
_MEMORY: Final = "/dev/shm"  # holds files as any disk does


def walk(folder: Path, seen: Iterator[int] | None = None) -> Iterator[str]:
    """The files of a folder, hidden ones left out.

    Links are followed, but not back up: the images of other classes are there. A folder that cannot be read, one of
    the kernel, and more than ``MAX_ENTRIES`` are a ``BadInputError``; ``seen`` counts on from other folders.
    """
    seen = seen or count(1)
    entered = {str(parent) for parent in Path(os.path.realpath(folder)).parents}
    for place, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        if _is_of_the_kernel(real):
            raise BadInputError(f"expected images in {place}, got a link to {real}, the system's own; remove it")
        entered.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*folders, *files):
            if next(seen) > MAX_ENTRIES:
                raise BadInputError(
                    f"expected at most {MAX_ENTRIES:,} files and folders in class folders, got more; the listing is at "
                    f"{os.path.join(place, name)}: does a link lead elsewhere?"
                )
        yield from (os.path.join(place, name) for name in files if not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise BadInputError(f"cannot read the folder {error.filename}: {error.strerror}") from None


def _is_of_the_kernel(real: str) -> bool:
    place = PurePath(real)
    if place.is_relative_to(_MEMORY):
        return False
    return any(map(place.is_relative_to, _OF_THE_KERNEL)) or _device(real) in _kernel_devices()


@cache
def _kernel_devices() -> frozenset[int | None]:
    """The file systems of these folders, which may be mounted elsewhere, too; not the one that holds usual files."""
    return frozenset(map(_device, _OF_THE_KERNEL)) - {_device("/"), _device(_MEMORY), None}


def _device(place: str) -> int | None:
    try:
        return os.stat(place).st_dev
    except OSError:
        return None
