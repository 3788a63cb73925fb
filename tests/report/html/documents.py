"""Reports that try a page, and a reader that takes the page apart."""

from collections.abc import Iterable
from functools import cache
from html.parser import HTMLParser

from compress.report.documents import report_document
from compress.report.html import render_html
from compress.report.model import Report
from compress.report.results import ClassDrop
from tests.report import sample
from tests.report.sample import changed

HOSTILE = (
    "<script>alert(1)</script>",
    "[/red][bold] a_very_long_name_that_does_not_fit_into_any_column_of_any_terminal_whatsoever",
    '"><img src=x onerror=alert(1)>',
    "$\\frac{1}",
    "{{ 7 * 7 }} **bold** `a|b` [click](javascript:alert(1))",
    "\u65e5\u672c \U0001f9e6 \u202ereversed\x1b[31m\n</style>",
)


def hostile() -> Report:
    """Every name that a user can choose does its worst."""
    plain = sample.full_report()
    names = {row.label: f"{name} {row.label}" for row, name in zip(plain.networks, HOSTILE, strict=False)}
    layers = zip(plain.operators.layers, HOSTILE, strict=False)
    return sample.full_report(
        name=HOSTILE[0],
        networks=tuple(
            changed(
                row, label=names[row.label], file=f"artifacts/{HOSTILE[0]}.onnx", preprocessing=HOSTILE[5],
                signature=changed(row.signature, input_name=HOSTILE[0], output_name=HOSTILE[2]),
                source=row.source and names[row.source],
            )
            for row in plain.networks
        ),
        latency=tuple(
            changed(row, original=names[row.original], candidate=names[row.candidate]) for row in plain.latency[:3]
        ),
        data=changed(plain.data, classes=HOSTILE, name=HOSTILE[2]),
        environment={HOSTILE[0]: {HOSTILE[2]: list(HOSTILE)}},
        notes=HOSTILE,
        gates=(),
        operators=changed(
            plain.operators,
            layers=tuple(changed(row, layer=f"{name} {row.layer}", kind=name, note=name) for row, name in layers),
        ),
        run=changed(
            plain.run,
            config={"arch": HOSTILE[0], HOSTILE[2]: {HOSTILE[0]: HOSTILE[5]}},
            layers=tuple(changed(layer, name=HOSTILE[2]) for layer in plain.run.layers),
            seconds={HOSTILE[1]: 1.0},
            training={},
        ),
    )  # fmt: skip


def large() -> Report:
    """A thousand classes with very long names, and networks with long names."""
    drops = tuple(ClassDrop(k, 50, 40, 40 - k % 7, 2.0 * (k % 7), -3.0, 15.0) for k in range(1000))
    original, candidate = sample.report().networks
    compared = changed(candidate.comparison, classes=drops)
    return sample.full_report(
        networks=(original, changed(candidate, label="c" * 200, comparison=compared)),
        latency=(sample.latency_row(1, 1, 1.48, 1.5, 1.55, other="c" * 200),),
        data=changed(sample.report().data, classes=tuple(f"{k}-{'x' * 300}" for k in range(1000)), name="d" * 400),
        gates=(),
        run=None,
        name="n" * 300,
    )


def crowded() -> Report:
    """Ten networks, most of them alike: more than there is room for names in a plot."""
    rows, timed = sample.full_report().networks, sample.full_report().latency
    copies = tuple(changed(rows[-1], label=f"copy {number}", file=f"{number}.onnx") for number in range(1, 6))
    more = tuple(sample.latency_row(1, 1, 0.97, 0.98, 0.99, other=row.label) for row in copies)
    return sample.full_report(networks=rows + copies, latency=timed + more, run=None)


REPORTS = {"run": sample.report, "full": sample.full_report, "foreign": sample.foreign_report, "hostile": hostile,
           "large": large, "crowded": crowded}  # fmt: skip


class Page(HTMLParser):
    """Tags, attributes and text of a page; ``unclosed`` and ``strays`` stay empty where it is well formed."""

    _VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.unclosed: list[str] = []
        self.strays: list[str] = []
        self.text = ""
        self.html = str(text)  # of Markup, too
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self.unclosed and self.unclosed[-1] == tag:
            self.unclosed.pop()
        else:
            self.strays.append(tag)

    def handle_data(self, data):
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def html_of(report: Report) -> str:
    return render_html(report_document(report))


@cache
def page_of(name: str) -> Page:
    """The page of one of ``REPORTS``, rendered once."""
    return Page(html_of(REPORTS[name]()))


def check_order(text: str, parts: Iterable[str]) -> None:
    """Every part is in the text, after the one before it."""
    place = 0
    for part in parts:
        assert part in text[place:], part
        place = text.index(part, place)
