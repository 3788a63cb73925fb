"""What a report refuses, ``report.json`` written and read strictly, and the documents rendered from it again."""

import json
import os
from dataclasses import asdict

import pytest
from pydantic import ValidationError

from compress.errors import BadInputError, EnvironmentProblem, UsageError
from compress.report.documents import keep_report, new_folder, render_again, write_documents
from compress.report.model import Report, document_schema, dump_report, parse_report, read_report
from compress.runs import RunFolder
from compress.settings.config import RunConfig
from tests.helpers.forks import kill_before, states_of_kills
from tests.report.sample import changed, foreign_report, full_report, latency_row, report, run_facts, timing
from tests.report.test_model_card import facts

NAN, INFINITY = float("nan"), float("inf")
ORIGINAL, CANDIDATE = report().networks
EQUAL = latency_row(1, 1, 1.0, 1.0, 1.0)
DOCUMENTS = ("report.md", "report.html", "MODEL_CARD.md")
FEW_PLOTS = report(latency=(), run=run_facts(training={}, search=changed(run_facts().search, history=())))


def run_with_report(path) -> RunFolder:
    """A run folder with a report and nothing rendered from it."""
    folder = RunFolder.create(path, RunConfig(arch="squeezenet"), overwrite=False)
    with folder:
        folder.write_text("report.json", dump_report(FEW_PLOTS))
        folder.write_json("artifacts/model.json", facts())
    return folder


def test_every_document_is_written_anew_and_on_record_and_a_licence_stays(tmp_path):
    path = run_with_report(tmp_path / "run").path
    assert render_again(path, licence="CC-BY-4.0") == FEW_PLOTS
    again = RunFolder.open(path)
    first = {name: again.read_text(name) for name in DOCUMENTS}  # checked against the manifest
    assert all("squeezenet" in text for text in first.values())
    assert 'license: "CC-BY-4.0"' in first["MODEL_CARD.md"]
    with again:
        again.write_text("report.md", "edited")
    (path / "MODEL_CARD.md").write_text("edited behind the manifest's back")
    render_again(path)
    again = RunFolder.open(path)
    assert {name: again.read_text(name) for name in DOCUMENTS} == first
    assert again.read_text("report.json") == dump_report(FEW_PLOTS)
    assert again.read_json("artifacts/model.json") == facts(license="CC-BY-4.0")


def test_the_documents_of_a_killed_report_agree(tmp_path):
    path = run_with_report(tmp_path / "run").path
    first, second = (changed(FEW_PLOTS, name=name) for name in ("first-report", "second-report"))
    with RunFolder.open(path) as run:
        keep_report(run, first, licence="MIT")

    def report_again(path):
        with RunFolder.open(path) as run:
            keep_report(run, second, licence="CC0-1.0")

    seen = []
    for killed in states_of_kills(report_again, path, tmp_path):
        run = RunFolder.open(killed)
        assert run.read_json("artifacts/model.json")["license"] in run.read_text("MODEL_CARD.md")
        seen.append(
            {run.read_json("artifacts/model.json")["license"], json.loads(run.read_text("report.json"))["name"]}
        )
        run.check_all()
    assert seen[0] == {"MIT", "first-report"}
    assert seen[-1] == {"CC0-1.0", "second-report"}
    assert all(one in (seen[0], seen[-1]) for one in seen)


def test_without_the_reports_own_bytes_nothing_is_rendered(tmp_path):
    path = run_with_report(tmp_path / "run").path
    text = (path / "report.json").read_text()
    (path / "report.json").write_text(text.replace('"hits": 355', '"hits": 395'))
    with pytest.raises(BadInputError, match=r"report\.json"):
        render_again(path)
    assert not (path / "MODEL_CARD.md").exists()
    bare = RunFolder.create(tmp_path / "bare", RunConfig(arch="squeezenet"), overwrite=False)
    with pytest.raises(BadInputError, match="has no report yet: go on with compress run --resume"):
        render_again(bare.path)


@pytest.mark.parametrize("document", [report(), full_report(), foreign_report()], ids=["run", "full", "foreign"])
def test_what_is_written_is_read_back_equal(tmp_path, document):
    path = tmp_path / "report.json"
    path.write_text(dump_report(document), encoding="utf-8")
    assert read_report(path) == document
    assert dump_report(read_report(path)) == dump_report(document)


