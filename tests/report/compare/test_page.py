import re
from html.parser import HTMLParser

from compress.report.compare.assemble import compare_reports
from compress.report.compare.page import render_comparison_html
from tests.report.compare.runs import on_machine, other_run, sources
from tests.report.sample import full_report, latency_row, report


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def attributes(self, name):
        return [attributes[name] for _tag, attributes in self.tags if name in attributes]


def test_three_fronts_and_all_rows():
    page = Page(render_comparison_html(compare_reports(sources(half=full_report(), other=other_run()))))
    pictures = [
        attributes["aria-label"] for tag, attributes in page.tags if (tag, attributes.get("role")) == ("svg", "img")
    ]
    assert [label.split(";")[0] for label in pictures] == [
        "Top-1 over time per call, own original = 100 %", "Top-1 over million MACs an image", "Top-1 over file, MB",
    ]  # fmt: skip
    assert "A pruned int8: 88.25 % at 28.6;" in pictures[0]  # 100 / 3.5
    assert pictures[1].endswith("on the front: B pruned: 92.00 % at 9.00.")
    text = " ".join(page.words)
    for word in ("half", "other", "A original int8", "A pruned fp16", "B pruned", "3.30 to 3.70", "330 kB"):
        assert word in text


def test_nothing_is_fetched_and_nothing_runs():
    text = render_comparison_html(compare_reports(sources(half=full_report(), other=other_run())))
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert all(
        link.startswith(("#", "data:")) for name in ("href", "src", "xlink:href") for link in page.attributes(name)
    )
    assert not re.search(r"url\((?!#)|@import", text)
    (policy,) = (values["content"] for tag, values in page.tags if "http-equiv" in values)
    assert policy.startswith("default-src 'none'")


def test_names_of_users_are_text():
    name = "<script>alert(1)</script>[/red]"
    page = Page(render_comparison_html(compare_reports([*sources(a=report()), *sources(**{name: other_run()})])))
    assert name in page.words
    assert "script" not in {tag for tag, _ in page.tags}


def test_forced_rows_are_marked():
    values = sources(a=report(environment=on_machine("P")), b=other_run(environment=on_machine("Q")))
    words = Page(render_comparison_html(compare_reports(values, force=True))).words
    assert "Compared by force" in words
    assert words.count("B pruned *") >= 3  # in both tables and on a front
    assert "B pruned" not in words


def test_without_latencies_two_fronts_are_left():
    rows = [(latency_row(batch, 1, 1.1, 1.2, 1.3),) for batch in (1, 2)]
    values = sources(a=report(latency=rows[0]), b=other_run(latency=rows[1]))
    page = Page(render_comparison_html(compare_reports(values)))
    assert [attributes.get("role") for tag, attributes in page.tags if tag == "svg"].count("img") == 2


def test_in_a_crowd_networks_have_numbers_and_a_key():
    many = sources(**{f"run{number}": other_run() for number in range(12)}, full=full_report())
    text = render_comparison_html(compare_reports(many))
    plots = "".join(re.findall(r"<svg class=\"plot\".*?</svg>", text, re.DOTALL))
    assert "M pruned" not in re.sub(r'aria-label="[^"]*"', "", plots)
    rows = [row.label for row in compare_reports(many).rows]
    place = rows.index("M pruned int8") + 1
    assert f">{place}</text>" in plots
    assert f"{place} M pruned int8" in text


def test_colours_have_a_legend():
    text = render_comparison_html(compare_reports(sources(half=report(), other=report())))
    keys = re.findall(r'background:var\(--series-(\d)\)" aria-hidden="true"></span>([^<]*)</span>', text)
    assert keys == [("0", "in several runs"), ("1", "A half"), ("2", "B other")]


def test_the_same_comparison_gives_the_same_bytes():
    comparison = compare_reports(sources(half=full_report(), other=other_run()))
    assert render_comparison_html(comparison) == render_comparison_html(comparison)
