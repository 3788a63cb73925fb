"""A race's picture: medians, ranges, the methods' order, and a file that needs no page around it."""

import re
from xml.etree.ElementTree import Element, fromstring

import pytest

from compress.report.plots.race_picture import draw_race_picture
from compress.report.plots.tradeoff import Entry

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"


def entry(label: str, number: int, budget: str, *runs: tuple[float, float], hollow: bool = False) -> Entry:
    """Its spans are not what the picture shows: it takes medians and ranges of the runs."""
    return Entry(
        label=label, number=number, budget=budget, accuracy=(80, 80, 80), cost=(50, 50, 50), runs=runs, hollow=hollow
    )


def picture(*entries: Entry, leader: str = "first") -> Element:
    text = draw_race_picture(entries, original=[91.0, 89.0, 90.0], leader=leader, cost="time")
    assert "var(" not in text  # the page's colours are not there
    assert "#01010" not in text
    return fromstring(text)


def legend(svg: Element) -> list[str]:
    names = ("original", "first", "second", "third")
    return [text.text for text in svg.iter(f"{SVG}text") if text.text.startswith(names)]


def marks(svg: Element) -> dict[str, list[tuple[float, float]]]:
    """Colour -> places of the marks with an edge, the legend's last."""
    found: dict[str, list[tuple[float, float]]] = {}
    for mark in svg.iter(f"{SVG}use"):
        style = mark.attrib.get("style", "")
        if "stroke: #16202c" in style:  # the ink of the light page
            colour = re.search(r"fill: (#\w+)", style).group(1)
            found.setdefault(colour, []).append((float(mark.attrib["x"]), float(mark.attrib["y"])))
    return found


def test_marks_are_medians_over_the_seeds():
    odd = entry("first", 0, "50 %", (10.0, 70.0), (40.0, 86.0), (41.0, 85.0))
    same = entry("second", 1, "50 %", (40.0, 85.0), (40.0, 85.0), (40.0, 85.0))
    first, second = (places[0] for places in marks(picture(odd, same)).values())
    assert first == pytest.approx(second)


def test_a_line_joins_the_budgets_of_a_method_and_the_leaders_is_thick():
    entries = [
        entry(label, number, budget, (cost, top1 - number))
        for budget, cost, top1 in (("50 %", 50.0, 85.0), ("25 %", 30.0, 80.0))
        for number, label in enumerate(("first", "second"))
    ]
    for leader, widths in (("first", ["3", "1.1"]), ("second", ["1.1", "3"])):
        svg = picture(*entries, leader=leader)
        drawn = {}
        for colour in ("#3f90da", "#ffa90e"):  # the first two colours of a race
            lines = [
                path.attrib["style"] for path in svg.iter(f"{SVG}path") if f"stroke: {colour}" in path.get("style", "")
            ]
            drawn[colour] = {re.search(r"stroke-width: ([\d.]+)", line).group(1) for line in lines}
        assert [width in drawn[colour] for colour, width in zip(drawn, widths, strict=True)] == [True, True]
        assert all(len(places) == 3 for places in marks(svg).values())  # two budgets and the legend


def test_the_legend_has_the_best_of_the_smallest_budget_first():
    svg = picture(
        entry("first", 0, "50 %", (50.0, 88.0)), entry("third", 2, "50 %", (50.0, 87.0)),
        entry("second", 1, "25 %", (25.0, 86.0)), entry("first", 0, "25 %", (25.0, 85.0)),
    )  # fmt: skip
    assert legend(svg) == ["original (at 100 %)", "second", "first", "third"]
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    assert {"50 %", "25 %", "Top-1, %", "time"} <= set(texts)


def test_the_file_stands_alone_and_says_what_it_shows():
    svg = picture(entry("first", 0, "50 %", (50.0, 88.0), (52.0, 86.0)))
    assert svg.tag == f"{SVG}svg"
    assert (
        svg.attrib["aria-label"]
        == "Top-1 over time, medians over seeds; original 90.00 %; first at 50 %: 87.00 % at 51.0."
    )
    assert svg.find(f"{SVG}rect").attrib == {"width": "100%", "height": "100%", "fill": "#ffffff"}
    targets = {mark.attrib[f"{XLINK}href"] for mark in svg.iter(f"{SVG}use")}
    assert targets <= {f"#{part.attrib['id']}" for part in svg.iter() if "id" in part.attrib}


def test_budgets_of_latency_have_hollow_marks_a_line_of_their_own_and_names_above():
    svg = picture(
        entry("first", 0, "50 %", (60.0, 88.0)), entry("first", 0, "25 %", (40.0, 85.0)),
        entry("first", 0, "2x", (50.0, 87.0), hollow=True), entry("first", 0, "3x", (33.0, 84.0), hollow=True),
    )  # fmt: skip
    assert legend(svg) == ["original (at 100 %)", "first"]  # and what hollow is
    assert len(marks(svg)["#3f90da"]) == 3  # the two of MACs, and the legend
    lines = [path.attrib["style"] for path in svg.iter(f"{SVG}path") if "stroke-width: 3" in path.get("style", "")]
    assert ["dasharray" in line for line in lines] == [False, True, False]  # the last is the legend's
    (_, at_88), (_, at_85), *_legend = marks(svg)["#3f90da"]
    names = {text.text: float(text.attrib["y"]) for text in svg.iter(f"{SVG}text") if "y" in text.attrib}
    assert names["50 %"] > at_88
    assert names["2x"] < at_88 + (at_85 - at_88) / 3  # the height of 87
