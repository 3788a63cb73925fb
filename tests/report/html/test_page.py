import base64
import re
from itertools import pairwise

import pytest

from compress.report.html.run_page import render_run_html as render_html
from tests.report import sample
from tests.report.html.documents import HOSTILE, Document, crowded, hostile, large

REPORTS = {"run": sample.report, "full": sample.full_report, "foreign": sample.foreign_report, "hostile": hostile,
           "large": large}  # fmt: skip


@pytest.fixture(scope="module", params=REPORTS, ids=str)
def page(request):
    return Document(render_html(REPORTS[request.param]()))


def test_every_tag_is_closed_and_every_id_is_the_only_one(page):
    assert page.unclosed == []
    assert page.strays == []
    ids = [attributes["id"] for _tag, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a.get("href") or a.get("xlink:href") or "" for tag, a in page.tags if tag in ("a", "use")]
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_nothing_runs_and_nothing_is_fetched(page):
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
    policy = next(a["content"] for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_pictures_and_headings_speak(page):
    assert all(a.get("alt") for a in page.of("img"))
    assert all(a.get("aria-label") or a.get("aria-hidden") == "true" for a in page.of("svg"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_verdict_comes_first():
    text = Document(render_html(sample.full_report())).text
    order = ["pruned against original", "Failed: 1 of 3 gates", "max-drop: 1.25 points", "1.50\N{MULTIPLICATION SIGN}",
             "\N{MINUS SIGN}1.25 points", "Gained", "No difference shown Top-1", "Also 3 other files in words",
             "original int8: 2.40x", "Note noisy timing", "two images were skipped", "Networks",
             "How it was timed"]  # fmt: skip
    places = [" ".join(text.split()).index(words) for words in order]
    assert places == sorted(places)


def test_all_gates_passed_is_said():
    report = sample.full_report()
    kept = tuple(gate for gate in report.gates if gate.passed)
    text = Document(render_html(sample.full_report(gates=kept))).text
    assert "Passed: 2 gates" in text
    assert "Failed" not in text


def test_the_large_numbers_are_the_reports():
    text = " ".join(Document(render_html(sample.report())).text.split())
    assert "1.50\N{MULTIPLICATION SIGN} as fast 1.50 \N{RIGHTWARDS ARROW} 1.00 ms 95 %: 1.48 to 1.55" in text
    # 1.25 points: 40 of 400 wrong, then 45.
    assert "\N{MINUS SIGN}1.25 points 90.00 % \N{RIGHTWARDS ARROW} 88.75 %" in text
    assert "2.50\N{MULTIPLICATION SIGN} smaller 3.00 MB \N{RIGHTWARDS ARROW} 1.20 MB" in text


def test_a_slower_and_larger_candidate_is_not_praised():
    report = sample.report()
    worse = report.candidate.model_copy(update={"size_bytes": 6_000_000})
    page = render_html(
        sample.report(
            networks=(report.original, worse),
            latency=(sample.latency_row(1, 1, 0.70, 0.75, 0.80, before=1.5, after=2.0),),
        )
    )
    tones = dict(re.findall(r'<li class="tile (\w+)">\s*<span class="name">(\w+)', page)[i][::-1] for i in range(4))
    assert tones == {"Speed": "bad", "Top": "plain", "File": "bad", "MACs": "good"}
    assert "2.00\N{MULTIPLICATION SIGN} <small>larger</small>" in page


def test_int8_rows_say_what_pruning_and_what_quantising_bought():
    text = Document(render_html(sample.full_report())).text
    assert "2.30x as fast as pruned (2.20 to 2.50), at batch 1, 1 thread" in text
    assert "0.50 points lost against pruned (0.58 gained to 1.65 lost, no difference shown)" in text
    assert "calibrated (minmax) on 512 training images, weights int8 per channel, activations uint8" in text


def test_tiles_and_lists_agree():
    """Better by less than half a percent, and by less than a percent of time, is neither."""
    report = sample.report()
    equal = report.candidate.model_copy(update={"size_bytes": 2_990_000})
    page = render_html(
        sample.report(networks=(report.original, equal), latency=(sample.latency_row(1, 1, 1.002, 1.005, 1.008),))
    )
    tones = dict(re.findall(r'<li class="tile (\w+)">\s*<span class="name">(\w+)', page)[i][::-1] for i in range(4))
    assert tones == {"Speed": "plain", "Top": "plain", "File": "plain", "MACs": "good"}
    same = page[page.index("No difference shown</h2>") :]
    assert [line.split()[0] for line in re.findall("<li>(.*?)</li>", same)[:3]] == ["file", "Top-1", "latency"]


def test_the_tradeoff_is_over_ratios_not_over_milliseconds_of_other_pairs():
    page = Document(render_html(sample.full_report()))
    (told,) = [a["aria-label"] for a in page.of("svg") if (a.get("aria-label") or "").startswith("Top-1 over time")]
    assert told == (
        "Top-1 over time per call, original = 100 % (batch 1, 1 thread). original: 90.00 % at 100; pruned: 88.75 % at "
        "66.7; original int8: 89.75 % at 41.7; pruned int8: 88.25 % at 28.6; pruned fp16: 88.75 % at 102."
    )
    calls = [a["aria-label"] for a in page.of("svg") if "median" in (a.get("aria-label") or "")]
    assert len(calls) == 6
    assert all(label.count("median") == 2 for label in calls)  # a pair each
    assert (
        "pruned int8 against pruned, batch 1, 1 thread: pruned: median 1.00 ms; pruned int8: median 0.430 ms." in calls
    )


def test_more_networks_than_names_fit_are_numbered_as_in_the_table():
    page = render_html(crowded())
    plots = "".join(re.findall(r'<svg class="plot".*?</svg>', page, re.DOTALL)[:2])
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", plots)
    assert not {"original", "pruned", "pruned int8"} & set(texts)
    assert {"1", "2", "3", "4", "5"} <= set(texts)
    assert "<b>4</b> pruned int8" in page
    assert "<b>6</b> copy 1" in page
    assert "Numbers are those in the table above." in page
    assert "<b>1</b>" not in render_html(sample.full_report())  # five have room for their names


def test_milliseconds_are_of_the_pair_with_the_original():
    odd = sample.full_report().latency[4]
    assert (odd.original, odd.candidate) == ("pruned", "pruned int8")
    slow = sample.latency_row(1, 1, 2.2, 2.3, 2.5, against="pruned", other="pruned int8", before=9.9, after=7.7)
    rows = tuple(row if row is not odd else slow for row in sample.full_report().latency)
    page = render_html(sample.full_report(latency=(slow, *(row for row in rows if row is not slow))))
    table = page[page.index('class="data results"') : page.index("</table>", page.index('class="data results"'))]
    assert "0.430" in table
    assert "7.70" not in table
    assert "9.90" not in table


def test_both_fingerprints_and_how_memory_was_measured_are_there():
    text = " ".join(Document(render_html(sample.full_report())).text.split())
    assert "sha256 of test images and labels (what compare goes by)" + "e" * 64 in text
    assert "sha256 of all images, labels and splits" + "f" * 64 in text
    assert "9.50 MB for opening the file and one call (batch 1, 1 thread)" in text


def test_the_course_of_the_search_is_not_read_as_progress():
    run = sample.run_facts(
        search=sample.run_facts().search.model_copy(update={"history": sample.search_history(4), "converged_at": None})
    )
    text = " ".join(Document(render_html(sample.report(run=run))).text.split())
    assert "states frozen after 80 % of the search, as planned" in text
    assert "not converged" not in text
    assert "Energies of different epochs belong to different budgets and weights" in text


def test_files_from_elsewhere_have_no_course():
    page = Document(render_html(sample.foreign_report()))
    ids = {a.get("id") for a in page.of("section")}
    assert ids == {"verdict", "networks", "latency", "answers", "protocol"}
    assert "Settings of the run" not in page.text
    assert "uint8, NHWC" in page.text


def test_without_timings_the_tradeoff_is_over_macs():
    report = sample.report(latency=())
    text = Document(render_html(report)).text
    assert "Accuracy and work" in text
    assert "median, ms" not in text


def test_names_of_users_are_shown_and_do_nothing():
    html = render_html(hostile())
    page = Document(html)
    shown = [name for name in HOSTILE if name.isprintable()]
    assert len(shown) == 5
    # As a network, a class, a layer, its kind, its note, an input or an output, a setting, a note, a file, a machine.
    assert page.text.count(HOSTILE[0]) > 15
    for name in shown:
        assert name in page.text
        assert name not in html or "<" not in name
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert not [a for a in page.of("img") if not a["src"].startswith("data:image/png;base64,")]


def test_a_thousand_classes_are_a_hundred_rows():
    text = Document(render_html(large())).text
    assert "The 100 with the largest change of 1000 classes" in text
    assert len(render_html(large())) < 400_000


def test_changed_images_are_inside():
    report = sample.full_report()
    page = Document(render_html(report))
    sources = {a["src"].partition(",")[2] for a in page.of("img")}
    assert sources == {image.png for image in report.changed}
    assert len(sources) > 0
    assert all(base64.b64decode(source).startswith(b"\x89PNG") for source in sources)
    assert "Only original has it right" in page.text


def test_same_report_same_bytes():
    assert render_html(sample.full_report()) == render_html(sample.full_report())


def test_no_address_is_in_the_page():
    assert "http:" not in render_html(sample.full_report())
    assert "https:" not in render_html(sample.full_report())
