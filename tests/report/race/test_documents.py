"""The race's documents: who won is said, nothing is lost, names are text."""

import io
import json
import re

import pytest
from rich.console import Console

from compress.errors import BadInputError
from compress.report.race.documents import read_race, render_race_documents
from compress.report.race.tables import race_table
from compress.report.race.text import render_race
from compress.report.race.words import headlines, notes
from tests.report.compare.test_page import Page
from tests.report.race.races import cell, race_of, result

SEVEN, EIGHT, FIVE = "1111111000", "1111110011", "1111100000"
HOSTILE = "<script>alert(1)</script>[/red]|`"


def two_seeds():
    return race_of(
        cell("edropout", 0, result(SEVEN)), cell("l1", 0, result(EIGHT, ratio=2.4)),
        cell("bn-scale", 0, None, outcome="not applicable", reason=f"no BatchNorm in {HOSTILE}"),
        cell("edropout", 1, result(EIGHT)), cell("l1", 1, result(EIGHT)),
        cell("bn-scale", 1, None, outcome="not applicable", reason=f"no BatchNorm in {HOSTILE}"),
        cell("edropout", 0, result(SEVEN, kept=0.25), share=0.25), cell("l1", 0, result(FIVE, kept=0.25), share=0.25),
        cell("l1", 1, None, share=0.25, outcome="diverged", reason="the loss became nan"),
        cell("edropout", 1, None, share=0.25),
    )  # fmt: skip


def test_whoever_wins_is_said():
    assert headlines(two_seeds()) == (
        "At 50 % of the MACs l1 is first: 80.00 % Top-1, 5.00 points ahead of edropout "
        "(by seed +10.00, p 1 and 0.00, p 1); edropout is number 2 of 2 with 75.00 %.",
        "At 25 % of the MACs edropout is first: 70.00 % Top-1; next is l1, 20.00 points behind edropout "
        "(one seed, p 0.5).",
    )
    alone = race_of(cell("edropout", 0, result(SEVEN)))
    assert headlines(alone) == ("At 50 % of the MACs edropout is first: 70.00 % Top-1; nothing else has finished.",)
    without = race_of(cell("l1", 0, result(SEVEN)), cell("l2", 0, result(FIVE)))
    assert headlines(without)[0].endswith("; edropout has not finished.")
    level = race_of(cell("edropout", 0, result(SEVEN)), cell("l1", 0, result(SEVEN)))
    assert headlines(level)[0].endswith("next is l1, level with edropout (one seed, p 1).")


def test_three_seeds_have_an_interval():
    cells = [cell("edropout", seed, result(SEVEN)) for seed in range(3)]
    cells += [cell("l1", seed, result(bits)) for seed, bits in enumerate((EIGHT, SEVEN, FIVE))]
    report = race_of(*cells)
    # 10, 0 and -20 points: mean -3.33, sd 15.28, t 4.303: -3.33 -+ 37.95
    words = "3.33 points behind edropout (ahead in 1 of 3 seeds, 95 % t-interval over seeds -41.28 to +34.61)"
    assert words in headlines(report)[0]
    rows = race_table(report).rows
    assert rows[1][3] == "± 0.00"
    assert rows[2][5:7] == ("-3.33 ± 37.95", "0")


def test_seeds_that_disagree_are_said_to():
    """The network that is right on 6 images more, of 12, is clearly better in that seed: p = 2 / 2^6."""
    report = race_of(
        cell("edropout", 0, result("0" * 12)), cell("l1", 0, result("1" * 6 + "0" * 6)),
        cell("edropout", 1, result("1" * 7 + "0" * 5)), cell("l1", 1, result("0" * 12)),
    )  # fmt: skip
    assert (
        "next is l1, 4.17 points behind edropout (by seed +50.00, p 0.031 and -58.333, p 0.016: the seeds disagree)."
        in headlines(report)[0]
    )
    assert race_table(report).rows[2][5:7] == ("+50.00, -58.33", "1+ 1-")
    said = "At 50 % of the MACs the seeds disagree on l1: clearly ahead of edropout in 1, clearly behind in 1."
    assert said in notes(report)
    assert not any("disagree" in note for note in notes(two_seeds()))


