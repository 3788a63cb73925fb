"""A race's table, plots and files."""

import io
import json
import re
from xml.etree.ElementTree import fromstring

import pytest
from rich.console import Console

from compress.errors import BadInputError
from compress.report.model import document_schema
from compress.report.race.document import race_document, race_tables, read_race, render_race_documents
from compress.report.race.model import RaceReport
from compress.report.terminal import render_terminal
from tests.helpers.command import ROOT
from tests.report.html.documents import Page
from tests.report.race.races import (
    EIGHT,
    HOSTILE,
    SEVEN,
    both_kinds,
    cell,
    contradiction,
    race_of,
    result,
    three_seeds,
    two_seeds,
)


@pytest.fixture(scope="module")
def rendered():
    return render_race_documents(two_seeds())


def plots(report):
    return [plot for section in race_document(report).sections for plot in section.plots]


def test_a_table_for_each_budget():
    half, quarter = race_tables(two_seeds())
    assert (half.title, quarter.title) == ("Methods at 50 % of the MACs", "Methods at 25 % of the MACs")
    assert half.columns[:7] == ("method", "MACs", "Top-1", "seeds", "lost", "against", "p<0.05")
    original = ("original", "100.0", "90.00", "90.00, 90.00", "0.00", "-", "-", "1.00x", "100.0", "3.0")
    assert half.rows == (
        original,
        ("l1", "50.0", "80.00", "80.00, 80.00", "10.00", "+10.00, +0.00", "0", "2.20x", "40.0", "5.0"),
        ("edropout", "50.0", "75.00", "70.00, 80.00", "15.00", "-", "-", "2.00x", "40.0", "5.0"),
        ("bn-scale", "-", "-", "not applicable", *["-"] * 6),
    )
    assert quarter.rows == (
        original,
        ("edropout", "25.0", "70.00", "70.00; 1 waiting", "20.00", "-", "-", "2.00x", "40.0", "5.0"),
        ("l1", "25.0", "50.00", "50.00; 1 diverged", "40.00", "-20.00", "0", "2.00x", "40.0", "5.0"),
    )


def test_intervals_significant_seeds_and_means_in_the_table():
    (table,) = race_tables(three_seeds())
    assert table.rows[1][3] == "± 0.00"
    assert table.rows[2][5:7] == ("-3.33 ± 37.95", "0")
    (table,) = race_tables(contradiction())
    assert table.rows[2][5:7] == ("+50.00, -58.33", "1+ 1-")
    first = cell("l1", 0, result(SEVEN, ratio=2.0, kept=0.48, seconds=60))
    (table,) = race_tables(race_of(first, cell("l1", 1, result(EIGHT, ratio=None, kept=0.50, seconds=120))))
    # lost: 20 and 10 points; minutes: 01, 03 and 05 as given, the teacher (02) for 120 s, the verdict does not count
    assert table.rows[1] == ("l1", "49.0", "75.00", "70.00, 80.00", "15.00", "-", "-", "2.00x", "40.0", "6.5")
    (bare,) = race_tables(race_of(cell("l1", 0, result(SEVEN, ratio=None))))
    assert bare.rows[1][7] == "-"


def test_with_both_kinds_of_budget_a_table_has_each_methods_networks_the_fastest_first():
    _half, twice, both = race_tables(both_kinds())
    assert twice.title == "Methods at 2x the speed"
    assert both.columns == ("method", "budget", "faster", "Top-1", "seeds", "lost", "MACs")
    assert both.rows == (
        ("edropout", "2x the speed", "2.04x", "70.00", "70.00", "20.00", "30.0"),
        ("edropout", "50 % of the MACs", "1.60x", "70.00", "70.00", "20.00", "50.0"),
        ("l1", "2x the speed", "1.90x", "0.00", "0.00", "90.00", "40.0"),
        ("l1", "50 % of the MACs", "1.50x", "50.00", "50.00", "40.00", "50.0"),
    )
    assert "hollow" in render_race_documents(both_kinds())["accuracy-latency.svg"]


def test_a_cell_has_one_budget_and_those_of_old_races_are_of_macs(tmp_path):
    document = json.loads(render_race_documents(both_kinds())["race.json"])
    for one in document["cells"][:2]:
        del one["target_speedup"], one["target_latency_ms"]
    (tmp_path / "race.json").write_text(json.dumps(document | {"schema_version": "1.0"}))
    assert read_race(tmp_path).cells == both_kinds().cells
    document["cells"][0]["target_latency_ms"] = 3.0
    (tmp_path / "race.json").write_text(json.dumps(document))
    with pytest.raises(BadInputError, match="got keep_macs and target_latency_ms"):
        read_race(tmp_path)


