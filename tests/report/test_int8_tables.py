"""What the report says of INT8 files that were chosen by measurement."""

from dataclasses import replace

import pytest

from compress.report.documents import report_document
from compress.report.int8_tables import int8_caveats, int8_sections
from compress.report.model import dump_report, parse_report
from exporters.int8.choose import Int8Choice, LayerCost
from exporters.int8.sensitivity import Int8Loss
from tests.report import sample
from tests.report.sample import INT8, changed

LOSS = Int8Loss(0.2, 0.0012)
CHOICE = Int8Choice(
    images=510, max_drop=0.5, rules={"minmax": LOSS, "entropy": Int8Loss(0.4, 0.0031)},
    layers=(
        LayerCost("features.0", Int8Loss(0.0, 0.0001), -0.051),
        LayerCost("features.3.squeeze", Int8Loss(1.5, 0.02), 0.004),
        LayerCost("classifier.1", Int8Loss(-0.2, 0.0003), 0.031),
    ),
    loss=LOSS, time_share=0.64,
)  # fmt: skip
IN_FLOAT = ("features.0", "features.3.squeeze")


def report_with(choice=CHOICE, *, only="pruned int8"):
    """A run's report in which one INT8 file was chosen so."""
    report = sample.full_report()
    made = replace(INT8, float_layers=IN_FLOAT, choice=choice)
    rows = [changed(row, quantization=made) if row.label == only else row for row in report.networks]
    return changed(report, networks=tuple(rows))


def test_layers_come_by_what_they_lose_and_say_where_they_run():
    (section,) = int8_sections(report_with())
    (table,) = section.tables
    assert table.title == "Layers of pruned int8, the most sensitive first"
    assert table.columns == ("layer", "points lost", "divergence", "time in float32", "runs in")
    assert table.rows == (
        ("features.3.squeeze", "1.50", "0.02", "+0.4 %", "float32"),
        ("classifier.1", "-0.20", "0.0003", "+3.1 %", "INT8"),
        ("features.0", "0.00", "0.0001", "-5.1 %", "float32"),
    )
    assert section.texts[0] == (
        "pruned int8: minmax calibration (divergence minmax 0.0012, entropy 0.0031); 2 of 3 layers in float32; "
        "0.20 points lost on 510 validation images, 0.5 allowed; 0.64 times the time of float32 on the machine that "
        "made it."
    )


def test_a_layer_that_takes_as_long_in_float32_is_timed_too():
    layers = tuple(replace(cost, slowdown=0.0) for cost in CHOICE.layers)
    (section,) = int8_sections(report_with(replace(CHOICE, layers=layers)))
    assert {row[3] for row in section.tables[0].rows} == {"+0.0 %"}


def test_what_was_not_timed_has_no_column_and_files_that_were_not_chosen_no_section():
    layers = tuple(replace(cost, slowdown=None) for cost in CHOICE.layers)
    (section,) = int8_sections(report_with(replace(CHOICE, layers=layers, time_share=None)))
    assert "time in float32" not in section.tables[0].columns
    assert "the time of float32" not in section.texts[0]
    assert [*int8_sections(report_with(None))] == []
    assert "INT8" not in [section.title for section in report_document(report_with(None)).sections]


@pytest.mark.parametrize(
    ("max_drop", "share", "words"),
    [
        (0.5, 0.64, []),  # 0.50 points are lost, which is allowed
        (0.4, None, ["loses 0.50 points against pruned on the test images, more than the 0.4 that --max-int8-drop"]),
        (0.5, 1.14, ["took 1.14 times as long as float32 where it was made"]),
        (0.5, 1.01, []),  # as fast
    ],
)
def test_notes_where_more_is_lost_than_allowed_or_nothing_is_gained(max_drop, share, words):
    report = report_with(replace(CHOICE, max_drop=max_drop, time_share=share))
    (drop,) = (row.source_drop.points for row in report.networks if row.label == "pruned int8")
    assert drop == 0.5
    notes = [*int8_caveats(report)]
    assert len(notes) == len(words)
    assert all(part in note for note, part in zip(notes, words, strict=True))


def test_a_file_made_from_an_int8_file_is_not_told_twice():
    report = report_with()
    (made,) = (row for row in report.networks if row.label == "pruned int8")
    twin = changed(made, label="pruned int8 nhwc", source="pruned int8")
    doubled = changed(report, networks=(*report.networks, twin))
    assert len(next(int8_sections(doubled)).tables) == 1


def test_the_choice_survives_a_report_file():
    report = report_with()
    assert parse_report(dump_report(report), source="r") == report


@pytest.mark.parametrize(("isa", "told"), [(["avx2"], True), (["neon"], False), ("neon?", False), (None, False)])
def test_a_file_for_arm_is_not_judged_on_another_processor(isa, told):
    report = report_with(replace(CHOICE, max_drop=0.1))
    rows = [
        changed(row, quantization=replace(row.quantization, activations="int8")) if row.label == "pruned int8" else row
        for row in report.networks
    ]
    (note,) = int8_caveats(changed(report, networks=tuple(rows), environment={"cpu": {"isa": isa}}))
    assert note.startswith("pruned int8 is for ARM (int8 activations)") == told
    assert ("loses 0.50 points" in note) == (not told)