def test_the_json_has_what_a_script_looks_for_and_the_schema_names_every_field():
    document, schema = json.loads(dump_report(report())), json.loads(document_schema(Report))
    assert document["schema_version"] == "2.0"
    assert document["networks"][1]["accuracy"]["top1"]["value"] == 355 / 400
    assert document["networks"][0]["drop"] is None
    assert document["latency"][1]["comparison"]["ratio_low"] == 1.48
    assert document["run"]["config"]["arch"] == "squeezenet"
    assert set(schema["properties"]) == set(document)
    assert set(schema["$defs"]["NetworkRow"]["properties"]) == set(document["networks"][0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(({"schema_version": version}, r"expected a report of schema 2\.0, x\.json has .*compress verify")
          for version in ("1.0", "2.1", 2, None)),
        ({"data": None}, "data: "),
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"created": 5}, "created: Input should be a valid string"),
        ({"session": {"a": 3}}, r"session\.a: Input should be a valid string"),
        ({"environment": {"a": float("nan")}}, r"x\.json is not JSON: expected finite numbers, got NaN"),
    ],
)  # fmt: skip
def test_a_wrong_field_or_version_is_named(changes, message):
    with pytest.raises(BadInputError, match=message):
        parse_report(json.dumps(json.loads(dump_report(report())) | changes), source="x.json")


def test_what_is_no_report_at_all_is_named(tmp_path):
    for text in ("", "{", "[]", '"report"', "null", "3"):
        with pytest.raises(BadInputError, match=r"x\.json"):
            parse_report(text, source="x.json")
    with pytest.raises(BadInputError, match="cannot read the report"):
        read_report(tmp_path / "report.json")


def timed(comparison) -> dict:
    return {"latency": ({"original": "original", "candidate": "pruned", "comparison": comparison},)}


def test_original_and_candidate_are_found_by_role_and_a_report_is_frozen():
    extra = changed(CANDIDATE, label="full (F)", role="extra")
    document = report(networks=(extra, changed(CANDIDATE, label="pruned (P)"), ORIGINAL))
    assert (document.original.label, document.candidate.label) == ("original", "pruned (P)")
    with pytest.raises(ValidationError, match="frozen"):
        document.created = "now"


def test_timings_of_a_pair_come_smallest_batch_first():
    document = full_report()
    assert [(row.batch_size, row.threads) for row in document.timings("pruned", against="original")] == [(1, 1), (8, 2)]
    assert document.timings("original", against="pruned") == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"surprise": 1}, "Extra inputs"),
        ({"run": run_facts().model_dump() | {"seconds": {"01_baseline": NAN}}}, "finite"),
        ({"run": run_facts().model_dump() | {"config": {"keep_macs": INFINITY}}}, "finite"),
        ({"run": run_facts().model_dump() | {"training": {"01_baseline": ({"loss": NAN},)}}}, "finite"),
        ({"environment": {"cpu": {"ghz": [1.0, NAN]}}}, "finite"),
        ({"networks": (dict(ORIGINAL) | {"accuracy": changed(ORIGINAL.accuracy, loss=NAN)}, CANDIDATE), "latency": ()},
         "finite"),
        (timed(asdict(EQUAL.comparison) | {"ratio": NAN}), "finite"),
        (timed(changed(EQUAL.comparison, original=timing(1.0, coefficient_of_variation=INFINITY))), "finite"),
        ({"networks": (ORIGINAL,)}, "one original and one candidate"),
        ({"networks": (ORIGINAL, ORIGINAL, CANDIDATE)}, "one original and one candidate"),
        ({"networks": (ORIGINAL, changed(CANDIDATE, drop=None))}, "drop against the original"),
        ({"networks": (ORIGINAL, CANDIDATE, changed(CANDIDATE, role="extra"))}, "label of its own"),
        ({"networks": (ORIGINAL, CANDIDATE, changed(CANDIDATE, role="extra", label="x", source="small"))},
         r"labels of networks, got \['small'\]"),
        ({"latency": (changed(EQUAL, candidate="nobody"),)}, r"labels of networks, got \['nobody'\]"),
    ],
    ids=range(14),
)  # fmt: skip
def test_what_a_report_refuses(changes, message):
    with pytest.raises(ValidationError, match=message):
        report(**changes)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)], ids=["a pipe", "a device"])
def test_a_report_is_a_regular_file(tmp_path, make):
    make(tmp_path / "b.json")
    with pytest.raises(BadInputError, match=r"cannot read the report .*b\.json: expected a regular file, got a"):
        read_report(tmp_path / "b.json")


@pytest.mark.parametrize("step", [6, 8, 10])
def test_a_new_folder_is_there_whole_or_not_at_all_and_a_killed_command_can_be_repeated(tmp_path, step):
    def write():
        with new_folder(tmp_path / "out") as folder:
            write_documents(folder, {"report.md": "text"})

    kill_before(step, write)
    assert not (tmp_path / "out").exists()
    write()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/report.md").read_text() == "text"


def test_a_new_folder_takes_the_place_of_an_empty_one_and_of_nothing_else(tmp_path):
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as folder:
        write_documents(folder, {"report.md": "text"})
    with pytest.raises(UsageError, match="exists already"), new_folder(tmp_path / "out"):
        raise AssertionError
    with pytest.raises(EnvironmentProblem, match=r"cannot create .*; choose"), new_folder(tmp_path / "out/report.md/a"):
        raise AssertionError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
