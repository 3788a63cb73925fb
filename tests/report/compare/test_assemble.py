from string import ascii_uppercase

import pytest

from compress.errors import UsageError
from compress.report.compare.assemble import UNSTATED, _key, compare_reports, differences, protocol_of
from compress.report.compare.comparison import Difference, RunComparison, Setting
from tests.report.compare.runs import on_machine, other_run
from tests.report.sample import foreign_report, full_report, latency_row, report

PAIR = {"a": report(), "b": other_run()}


def compared(force=False, **reports) -> RunComparison:
    return compare_reports(list(reports.items()), force=force)


def test_every_network_is_a_row_with_the_numbers_of_its_report_and_a_shared_original_is_one():
    three = compared(first=full_report(), second=other_run(), third=report())
    assert [run.name for run in three.runs] == ["first", "second", "third"]
    assert [row.label for row in three.rows] == [
        "A, C original", "A pruned", "A original int8", "A pruned int8", "A pruned fp16",
        "B original", "B pruned", "C pruned",
    ]  # fmt: skip
    assert {row.label: row.fronts for row in three.rows if row.fronts} == {
        "A original int8": ("latency", "size"),
        "A pruned int8": ("latency", "size"),
        "A pruned fp16": ("size",),
        "B pruned": ("latency", "MACs", "size"),
    }
    assert RunComparison.model_validate_json(three.model_dump_json()) == three
    row, value = next(row for row in three.rows if row.label == "A pruned int8"), full_report().networks[3]
    assert (row.precision, row.sha256, row.size_bytes) == ("int8", "d" * 64, 330_000)
    numbers = value.accuracy.top1, value.drop, value.macs, value.parameters
    assert (row.top1, row.drop, row.macs, row.parameters) == numbers
    timed, original = row.latency, three.rows[0].latency
    assert (timed.p50_ms, timed.ratio_low, timed.ratio, timed.ratio_high) == (0.43, 3.3, 3.5, 3.7)  # not of "pruned"
    assert (original.p50_ms, original.ratio, three.rows[0].drop) == (1.5, None, None)


def test_the_front_over_latency_is_over_ratios_not_over_milliseconds_of_other_pairs():
    """The second run was timed while the machine was slow: twice the milliseconds, the same ratio."""
    slow = (latency_row(1, 1, 1.9, 2.0, 2.1, before=3.0, after=1.5), latency_row(8, 2, 1.9, 2.0, 2.1))
    found = compared(first=full_report(), second=other_run(latency=slow))
    row = next(row for row in found.rows if row.label == "B pruned")
    assert row.latency.p50_ms == 1.5
    assert row.latency.relative == (1 / 2.0, 1 / 2.1, 1 / 1.9)
    assert "latency" in row.fronts
    assert found.rows[0].latency.relative == (1, 1, 1)


def test_the_smallest_setting_that_all_have():
    both = (latency_row(8, 2, 1.1, 1.2, 1.3), latency_row(1, 2, 1.1, 1.2, 1.3), latency_row(1, 1, 1.4, 1.5, 1.6))
    few = (latency_row(8, 2, 1.1, 1.2, 1.3), latency_row(2, 1, 1.1, 1.2, 1.3))
    found = compared(first=report(latency=both), second=other_run(latency=few))
    assert found.setting == Setting(batch_size=8, threads=2)
    assert found.rows[1].latency.ratio == 1.2


def test_without_a_common_setting_there_are_no_latencies():
    rows = [(latency_row(batch, 1, 1.1, 1.2, 1.3),) for batch in (1, 2)]
    found = compared(first=report(latency=rows[0]), second=other_run(latency=rows[1]))
    assert found.setting is None
    assert all(row.latency is None and "latency" not in row.fronts for row in found.rows)
    assert found.notes[0] == "No latencies: the reports have no batch size and thread count in common."


def test_different_protocols_are_refused_and_named():
    here, there = on_machine("Some CPU"), on_machine("Other CPU", onnxruntime="1.26.0")
    with pytest.raises(UsageError) as error:
        compared(a=report(environment=here), b=other_run(environment=there), c=other_run(environment=here))
    assert str(error.value).splitlines() == [
        "expected reports of one protocol, got measurements that cannot be compared:",
        "  processor:",
        "    Some CPU: a, c",
        "    Other CPU: b",
        "  onnxruntime:",
        "    1.27.0: a, c",
        "    1.26.0: b",
        "measure all on one machine with compress verify, or use --force, which marks every row",
    ]
    with pytest.raises(UsageError, match="two or more runs to compare, got 1"):
        compared(a=report())


