"""The page in a real browser: silent, as wide as the screen, in the colours asked for; each page is loaded once."""

from itertools import combinations

import pytest

from tests.helpers.chromium import MISSING, PROGRAM, chromium
from tests.report.html.documents import HOSTILE, page_of

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Opens a page with all its folded parts open; by default it has to be silent and fit, in four looks."""
    folder = tmp_path_factory.mktemp("chromium")
    with chromium(folder) as browser:

        def opened(html: str, *, fits: bool = True):
            file = folder / "page.html"
            file.write_text(html, encoding="utf-8")
            browser.show(file, width=1280)
            browser.ask("document.querySelectorAll('details').forEach(part => part.open = true)")
            for width, dark in ((390, True), (390, False), (1280, True), (1280, False)) if fits else ():
                browser.look(width=width, dark=dark)
                assert browser.ask("document.documentElement.scrollWidth") == width
                assert browser.ask("document.documentElement.scrollHeight") > 1000
            assert not fits or browser.complaints == []
            return browser

        yield opened


def check_plot_texts(browser):
    """The texts of the first two plots lie inside the plot and not on each other."""
    pieces = browser.ask(
        "[...document.querySelectorAll('svg.plot')].slice(0, 2).map(plot => [plot, ...plot.querySelectorAll('text')]"
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


def test_a_full_report_on_screen_and_on_paper(load):
    browser = load(page_of("full").html)
    check_plot_texts(browser)
    for dark, ink, first in (
        (False, "rgb(22, 32, 44)", "rgb(29, 102, 221)"),
        (True, "rgb(231, 236, 242)", "rgb(95, 155, 255)"),
    ):
        browser.look(width=1280, dark=dark)
        assert browser.ask("getComputedStyle(document.body).color") == ink
        fills = browser.ask("[...document.querySelectorAll('svg.plot *')].map(part => getComputedStyle(part).fill)")
        assert {ink, first} <= set(fills)
    browser.ask("document.querySelectorAll('details').forEach(part => part.open = false)")
    browser.look(width=688, dark=True, media="print")
    assert browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.ask("document.documentElement.scrollWidth") == 688
    printed = "[...document.querySelectorAll('details table')].filter(part => part.checkVisibility()).length"
    assert browser.ask(printed) == browser.ask("document.querySelectorAll('details table').length") > 0
    cut = "[...document.querySelectorAll('.scroll')].filter(part => part.scrollWidth > part.clientWidth).length"
    assert browser.ask(cut) == 0
    assert browser.pdf().startswith(b"%PDF")


def test_names_of_users_are_text(load):
    browser = load(page_of("hostile").html)
    assert browser.ask("document.scripts.length") == 0
    assert browser.ask("document.querySelectorAll('[onerror]').length") == 0
    shown = browser.ask("document.body.innerText")
    assert all(name in shown for name in HOSTILE[:3])


def test_long_names_and_many_networks_fit(load):
    load(page_of("large").html)
    check_plot_texts(load(page_of("crowded").html))


def test_these_checks_see_a_script_and_a_wide_page(load):
    page = page_of("foreign").html
    load(page)
    wide = page.replace("</main>", "<script>1</script><div style='width:3000px'>x</div></main>")
    browser = load(wide, fits=False)
    assert "Content Security Policy" in browser.complaints[0]
    assert browser.ask("document.documentElement.scrollWidth") > 3000
