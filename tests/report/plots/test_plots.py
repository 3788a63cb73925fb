import re
import subprocess
import sys

import matplotlib as mpl
import pytest

from compress.report.plots.run import Curve, NamedTiming, curve_of, draw_curves, draw_distributions, shown_up_to
from compress.report.plots.svg import SERIES, house_style, new_figure, series, shorten, to_svg
from compress.report.plots.tradeoff import Point, draw_tradeoff
from tests.report import sample
from tests.report.html.documents import HOSTILE, Page

pytestmark = pytest.mark.filterwarnings("error")


def curve(label="best"):
    return draw_curves([Curve(label, (1.0, 0.5), 0)], name="one", y_label="energy", description="falls")


def points(*labels):
    return [
        Point(label, (number + 1, number + 1, number + 1), (90, 89, 91), number) for number, label in enumerate(labels)
    ]


def test_colours_and_font_are_the_pages_and_text_is_text():
    svg = str(curve("mean of the population"))
    assert "var(--series-0)" in svg
    assert "var(--muted)" in svg
    assert not re.findall(r"#[0-9a-f]{6}", svg)
    assert "mean of the population</text>" in svg
    assert "DejaVu" not in svg


def test_ids_are_the_pictures_own():
    svg = Page(str(curve()))
    ids = [attributes["id"] for _tag, attributes in svg.tags if "id" in attributes]
    assert ids
    assert all(name.startswith("one-") for name in ids)
    assert svg.of("svg")[0]["aria-label"] == "falls"


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_drawn_as_it_is(name):
    svg = draw_tradeoff(points(name, "other"), name="plot", cost="ms", description=name)
    page = Page(svg)
    assert {tag for tag, _ in page.tags} <= {"svg", "g", "path", "defs", "clippath", "rect", "use", "text"}
    assert shorten(name, 26) in page.text
    assert page.unclosed == []


def test_a_name_that_looks_like_a_placeholder_stays():
    text = 'id="x" #010101 url(#y)'
    assert text in Page(draw_tradeoff(points(text), name="plot", cost="ms", description="")).text


def test_the_users_matplotlib_settings_change_nothing_and_stay():
    usual = str(curve())
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "lines.linewidth": 9}):
        assert str(curve()) == usual
        assert mpl.rcParams["font.size"] == 30


def test_another_process_draws_the_same_bytes():
    program = (
        "from compress.report.plots.run import Curve, draw_curves\n"
        "print(draw_curves([Curve('best', (1.0, 0.5), 0)], name='one', y_label='energy', description='falls'), end='')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == str(curve())


def test_shorten_keeps_both_ends():
    assert shorten("short") == "short"
    assert shorten("abcdefghij", 5) == "ab\N{HORIZONTAL ELLIPSIS}ij"
    assert len(shorten("x" * 100)) == 22
    assert shorten("a\nb") == "a\N{REPLACEMENT CHARACTER}b"


def test_series_repeat():
    assert series(0) == SERIES[0]
    assert series(10) == SERIES[0]
    assert len(set(SERIES)) == 10


def test_a_figure_has_the_size_asked_for():
    with house_style():
        figure, _axes = new_figure(200, width=300)
        assert 'viewBox="0 0 300 200"' in to_svg(figure, name="a", description="b")


def test_distributions_show_every_network_and_its_median():
    rows = [NamedTiming(name, sample.timing(ms), number) for number, (name, ms) in enumerate((("a", 1.5), ("b", 0.5)))]
    text = Page(draw_distributions(rows, name="calls", description="")).text
    assert "1.50 ms" in text
    assert "0.500 ms" in text


def test_distributions_of_equal_calls():
    still = sample.timing(1.0, sample_ms=(1.0,) * 50, p90_ms=1.0)
    assert "<svg" in draw_distributions([NamedTiming("a", still, 0)], name="calls", description="")


def test_curves_of_one_epoch_and_of_missing_numbers():
    assert curve_of([{"loss": 1.0}, {}], "loss", "loss", series=0) == ()
    assert curve_of([], "loss", "loss", series=0) == ()
    (one,) = curve_of([{"loss": 0.5}], "loss", "loss", series=0, scale=100)
    assert one.values == (50.0,)
    assert "<svg" in draw_curves([one], name="one", y_label="loss", description="", converged_at=1)


def test_a_tradeoff_names_every_network_once():
    close = [Point(f"network {n}", (1.0, 1.0, 1.0), (90 + 0.01 * n, 88, 92), n) for n in range(4)]
    text = Page(draw_tradeoff(close, name="plot", cost="ms", description="")).text
    assert [text.count(f"network {n}") for n in range(4)] == [1, 1, 1, 1]


def test_an_interrupted_call_does_not_squeeze_the_others():
    calm = tuple(1 + 0.01 * (n % 5) for n in range(99))
    steady = NamedTiming("a", sample.timing(1.02, sample_ms=calm, p90_ms=1.04), 0)
    hit = NamedTiming("a", sample.timing(1.02, sample_ms=(*calm, 80.0), p90_ms=1.04), 0)
    assert shown_up_to([steady]) == pytest.approx(1.02 * 1.04)
    # Quartiles 1.01 and 1.03; a tenth of the median is more than five times their distance.
    assert shown_up_to([hit]) == pytest.approx(1.02 * (1.03 + 0.102))
    half_of_them = NamedTiming("a", sample.timing(1.02, sample_ms=(*calm, *(80.0,) * 60), p90_ms=80.0), 0)
    assert shown_up_to([half_of_them]) == pytest.approx(1.02 * 2.5 * 1.02)