def test_forced_rows_state_the_differences_and_share_no_original():
    here, there = (report(environment=on_machine(name)) for name in ("Some CPU", "Other CPU"))
    found = compared(a=here, b=there, force=True)
    assert [(row.label, row.unlike) for row in found.rows] == [
        (f"{key} {network}", {"processor": processor})
        for key, processor in (("A", "Some CPU"), ("B", "Other CPU"))
        for network in ("original", "pruned")
    ]
    assert [difference.fact for difference in found.unlike] == ["processor"]
    assert compared(**PAIR, force=True) == compared(**PAIR)


def test_files_that_no_run_made_have_no_architecture():
    run = compared(a=report(latency=()), b=foreign_report(latency=())).runs[1]
    assert (run.key, run.name, run.arch) == ("B", "b", None)


def test_notes():
    small = report().data.model_copy(update={"image_size": 32})
    large = report().original.model_copy(update={"macs": 50_000_000, "sha256": "7" * 64})
    notes = compared(a=full_report(), b=other_run(data=small, compress_version="0.2.0")).notes
    assert notes[1:] == (
        "Changes, ratios and the front over latency are against each run's own original; these files differ.",
        "Image sizes differ: A 48, B 32.",
        "Versions of compress differ: A 0.1.0, B 0.2.0.",
        "Noisy timing: A pruned fp16.",
    )
    notes = compared(a=report(), b=report(networks=(large, report().candidate))).notes
    assert notes[2] == (
        "The originals differ in cost, so the front over latency compares shares, not times: "
        "MACs A original 25.0 M, B original 50.0 M."
    )


@pytest.mark.parametrize(("after", "noted"), [(1.5, False), (1.56, False), (1.59, True), (1.2, True)])
def test_a_machine_that_was_not_equally_fast_gives_a_note(after, noted):
    rows = [(latency_row(1, 1, 1.4, 1.5, 1.6, before=before),) for before in (1.5, after)]
    notes = compared(a=report(latency=rows[0]), b=report(latency=rows[1])).notes
    expected = f"The machine was not equally fast: the same original took 1.50 ms in A, {after:.2f} ms in B"
    assert any(note.startswith(expected) for note in notes) is noted


def test_a_sweep_of_thirty_has_thirty_letters():
    assert [_key(number) for number in range(30)] == [*ascii_uppercase, "AA", "AB", "AC", "AD"]


def test_the_protocol_of_a_report():
    assert protocol_of(report(environment=on_machine("Some CPU"))) == {
        "data": "400 test images, sha256 eeeeeeeeeeeeeeee",
        "processor": "Some CPU",
        "instruction sets": "avx2",
        "cores": "2",
        "threads": "1, 2",
        "onnxruntime": "1.27.0",
        "session, provider": "CPUExecutionProvider",
        "session, graph optimisation": "all",
        "session, spinning": "stopped",
    }


@pytest.mark.parametrize("environment", [{}, {"cpu": None, "packages": []}, {"cpu": {"isa": []}, "packages": {}}])
def test_facts_that_a_report_does_not_state(environment):
    protocol = protocol_of(report(environment=environment, latency=()))
    assert (protocol["processor"], protocol["onnxruntime"]) == (UNSTATED, UNSTATED)
    assert protocol["threads"] == "latency was not measured"


def data(**changes):
    return {"data": report().data.model_copy(update=changes)}


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"name": "x", "created": "2027-01-01T00:00:00+00:00", "notes": ("n",), "run": None}, []),
        (data(name="renamed", image_size=64, train=5, fingerprint="0" * 64), []),  # another seed: other validation
        (data(test_fingerprint="0" * 64), ["data"]),
        ({"environment": on_machine("Other CPU")}, ["processor"]),
        ({"environment": on_machine("Some CPU", onnxruntime="1.26.0")}, ["onnxruntime"]),
        ({"environment": on_machine("Some CPU", cores=4)}, ["cores"]),
        ({"environment": on_machine("Some CPU", isa=["avx2", "avx512_vnni"])}, ["instruction sets"]),
        ({"latency": [latency_row(1, threads, 1.48, 1.5, 1.55) for threads in (1, 4)]}, ["threads"]),
        ({"session": report().session | {"spinning": "on"}}, ["session, spinning"]),
        ({"session": report().session | {"provider": "OpenVINOExecutionProvider"}}, ["session, provider"]),
        ({"session": report().session | {"arena": "off"}}, ["session, arena"]),
    ],
)
def test_facts_that_make_a_difference(changes, facts):
    base = {"environment": on_machine("Some CPU")}
    found = differences({"A": protocol_of(report(**base)), "B": protocol_of(report(**base | changes))})
    assert [difference.fact for difference in found] == facts


def test_a_difference_has_the_values_of_all():
    found = differences({"A": {"x": "1", "y": "0"}, "B": {"x": "2", "y": "0"}, "C": {"y": "0"}})
    assert found == (Difference(fact="x", values={"A": "1", "B": "2", "C": UNSTATED}),)
