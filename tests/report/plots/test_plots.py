import re
import subprocess
import sys

import matplotlib as mpl
import pytest

from compress.report.plots.run import Curve, NamedTiming, curve_of, draw_curves, draw_distributions, shown_up_to
from compress.report.plots.svg import SERIES, new_figure, series, shorten, to_svg
from compress.report.plots.tradeoff import Point, draw_tradeoff
from tests.report.html.documents import HOSTILE, Page
from tests.report.sample import timing

pytestmark = pytest.mark.filterwarnings("error")


def curve():
    return draw_curves([Curve("best", (1.0, 0.5), 0)], name="one", y_label="energy", description="falls")


def tradeoff(*points: Point, description: str = "") -> Page:
    return Page(draw_tradeoff(points, name="plot", cost="ms", description=description))


def distributions(*timings) -> str:
    rows = [NamedTiming(name, each, number) for number, (name, each) in enumerate(zip("ab", timings, strict=False))]
    return Page(draw_distributions(rows, name="calls", description="")).text


def test_colours_font_and_ids_are_the_pages_and_text_is_text():
    svg = Page(curve())
    for part in ("var(--series-0)", "var(--muted)", "best</text>"):
        assert part in svg.html
    assert not re.findall(r"#[0-9a-f]{6}|DejaVu", svg.html)
    ids = [attributes["id"] for _tag, attributes in svg.tags if "id" in attributes]
    assert ids
    assert all(name.startswith("one-") for name in ids)
    assert svg.of("svg")[0]["aria-label"] == "falls"


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_drawn_as_it_is(name):
    page = tradeoff(
        Point(name, (1, 1, 1), (90, 89, 91), 0), Point("other", (2, 2, 2), (90, 89, 91), 1), description=name
    )
    assert {tag for tag, _ in page.tags} <= {"svg", "g", "path", "defs", "clippath", "rect", "use", "text"}
    assert shorten(name, 26) in page.text
    assert page.unclosed == []


def test_a_tradeoff_names_every_network_once_and_keeps_what_looks_like_a_placeholder():
    names = [*(f"network {n}" for n in range(4)), 'id="x" #010101 url(#y)']
    text = tradeoff(*(Point(name, (1, 1, 1), (90 + 0.01 * n, 88, 92), n) for n, name in enumerate(names))).text
    assert [text.count(name) for name in names] == [1, 1, 1, 1, 1]


def test_the_users_matplotlib_settings_change_nothing_and_stay():
    usual = str(curve())
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "lines.linewidth": 9}):
        assert str(curve()) == usual
        assert mpl.rcParams["font.size"] == 30


def test_another_process_draws_the_same_bytes():
    program = (  # without the imports of this file
        "from compress.report.plots.run import Curve, draw_curves\n"
        "print(draw_curves([Curve('best', (1.0, 0.5), 0)], name='one', y_label='energy', description='falls'), end='')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == str(curve())


def test_long_names_keep_both_ends_colours_repeat_and_a_figure_has_the_size_asked_for():
    names = {"short": "short", "abcdefghijk" * 3: "abcdefghijk\N{HORIZONTAL ELLIPSIS}bcdefghijk", "a\nb": r"a\nb"}
    assert {name: shorten(name) for name in names} == names
    assert shorten("abcdefghij", 5) == "ab\N{HORIZONTAL ELLIPSIS}ij"
    assert series(0) == series(10) == SERIES[0]
    assert len(set(SERIES)) == 10
    with new_figure(200) as (figure, _axes):
        assert 'viewBox="0 0 420 200"' in to_svg(figure, name="a", description="b")


def test_distributions_show_every_network_and_its_median():
    text = distributions(timing(1.5), timing(0.5))
    assert all(median in text for median in ("1.50 ms", "0.500 ms"))
    assert "1.00 ms" in distributions(timing(1.0, sample_ms=(1.0,) * 50, p90_ms=1.0))  # all calls equal


def test_curves_of_one_epoch_and_of_missing_numbers():
    assert curve_of([{"loss": 1.0}, {}], "loss", "loss", series=0) == ()
    assert curve_of([], "loss", "loss", series=0) == ()
    (one,) = curve_of([{"loss": 0.5}], "loss", "loss", series=0, scale=100)
    assert (one.values, one.first, one.last) == ((50.0,), 1, 1)
    (later,) = curve_of([{"epoch": 6.0, "loss": 0.5}, {"epoch": 7.0, "loss": 0.4}], "loss", "loss", series=0)
    assert (later.first, later.last) == (6, 7)
    assert "<svg" in draw_curves([one], name="one", y_label="loss", description="", converged_at=1)


CALM = tuple(1 + 0.01 * (n % 5) for n in range(99))


@pytest.mark.parametrize(
    ("interrupted", "p90_ms", "end"),
    [
        ((), 1.04, 1.02 * 1.04),
        # Quartiles 1.01 and 1.03; a tenth of the median is more than five times their distance.
        ((80.0,), 1.04, 1.02 * (1.03 + 0.102)),
        ((80.0,) * 60, 80.0, 1.02 * 2.5 * 1.02),
    ],
    ids=["none", "one", "many"],
)
def test_an_interrupted_call_does_not_squeeze_the_others(interrupted, p90_ms, end):
    calls = timing(1.02, sample_ms=CALM + interrupted, p90_ms=p90_ms)
    assert shown_up_to([NamedTiming("a", calls, 0)]) == pytest.approx(end)
