"""What the campaign has found: counts per kind, and every fault with what reproduces it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import compress
from compress.atomic import write_atomically
from compress.environment import describe_cpu, package_versions


@dataclass
class Case:
    """One case: its attacks by how they ended, what was done, and what went wrong."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    steps: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def fail_if(self, wrong: bool, fault: str) -> None:
        """Note a fault."""
        if wrong:
            self.faults.append(fault)


class Attack(Protocol):
    """A kind of attack that has been set up: its cases are numbered, and a number always gives the same case."""

    def case(self, number: int) -> Case:
        """Make one case."""


@dataclass
class Tally:
    """What is known of one kind: cases made, attacks by how they ended, and the cases with faults."""

    cases: int = 0
    seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)

    @property
    def attacks(self) -> int:
        """How many attacks there were."""
        return sum(self.outcomes.values())

    def add(self, case: Case, *, number: int, seconds: float) -> None:
        """Count a case."""
        self.cases += 1
        self.seconds += seconds
        self.outcomes = dict(Counter(self.outcomes) + case.outcomes)
        if case.faults:
            self.faults.append({"case": number, "faults": case.faults, "steps": case.steps})


class Record:
    """The campaign's results on disk; those of another source are begun anew."""

    def __init__(self, file: Path, *, commit: str | None, source: str) -> None:
        self.file, self.source = file, source
        known = json.loads(file.read_text()) if file.exists() else {}
        same = known.get("source") == source
        self.commit = known["commit"] if same else commit
        self.began = known["began"] if same else _today()
        self.tallies = {name: Tally(**tally) for name, tally in known["kinds"].items()} if same else {}

    def tally(self, kind: str) -> Tally:
        """What is known of a kind."""
        return self.tallies.setdefault(kind, Tally())

    def write(self) -> None:
        """Write everything known."""
        write_atomically(self.file, f"{json.dumps(self.as_dict(), indent=1)}\n".encode())

    def as_dict(self) -> Mapping[str, Any]:
        """The JSON document."""
        return {
            "began": self.began,
            "ended": _today(),
            "commit": self.commit,
            "source": self.source,
            "cpu": describe_cpu()["model"],
            "packages": package_versions(),
            "kinds": {name: asdict(tally) for name, tally in self.tallies.items()},
        }


def source_digest() -> str:
    """sha256 of the program's files: it stays when results are committed."""
    root = Path(compress.__file__).parents[1]
    files = sorted(path for folder in ("compress", "exporters", "models_zoo") for path in (root / folder).rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"