def test_json_is_read_again_keeps_its_schema_and_that_of_committed_races(rendered, tmp_path):
    assert set(rendered) == {"race.json", "race.md", "race.html", "accuracy-latency.svg"}
    assert read_race(tmp_path) is None
    (tmp_path / "race.json").write_text(rendered["race.json"])
    assert read_race(tmp_path) == two_seeds()
    schema = json.loads(document_schema(RaceReport))
    document = json.loads(rendered["race.json"])
    assert set(schema["properties"]) == set(document)
    assert set(schema["$defs"]["RaceCell"]["properties"]) == set(document["cells"][0])
    (tmp_path / "race.json").write_text('{"schema_version": "9.0"}')
    with pytest.raises(BadInputError, match="not a race report that this version can read"):
        read_race(tmp_path)
    for name in ("race_squeezenet_half", "race_squeezenet_quarter"):
        assert all(cell.outcome != "waiting" for cell in read_race(ROOT / "benchmarks" / name).cells)


def test_plots_of_each_budget_and_over_latency():
    found = plots(two_seeds())
    assert [plot.title for plot in found] == [
        "Accuracy at 50 % of the MACs", "Accuracy at 25 % of the MACs", "Accuracy over measured latency",
        "Accuracy over measured latency at 50 % of the MACs", "Accuracy over measured latency at 25 % of the MACs",
    ]  # fmt: skip
    half, quarter, both, timed_half, _timed_quarter = (plot.description for plot in found)
    assert half.endswith(
        "original 90.00 %; l1 at 50 % of the MACs: 80.00 % at 50.0; edropout at 50 % of the MACs: 75.00 % at 50.0."
    )
    assert quarter.endswith("edropout at 25 % of the MACs: 70.00 % at 25.0; l1 at 25 % of the MACs: 50.00 % at 25.0.")
    at_half = "l1 at 50 % of the MACs: 80.00 % at 45.8; edropout at 50 % of the MACs: 75.00 % at 50.0"
    assert at_half in both  # l1: the mean of 100 / 2.4 and 100 / 2
    assert at_half in timed_half
    assert "l1 at 25 %" in both
    assert "l1 at 25 %" not in timed_half


def test_cells_without_a_time_are_not_in_the_plot_over_latency():
    report = race_of(cell("l1", 0, result(SEVEN)), cell("l2", 0, result(EIGHT, ratio=None)))
    by_macs, over_time = (plot.description for plot in plots(report))
    assert "l2 at 50 % of the MACs: 80.00 %" in by_macs
    assert "l2" not in over_time
    assert len(plots(race_of(cell("l1", 0, result(SEVEN, ratio=None))))) == 1
    begun = race_of(cell("l1", 0, None))
    assert (plots(begun), race_document(begun).sections[-1].texts[-2]) == ([], "1 cell of 1 still to run.")


def test_the_picture_is_a_file_beside_the_markdown_once_something_is_timed(rendered):
    assert "![Accuracy over work and latency](accuracy-latency.svg)" in rendered["race.md"]
    words = fromstring(rendered["accuracy-latency.svg"]).attrib["aria-label"]
    assert words.endswith(
        "original = 100 % (batch 1, 1 thread), medians over seeds; original 90.00 %; "
        "l1 at 50 % of the MACs: 80.00 % at 45.8; edropout at 50 % of the MACs: 75.00 % at 50.0; "
        "edropout at 25 % of the MACs: 70.00 % at 50.0; l1 at 25 % of the MACs: 50.00 % at 50.0."
    )
    untimed = render_race_documents(race_of(cell("l1", 0, result(SEVEN, ratio=None))))
    assert set(untimed) == {"race.json", "race.md", "race.html"}
    assert "svg" not in untimed["race.md"]


def test_names_of_users_are_text_in_every_document(rendered):
    page = Page(rendered["race.html"])
    assert [values.get("role") for values in page.of("svg")].count("img") == 5
    assert not page.of("script")
    assert HOSTILE in page.text
    assert r"\<script>alert(1)\</script>\[/red\]" in rendered["race.md"]
    assert "**At 50 % of the MACs l1 is first" in rendered["race.md"]
    assert "| l1 | 50.0 | 80.00 | 80.00, 80.00 |" in rendered["race.md"]
    stream = io.StringIO()
    render_terminal(race_document(two_seeds()), Console(file=stream, width=80))
    shown = stream.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert HOSTILE.replace("`", "") in re.sub(r"\s", "", shown).replace("`", "")
