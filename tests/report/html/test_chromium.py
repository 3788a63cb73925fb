"""The page in a real browser: silent, as wide as the screen, in the colours asked for."""

from itertools import combinations

import pytest

from compress.report.html.run_page import render_run_html as render_html
from tests.helpers.chromium import MISSING, PROGRAM, chromium
from tests.report import sample
from tests.report.html.documents import HOSTILE, crowded, hostile, large

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)

REPORTS = {"full": sample.full_report, "foreign": sample.foreign_report, "hostile": hostile, "large": large,
           "crowded": crowded}  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    found = {name: folder / f"{name}.html" for name in REPORTS}
    for name, file in found.items():
        file.write_text(render_html(REPORTS[name]()), encoding="utf-8")
    return found


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_silent_and_as_wide_as_the_screen(browser, files, name, width, dark):
    browser.show(files[name], width=width, dark=dark)
    browser.ask("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert browser.complaints == []
    assert browser.ask("document.documentElement.scrollWidth") == width
    assert browser.ask("document.documentElement.scrollHeight") > 1000


def test_these_checks_see_a_script_and_a_wide_page(browser, files, tmp_path):
    wrong = tmp_path / "wrong.html"
    page = files["foreign"].read_text(encoding="utf-8")
    wrong.write_text(page.replace("</main>", "<script>1</script><div style='width:3000px'>x</div></main>"))
    browser.show(wrong, width=390)
    assert "Content Security Policy" in browser.complaints[0]
    assert browser.ask("document.documentElement.scrollWidth") > 3000


def test_names_of_users_are_text(browser, files):
    browser.show(files["hostile"], width=1280)
    assert browser.ask("document.scripts.length") == 0
    assert browser.ask("document.querySelectorAll('[onerror]').length") == 0
    shown = browser.ask("document.body.innerText")
    assert HOSTILE[0] in shown
    assert HOSTILE[1] in shown
    assert HOSTILE[2] in shown


@pytest.mark.parametrize(("dark", "ink", "first"), [
    (False, "rgb(22, 32, 44)", "rgb(29, 102, 221)"), (True, "rgb(231, 236, 242)", "rgb(95, 155, 255)"),
])  # fmt: skip
def test_plots_follow_the_scheme(browser, files, dark, ink, first):
    browser.show(files["full"], width=1280, dark=dark)
    assert browser.ask("getComputedStyle(document.body).color") == ink
    fills = browser.ask("[...document.querySelectorAll('svg.plot *')].map(part => getComputedStyle(part).fill)")
    assert ink in fills
    assert first in fills


def test_printed_in_full_on_light_paper(browser, files):
    browser.show(files["full"], width=688, dark=True, media="print")
    assert browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.ask("document.documentElement.scrollWidth") == 688
    closed = "[...document.querySelectorAll('details table')].filter(part => part.checkVisibility()).length"
    assert browser.ask(closed) > 0
    assert browser.ask(closed) == browser.ask("document.querySelectorAll('details table').length")
    cut = "[...document.querySelectorAll('.scroll')].filter(part => part.scrollWidth > part.clientWidth).length"
    assert browser.ask(cut) == 0
    assert browser.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("name", ["full", "crowded"])
def test_names_in_the_tradeoff_stand_apart_and_inside(browser, files, name):
    browser.show(files[name], width=1280)
    pieces = browser.ask(
        "[...document.querySelectorAll('#networks svg.plot')].map(plot => [plot, ...plot.querySelectorAll('text')]"
        ".map(part => [part.textContent, part.getBoundingClientRect()]).map(([text, box]) =>"
        " [text, box.left, box.top, box.right, box.bottom]))"
    )
    assert len(pieces) == 2
    for (_text, left, top, right, bottom), *texts in pieces:
        for text, *box in texts:
            assert left <= box[0] + 1, text
            assert top <= box[1] + 1, text
            assert box[2] <= right + 1, text
            assert box[3] <= bottom + 1, text
        for one, other in combinations(texts, 2):
            wide = min(one[3], other[3]) - max(one[1], other[1])
            high = min(one[4], other[4]) - max(one[2], other[2])
            assert wide <= 1 or high <= 4, (one[0], other[0])  # boxes have room above and below the letters
