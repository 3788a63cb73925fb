"""The HTML page, taken apart by a parser: well formed, silent, complete; and its style sheet: readable colours."""

import base64
import re
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

import compress.report.html
from compress.report.html import draw_marks
from compress.report.network_tables import class_table
from compress.report.plots.svg import SERIES
from compress.report.sections import Bars, Interval
from tests.report import sample
from tests.report.html.documents import HOSTILE, REPORTS, Page, check_order, html_of, page_of

TIMES, MINUS, ARROW = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}", "\N{RIGHTWARDS ARROW}"


@pytest.mark.parametrize("name", REPORTS)
def test_well_formed_silent_and_described(name):
    page = page_of(name)
    assert page.unclosed == page.strays == []
    ids = [attributes["id"] for _tag, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a.get("href") or a.get("xlink:href") or "" for tag, a in page.tags if tag in ("a", "use")]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for source in ("src", "href", "xlink:href"):
            assert (attributes.get(source) or "#").startswith(("#", "data:")), (tag, attributes)
    policy = next(a["content"] for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert all(a.get("alt") for a in page.of("img"))
    assert all(a.get("aria-label") or a.get("aria-hidden") == "true" for a in page.of("svg"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_all_parts_in_order():
    order = ["pruned against original", "Failed: 1 gate", "max-drop: 1.25 points", "Passed: 2 gates", f"1.50{TIMES}",
             f"{MINUS}1.25 points", "Gained", "No difference shown Top-1", "Also 3 other files in words",
             "original int8: 2.40x", "Note noisy timing", "two images were skipped", "How it was timed",
             "Accuracy of the files", f"Latency, original {ARROW} pruned", "Only original has it right", "Settings",
             "Written by compress 0.1.0 at 2026-11-22T08:00:00+00:00, schema 2.0."]  # fmt: skip
    text = " ".join(page_of("full").text.split())
    text = text[text.index("Skip to the content") :]
    check_order(text, order)
    for fact in (
        f"1.50{TIMES} as fast 1.50 {ARROW} 1.00 ms 95 %: 1.48 to 1.55",
        f"{MINUS}1.25 points 90.00 % {ARROW} 88.75 %",  # 40 of 400 wrong, then 45
        f"2.50{TIMES} smaller 3.00 MB {ARROW} 1.20 MB",
        "2.30x as fast as pruned (2.20 to 2.50), at batch 1, 1 thread",
        "calibrated (minmax) on 512 training images, weights int8 per channel, activations uint8",
        "9.50 MB for opening the file and one call (batch 1, 1 thread)",
        "Energies of different epochs belong to different budgets and weights",
    ):
        assert fact in text


def test_the_plots_describe_themselves():
    labels = [a["aria-label"] for a in page_of("full").of("svg") if "aria-label" in a]
    assert labels[0] == (
        "Top-1 over time per call, original = 100 % (batch 1, 1 thread). original: 90.00 % at 100; pruned: 88.75 % at "
        "66.7; original int8: 89.75 % at 41.7; pruned int8: 88.25 % at 28.6; pruned fp16: 88.75 % at 102."
    )
    calls = [label for label in labels if "median" in label]
    last = "pruned int8 against pruned, batch 1, 1 thread: pruned: median 1.00 ms; pruned int8: median 0.430 ms."
    assert last in calls
    assert len(calls) == 6


@pytest.mark.parametrize(
    ("size", "ratios", "tones"),
    [
        (6_000_000, (0.70, 0.75, 0.80), {"Speed": "bad", "Top": "plain", "File": "bad"}),
        (2_990_000, (1.002, 1.005, 1.008), {"Speed": "plain", "Top": "plain", "File": "plain"}),
    ],
    ids=["worse", "same"],
)
def test_tiles_and_sentences_agree(size, ratios, tones):
    """A difference of less than half a percent of size, or a percent of time, counts as none."""
    networks = sample.with_candidate(size_bytes=size).networks
    latency = (sample.latency_row(1, 1, *ratios),)
    text = html_of(sample.report(networks=networks, latency=latency, run=None))
    found = {name: tone for tone, name in re.findall(r'<li class="tile (\w+)">\s*<span class="name">(\w+)', text)}
    assert found == {**tones, "MACs": "good", "Parameters": "good"}
    words = {"File": "file", "Top": "Top-1", "Speed": "latency"}
    unchanged = [word for name, word in words.items() if tones[name] == "plain"]
    sentences = re.findall("<li>(.*?)</li>", text[text.index("No difference shown</h2>") :])
    assert [line.split()[0] for line in sentences[: len(unchanged)]] == unchanged


def test_parts_without_data_and_rows_past_a_hundred_are_left_out():
    text = page_of("foreign").text
    for words in ("Settings", "Channels", "Search and training", "Gates", "Where the time goes", "Checks: "):
        assert words not in text
    assert "uint8, NHWC" in text
    large = page_of("large").text  # a thousand classes
    assert "Classes, largest loss first, 100 of 1000" in large
    assert "84 more rows" in large
    untimed = Page(html_of(sample.report(latency=(), run=None))).text
    assert "Accuracy and work" in untimed
    assert "Latency, " not in untimed


def test_names_of_users_are_shown_and_do_nothing():
    page = page_of("hostile")
    shown = [name for name in HOSTILE if name.isprintable()]
    assert len(shown) == 5
    # As a network, a class, a layer, its kind, its note, an input or an output, a setting, a note, a file, a machine.
    assert page.text.count(HOSTILE[0]) > 15
    for name in shown:
        assert name in page.text
        assert name not in page.html or "<" not in name
    assert not {"\x1b", "\u202e"} & set(page.html)
    assert not [a for a in page.of("img") if not a["src"].startswith("data:image/png;base64,")]


def test_changed_images_are_inside_and_the_same_report_gives_the_same_bytes():
    sources = {a["src"].partition(",")[2] for a in page_of("full").of("img")}
    assert sources == {image.png for image in sample.full_report().changed} != set()
    assert all(base64.b64decode(source).startswith(b"\x89PNG") for source in sources)
    assert html_of(sample.report()) == page_of("run").html


def test_intervals_share_one_axis():
    """From -9.5 - 0.5 = -10 to 8.5 + 0.5 = 9 points, between 3 % and 97 % of the width."""
    worst, *others = draw_marks(
        [Interval(-9.5, -6.0, -2.5, "bad"), Interval(-0.5, 0.0, 0.5, "plain"), Interval(-0.5, 4.0, 8.5, "plain")]
    )

    def places(mark: str) -> list[float]:
        """Points from the left end: zero, the ends of the interval, the value."""
        found = re.search(r'"zero" x1="(.*?)%.*"span" x1="(.*?)%" x2="(.*?)%.*cx="(.*?)%', mark)
        return [(float(percent) - 3) * 19 / 94 for percent in found.groups()]

    assert places(worst) == pytest.approx([10, 0.5, 7.5, 4], abs=0.002)
    assert [places(mark)[0] for mark in others] == pytest.approx([10, 10], abs=0.002)
    assert 'class="interval bad"' in worst


def test_a_bar_is_a_share_of_the_longest_and_a_class_is_marked_with_its_change():
    first, second = draw_marks([Bars((1.0, 4.0)), Bars((0.0, 2.0))])
    assert re.findall(r"width:([\d.]+)%", first + second) == ["25.00", "100.00", "0.00", "50.00"]
    assert re.findall(r"width:([\d.]+)%", draw_marks([Bars((0.0,))])[0]) == ["0.00"]
    drop = sample.report().candidate.comparison.classes[0]
    assert class_table(sample.report()).marks[0] == Interval(-drop.high, -drop.points, -drop.low, "plain")


CSS = (Path(compress.report.html.__file__).parent / "templates" / "style.css").read_text()
LIGHT, DARK, PAPER = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)


def contrast(*colours: str) -> float:
    """After WCAG 2's formula."""
    luminances = []
    for colour in colours:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        luminances.append(np.dot([0.2126, 0.7152, 0.0722], linear))
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


def test_the_formula_gives_the_known_ends():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", [LIGHT, DARK, LIGHT | PAPER], ids=["light", "dark", "print"])
def test_text_and_marks_are_readable(scheme):
    pairs = [
        *product(("ink", "muted", "accent", "good", "bad"), ("page", "panel", "soft")),
        ("good", "good-soft"), ("ink", "good-soft"), ("bad", "bad-soft"), ("ink", "bad-soft"),
    ]  # fmt: skip
    assert [pair for pair in pairs if contrast(*map(scheme.get, pair)) < 4.5] == []
    series = [f"series-{number}" for number in range(len(SERIES))]
    assert [name for name in series if contrast(scheme[name], scheme["panel"]) < 3] == []
