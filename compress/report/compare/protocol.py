"""What two reports must have in common before their numbers may stand in one table."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from compress.report.model import Report
from compress.runs.frozen import Part

UNSTATED = "not stated"


class Difference(Part):
    """A fact in which the reports differ: what it is, and its value in every one, by the report's key."""

    fact: str
    values: dict[str, str]


def protocol_of(report: Report) -> dict[str, str]:
    """Everything that moves accuracy or latency and is no property of the networks: fact -> value.

    A processor's model alone says little: virtual machines of one name differ in what they may use of it.
    The image size is none of it: a network that takes smaller images is a trade-off like any other.
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
    """The facts that are not the same everywhere; ``protocols`` are by the reports' keys."""
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
