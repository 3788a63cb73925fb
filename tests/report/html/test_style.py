"""Contrast of the page's colours, after WCAG 2's formula."""

import re
from itertools import product
from pathlib import Path

import pytest

import compress.report.html
from compress.report.plots.svg import SERIES

CSS = (Path(compress.report.html.__file__).parent / "templates" / "style.css").read_text()
LIGHT, DARK, PAPER = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula_gives_the_known_ends():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", [LIGHT, DARK, LIGHT | PAPER], ids=["light", "dark", "print"])
def test_text_and_marks_are_readable(scheme):
    for ink, ground in product(("ink", "muted", "accent", "good", "bad"), ("page", "panel", "soft")):
        assert contrast(scheme[ink], scheme[ground]) >= 4.5, (ink, ground)
    for tone in ("good", "bad"):
        assert contrast(scheme[tone], scheme[f"{tone}-soft"]) >= 4.5, tone
        assert contrast(scheme["ink"], scheme[f"{tone}-soft"]) >= 4.5, tone
    for number in range(len(SERIES)):
        assert contrast(scheme[f"series-{number}"], scheme["panel"]) >= 3, number
