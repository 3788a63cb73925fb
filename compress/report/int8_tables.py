"""INT8 files: how each was chosen, layer by layer, and a note where it loses more than was allowed."""

from collections.abc import Collection, Iterator
from typing import Final

from compress.report import figures
from compress.report.model import NetworkRow, Report
from compress.report.sections import Column, Section, Table, table_of
from exporters.int8.choose import Int8Choice, LayerCost
from exporters.int8.quantize import Quantization

_SHOWN: Final = 8  # layers in the terminal
_LAYERS_EXPLAINED: Final = (
    "Points lost and divergence: of each layer alone in INT8, on the validation images. Divergence: Kullback-Leibler, "
    "of its answers from the float32 ones, in nats. Time in float32: how much longer a call of the INT8 file takes "
    "with that layer alone in float32."
)
_CLEARLY_SLOWER: Final = 1.02  # times as long as float32


def int8_sections(report: Report) -> Iterator[Section]:
    """One section, if any INT8 file was chosen by measurement."""
    rows = [*_chosen(report)]
    if rows:
        texts = [*(_how_chosen(row, choice) for row, choice in rows), _LAYERS_EXPLAINED]
        *others, last = (_layer_table(row, choice) for row, choice in rows)
        yield Section("INT8", texts=tuple(texts), tables=(last,), folded=tuple(others))


def int8_caveats(report: Report) -> Iterator[str]:
    """Where a file loses more on the test images than it was allowed, or takes longer than float32."""
    cpu = report.environment.get("cpu")
    isa = cpu.get("isa") if isinstance(cpu, dict) else None
    for row, choice in _chosen(report):
        if isinstance(isa, list) and is_for_arm(row.quantization, isa):
            yield for_arm_note(row.label)
        else:
            yield from _caveats(row, choice)


def is_for_arm(made: Quantization | None, isa: Collection[object]) -> bool:
    """Whether an INT8 file is for ARM, and a processor with these instruction sets (``environment.isa``) is not."""
    return made is not None and made.activations == "int8" and "neon" not in isa


def for_arm_note(name: str) -> str:
    """What to say of such a file."""
    return (
        f"{name} is for ARM (int8 activations): this processor runs it slowly and, without VNNI, inexactly; "
        "measure it on the device (compress kit)"
    )


def _chosen(report: Report) -> Iterator[tuple[NetworkRow, Int8Choice]]:
    """Files made from float32 ones by measurement; not those that were made from INT8 files."""
    precisions = {row.label: row.precision for row in report.networks}
    for row in report.networks:
        choice = None if row.quantization is None else row.quantization.choice
        if choice is not None and row.source is not None and precisions[row.source] != "int8":
            yield row, choice


def _caveats(row: NetworkRow, choice: Int8Choice) -> Iterator[str]:
    assert row.source_drop is not None, "the report was checked"
    lost = row.source_drop.points
    if lost > choice.max_drop:
        yield (
            f"{row.label} loses {lost:.2f} points against {row.source} on the test images, more than the "
            f"{choice.max_drop:g} that --max-int8-drop allows (on the validation images {choice.loss.points:.2f})"
        )
    if choice.time_share is not None and choice.time_share > _CLEARLY_SLOWER:
        yield (
            f"{row.label} took {choice.time_share:.2f} times as long as float32 where it was made: that processor is "
            "slow at INT8 (x86 needs VNNI); measure it on the device (compress kit)"
        )


def _how_chosen(row: NetworkRow, choice: Int8Choice) -> str:
    made = row.quantization
    assert made is not None
    tried = ", ".join(f"{rule} {loss.divergence:.2g}" for rule, loss in choice.rules.items())
    words = [
        f"{row.label}: {made.calibration} calibration" + (f" (divergence {tried})" if len(choice.rules) > 1 else ""),
        f"{len(made.float_layers)} of {len(choice.layers)} layers in float32",
        f"{choice.loss.points:.2f} points lost on {figures.plural(choice.images, 'validation image')}, "
        f"{choice.max_drop:g} allowed",
    ]
    if choice.time_share is not None:
        words.append(f"{choice.time_share:.2f} times the time of float32 on the machine that made it")
    return "; ".join(words) + "."


def _layer_table(row: NetworkRow, choice: Int8Choice) -> Table:
    assert row.quantization is not None
    in_float = {*row.quantization.float_layers}
    columns: list[Column[LayerCost]] = [
        ("layer", lambda cost: cost.layer),
        ("points lost", lambda cost: f"{cost.loss.points:.2f}"),
        ("divergence", lambda cost: f"{cost.loss.divergence:.2g}"),
        ("time in float32", lambda cost: None if cost.slowdown is None else f"{100 * cost.slowdown:+.1f} %"),
        ("runs in", lambda cost: "float32" if cost.layer in in_float else "INT8"),
    ]
    return table_of(
        f"Layers of {row.label}, the most sensitive first",
        sorted(choice.layers, key=lambda cost: -cost.loss.divergence),
        columns,
        words=frozenset({"runs in"}),
        short=_SHOWN,
    )
