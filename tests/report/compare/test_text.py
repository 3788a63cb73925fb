import io

from rich.console import Console

from compress.report.compare.assemble import compare_reports
from compress.report.compare.text import render_comparison
from tests.report.compare.runs import on_machine, other_run, sources
from tests.report.sample import full_report, report


def shown(comparison, width: int = 80) -> str:
    stream = io.StringIO()
    render_comparison(comparison, Console(file=stream, width=width))
    return stream.getvalue()


def test_the_rows_are_there_and_fit():
    text = shown(compare_reports(sources(half=full_report(), other=other_run())))
    assert max(len(line) for line in text.splitlines()) <= 80
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "A half squeezenet fashion-sample 48 2026-11-22",
        "A original fp32 90.00 % 86.67 to 92.57 - -",
        "A pruned int8 int8 88.25 % 84.72 to 91.05 -1.75 -5.85 to +2.33",
        "A pruned int8 0.430 3.50x 3.30 to 3.70 12.5 M 290 k 330 kB",
        "latency A pruned int8 28.6 % 88.25 %",
        "MACs B pruned 9.00 M 92.00 %",
    ):
        assert line in lines


def test_nothing_is_marked_where_the_protocols_are_alike():
    assert "*" not in shown(compare_reports(sources(a=report(), b=other_run())))


def test_forced_rows_are_marked_and_told_why():
    values = sources(a=report(environment=on_machine("P")), b=other_run(environment=on_machine("Q")))
    lines = [" ".join(line.split()) for line in shown(compare_reports(values, force=True)).splitlines()]
    assert "* Compared by force: every row stands beside rows of another protocol" in lines
    assert lines[lines.index("processor A P") + 1] == "B Q"
    rows = [line for line in lines if " fp32 " in line]
    assert len(rows) == 4
    assert all(" * fp32 " in row for row in rows)


def test_names_of_users_are_text():
    text = shown(compare_reports([*sources(a=report()), *sources(**{"[/red]\x1b[2Jx": other_run()})]))
    assert "[/red]\N{REPLACEMENT CHARACTER}[2Jx" in text


def test_long_names_fold_and_none_is_cut():
    name = "20261122-080000-" + "a-very-long-name-of-a-network-and-a-data-set-" * 3 + "abcd"
    text = shown(compare_reports([*sources(a=report()), *sources(**{name: other_run()})]))
    assert name in "".join(line[4:33].strip() for line in text.splitlines())
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
