"""Errors of the shared code name the command line's flags; in Python they name the keyword arguments."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from compress.errors import CompressError

_FLAG: Final = re.compile(r"--([a-z]+(?:-[a-z]+)*)( (?=\d))?")


@contextmanager
def naming_keywords() -> Iterator[None]:
    """Inside, and in a function that it decorates, errors say ``keep_macs=0.76`` for ``--keep-macs 0.76``."""
    try:
        yield
    except CompressError as error:
        error.args = (_FLAG.sub(lambda flag: flag[1].replace("-", "_") + ("=" if flag[2] else ""), str(error)),)
        raise
