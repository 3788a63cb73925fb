"""What reports must have in common before their measurements can be compared."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from compress.report.model import Report
from compress.runs.file_records import Part

UNSTATED = "not stated"


class Difference(Part):
    """A fact in which the reports differ, and its value by the report's key."""

    fact: str
    values: dict[str, str]


def protocol_of(report: Report) -> dict[str, str]:
    """Everything that influences accuracy or latency and is not a property of the networks: fact -> value.

    Virtual machines with the same processor name can differ in instruction sets and cores, so these are facts too. The
    image size is not: a network for smaller images is a trade-off like any other.
    """
    environment = report.environment
    threads = sorted({row.comparison.threads for row in report.latency})
    return {
        "data": f"{report.data.test:,} test images, sha256 {report.data.test_fingerprint[:16]}",
        "processor": _stated(environment, "cpu", "model"),
        "instruction sets": _stated(environment, "cpu", "isa"),
        "cores": _stated(environment, "cpu", "cores"),
        "threads": ", ".join(map(str, threads)) or "latency was not measured",
        "onnxruntime": _stated(environment, "packages", "onnxruntime"),
        **{f"session, {option}": value for option, value in report.session.items()},
    }


def differences(protocols: Mapping[str, Mapping[str, str]]) -> tuple[Difference, ...]:
    """The facts that differ between protocols; ``protocols`` is keyed by report."""
    facts = dict.fromkeys(fact for protocol in protocols.values() for fact in protocol)
    return tuple(_different(protocols, list(facts)))


def _different(protocols: Mapping[str, Mapping[str, str]], facts: Sequence[str]) -> Iterator[Difference]:
    for fact in facts:
        values = {key: protocol.get(fact, UNSTATED) for key, protocol in protocols.items()}
        if len(set(values.values())) > 1:
            yield Difference(fact=fact, values=values)


def _stated(facts: JsonValue, *names: str) -> str:
    for name in names:
        facts = facts.get(name) if isinstance(facts, dict) else None
    if isinstance(facts, list):
        return " ".join(map(str, facts))
    return UNSTATED if facts is None else str(facts)
