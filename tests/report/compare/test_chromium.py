"""The page in a real browser: no complaint, no horizontal scroll, on a desk and on a phone, light and dark."""

import pytest

from compress.report.compare.assemble import compare_reports
from compress.report.compare.document import comparison_document
from compress.report.html import render_html
from tests.helpers.chromium import MISSING, PROGRAM, chromium
from tests.report.compare.runs import on_machine, other_run, sources
from tests.report.sample import full_report

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    reports = {
        "<script>alert(1)</script>": full_report(),
        "[/red]" + "n" * 90: other_run(environment=on_machine("Other CPU")),
        **{f"run{number}": other_run() for number in range(3)},
    }
    path = tmp_path_factory.mktemp("page") / "compare.html"
    path.write_text(render_html(comparison_document(compare_reports(sources(**reports), force=True))), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_the_browser_has_nothing_to_say(page, file, width, dark):
    page.show(file, width=width, dark=dark)
    assert page.complaints == []
    assert page.ask("document.documentElement.scrollWidth") <= width
    assert page.ask("document.scripts.length") == 0
    assert page.ask("document.querySelectorAll('svg.plot').length") == 3
