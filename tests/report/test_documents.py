import pytest

from compress.errors import BadInputError
from compress.report.documents import render_again
from compress.report.store import dump_report
from compress.runs import RunFolder
from compress.settings.config import RunConfig
from tests.report.sample import full_report
from tests.report.test_model_card import facts

DOCUMENTS = ("report.md", "report.html", "MODEL_CARD.md")


def run_with_report(path) -> RunFolder:
    """A run folder with a report and nothing rendered from it."""
    folder = RunFolder.create(path, RunConfig(arch="squeezenet"), overwrite=False)
    with folder:
        folder.write_text("report.json", dump_report(full_report()))
        folder.write_json("artifacts/model.json", facts())
    return folder


@pytest.fixture
def run(tmp_path):
    return run_with_report(tmp_path / "run")


def test_every_document_is_written_anew_and_on_record(run):
    assert render_again(run.path) == full_report()
    again = RunFolder.open(run.path)
    first = {name: again.read_text(name) for name in DOCUMENTS}  # checked against the manifest
    assert all("squeezenet" in text for text in first.values())
    with again:
        again.write_text("report.md", "edited")
    (run.path / "MODEL_CARD.md").write_text("edited behind the manifest's back")
    render_again(run.path)
    again = RunFolder.open(run.path)
    assert {name: again.read_text(name) for name in DOCUMENTS} == first
    assert again.read_text("report.json") == dump_report(full_report())


def test_a_licence_is_stated_and_stays(run):
    render_again(run.path, licence="CC-BY-4.0")
    render_again(run.path)
    again = RunFolder.open(run.path)
    assert 'license: "CC-BY-4.0"' in again.read_text("MODEL_CARD.md")
    assert again.read_json("artifacts/model.json") == facts(license="CC-BY-4.0")


def test_a_changed_report_is_refused_and_nothing_written(run):
    report = run.path / "report.json"
    report.write_text(report.read_text().replace('"hits": 355', '"hits": 395'))
    with pytest.raises(BadInputError, match=r"report\.json"):
        render_again(run.path)
    assert not (run.path / "MODEL_CARD.md").exists()


def test_a_folder_without_a_report_is_refused(tmp_path):
    bare = RunFolder.create(tmp_path / "bare", RunConfig(arch="squeezenet"), overwrite=False)
    with pytest.raises(BadInputError, match="has no report yet: go on with compress run --resume"):
        render_again(bare.path)