def test_the_table():
    table = race_table(two_seeds())
    assert table.columns[:7] == ("method", "MACs", "Top-1", "seeds", "lost", "against", "clear")
    assert table.rows == (
        ("original", "100.0", "90.00", "90.00, 90.00", "0.00", "-", "-", "1.00x", "100.0", "3.0"),
        ("l1", "50.0", "80.00", "80.00, 80.00", "10.00", "+10.00, +0.00", "0", "2.20x", "40.0", "5.0"),
        ("edropout", "50.0", "75.00", "70.00, 80.00", "15.00", "-", "-", "2.00x", "40.0", "5.0"),
        ("bn-scale", "-", "-", "not applicable", *["-"] * 6),
        ("edropout", "25.0", "70.00", "70.00; 1 waiting", "20.00", "-", "-", "2.00x", "40.0", "5.0"),
        ("l1", "25.0", "50.00", "50.00; 1 diverged", "40.00", "-20.00", "0", "2.00x", "40.0", "5.0"),
    )


def test_notes_say_what_the_numbers_are_worth():
    text = "\n".join(notes(two_seeds()))
    assert "two equal methods still differ the same way in every seed once in 2 times" in text
    assert "Of 3 tests between equals one in 20 is clear." in text
    assert "bn-scale: not applicable (bn-scale-50-seed0 and 1 more): no BatchNorm in" in text
    assert "l1: diverged (l1-25-seed1): the loss became nan" in text
    assert "1 cell of 10 still to run." in text
    assert "One seed: another one may turn" in "\n".join(notes(race_of(cell("l1", 0, result(SEVEN)))))


def test_json_comes_back_and_a_damaged_one_is_refused(tmp_path):
    report = two_seeds()
    documents = render_race_documents(report)
    assert set(documents) == {"race.json", "race.md", "race.html"}
    assert read_race(tmp_path) is None
    (tmp_path / "race.json").write_text(documents["race.json"])
    assert read_race(tmp_path) == report
    assert json.loads(documents["race.json"])["schema_version"] == "1.0"
    (tmp_path / "race.json").write_text('{"schema_version": "9.0"}')
    with pytest.raises(BadInputError, match="no report of a race that this version can read"):
        read_race(tmp_path)


def test_the_page_shows_both_pictures_and_runs_nothing():
    page = Page(render_race_documents(two_seeds())["race.html"])
    pictures = [values["aria-label"] for tag, values in page.tags if (tag, values.get("role")) == ("svg", "img")]
    assert [label.split(",")[0] for label in pictures] == [
        "Top-1 at 50 % of the MACs", "Top-1 at 25 % of the MACs", *["Top-1 over time per call"] * 3,
    ]  # fmt: skip
    assert pictures[0].endswith("original 90.00 %; l1: 80.00 % at 50.0; edropout: 75.00 % at 50.0.")
    assert pictures[1].endswith("original 90.00 %; edropout: 70.00 % at 25.0; l1: 50.00 % at 25.0.")
    at_half = "l1 at 50 % of the MACs: 80.00 % at 45.8; edropout at 50 % of the MACs: 75.00 % at 50.0"
    assert at_half in pictures[2]  # l1: the mean of 100 / 2.4 and 100 / 2
    assert at_half in pictures[3]
    assert "l1 at 25 %" in pictures[2]
    assert "l1 at 25 %" not in pictures[3]
    assert "script" not in {tag for tag, _ in page.tags}
    assert any(HOSTILE in words for words in page.words)
    links = [link for name in ("href", "src", "xlink:href") for link in page.attributes(name)]
    assert all(link.startswith(("#", "data:")) for link in links)


def test_the_page_of_a_race_that_has_just_begun():
    text = render_race_documents(race_of(cell("l1", 0, None)))["race.html"]
    assert "1 cell of 1 still to run." in text
    assert "<svg" not in text


def test_a_cell_without_a_time_is_not_drawn_over_time():
    report = race_of(cell("l1", 0, result(SEVEN)), cell("l2", 0, result(EIGHT, ratio=None)))
    page = Page(render_race_documents(report)["race.html"])
    by_macs, over_time = (values["aria-label"] for tag, values in page.tags if tag == "svg" and "role" in values)
    assert "l2: 80.00 %" in by_macs
    assert "l2" not in over_time


def test_untimed_cells_have_one_picture():
    page = Page(render_race_documents(race_of(cell("l1", 0, result(SEVEN, ratio=None))))["race.html"])
    assert [values.get("role") for tag, values in page.tags if tag == "svg"].count("img") == 1


def test_markdown_escapes_and_the_terminal_keeps_to_its_width():
    report = two_seeds()
    text = render_race_documents(report)["race.md"]
    assert "- **At 50 % of the MACs l1 is first" in text
    assert "| l1 | 50.0 | 80.00 | 80.00, 80.00 |" in text
    assert r"\<script>alert(1)\</script>\[/red\]" in text
    stream = io.StringIO()
    render_race(report, Console(file=stream, width=80))
    shown = stream.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert HOSTILE.replace("`", "") in re.sub(r"\s", "", shown).replace("`", "")
