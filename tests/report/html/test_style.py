"""Contrast of the page's colours, after WCAG 2's formula."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import compress.report.html
from compress.report.plots.svg import SERIES

CSS = (Path(compress.report.html.__file__).parent / "templates" / "style.css").read_text()
LIGHT, DARK, PAPER = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)


def contrast(*colours: str) -> float:
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
