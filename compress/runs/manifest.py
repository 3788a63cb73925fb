"""``MANIFEST.sha256``: what a run folder holds, in the format of ``sha256sum -c``.

It is the folder's only pointer: a file that is not listed does not exist. While a listed file is
being replaced it has two lines, of its old and of its new content; a kill between the two leaves
either, both whole.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from compress.atomic import write_atomically
from compress.errors import BadInputError

NAME = "MANIFEST.sha256"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def sha256_of(data: bytes) -> str:
    """Hex digest of ``data``."""
    return hashlib.sha256(data).hexdigest()


def check_name(rel: str) -> str:
    """A name inside the run folder, unchanged.

    Raises:
        BadInputError: it is absolute, climbs out with ``..``, or needs escaping in a manifest.
    """
    pure = PurePosixPath(rel)
    plain = rel.isprintable() and "\\" not in rel and str(pure) == rel and rel != "."
    if not plain or pure.is_absolute() or ".." in pure.parts:
        raise BadInputError(f"expected a plain name inside the run folder, got {rel!r}")
    return rel


@dataclass
class Manifest:
    """Name -> accepted digests, kept on disk in ``folder``; every change is written at once."""

    folder: Path
    entries: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the folder's manifest.

        Raises:
            BadInputError: there is none, or a line of it is not ``<sha256>  <name>``.
        """
        path = folder / NAME
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            raise BadInputError(f"{folder} is not a run folder: it has no {NAME}") from None
        except UnicodeDecodeError:
            raise BadInputError(f"{path} is damaged: it is not text") from None
        manifest = cls(folder)
        for number, line in enumerate(text.splitlines(), start=1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise BadInputError(f"{path} is damaged: line {number} is not '<sha256>  <name>'")
            name = check_name(match[2])
            manifest.entries[name] = (*manifest.entries.get(name, ()), match[1])
        return manifest

    def write(self) -> None:
        """Replace the file on disk."""
        lines = [f"{digest}  {name}\n" for name, digests in sorted(self.entries.items()) for digest in digests]
        write_atomically(self.folder / NAME, "".join(lines).encode())

    def announce(self, name: str, digest: str) -> None:
        """Accept new content of a listed file, about to be replaced, beside the old."""
        known = self.entries.get(name)
        if known is not None and digest not in known:
            self.entries[name] = (*known, digest)
            self.write()

    def record(self, name: str, digest: str, *, without: Iterable[str] = ()) -> None:
        """List ``name`` with this content alone, and drop the names in ``without``, in one step."""
        before = dict(self.entries)
        for old in without:
            self.entries.pop(old, None)
        self.entries[name] = (digest,)
        if self.entries != before:
            self.write()

    def forget(self, names: Iterable[str]) -> None:
        """Drop ``names`` in one step."""
        before = len(self.entries)
        for name in names:
            self.entries.pop(name, None)
        if len(self.entries) != before:
            self.write()
