"""Reports that try a page, and a reader that takes the page apart."""

from dataclasses import replace
from html.parser import HTMLParser

from compress.report.model import Report
from compress.report.results import ClassDrop
from tests.report import sample

HOSTILE = (
    "<script>alert(1)</script>",
    "[/red]",
    '"><img src=x onerror=alert(1)>',
    "$\\frac{1}",
    "{{ 7 * 7 }}",
    "\u65e5\u672c \U0001f9e6 \u202ereversed\x1b[31m\n</style>",
)


def hostile() -> Report:
    """Every name that a user can choose does its worst."""
    report = sample.full_report()
    names = {row.label: f"{name} {row.label}" for row, name in zip(report.networks, HOSTILE, strict=False)}
    networks = tuple(
        row.model_copy(
            update={
                "label": names[row.label],
                "file": f"artifacts/{HOSTILE[0]}.onnx",
                "signature": replace(row.signature, input_name=HOSTILE[0], output_name=HOSTILE[2]),
                "preprocessing": HOSTILE[5],
                "source": row.source and names[row.source],
            }
        )
        for row in report.networks
    )
    latency = tuple(
        row.model_copy(update={"original": names[row.original], "candidate": names[row.candidate]})
        for row in report.latency
    )
    return sample.full_report(
        name=HOSTILE[0],
        networks=networks,
        latency=latency,
        data=report.data.model_copy(update={"classes": HOSTILE, "name": HOSTILE[2]}),
        environment={HOSTILE[0]: {HOSTILE[2]: list(HOSTILE)}},
        notes=HOSTILE,
        gates=(),
        operators=replace(
            report.operators,
            layers=tuple(
                replace(layer, layer=f"{name} {layer.layer}", kind=name, note=name)
                for layer, name in zip(report.operators.layers, HOSTILE, strict=False)
            ),
        ),
        run=report.run.model_copy(
            update={
                "config": {"arch": HOSTILE[0], HOSTILE[2]: {HOSTILE[0]: HOSTILE[5]}},
                "layers": tuple(replace(layer, name=HOSTILE[2]) for layer in report.run.layers),
            }
        ),
    )


def large() -> Report:
    """A thousand classes with very long names, and networks with long names."""
    classes = tuple(f"{number}-{'x' * 300}" for number in range(1000))
    report = sample.full_report()
    drops = tuple(ClassDrop(k, 50, 40, 40 - k % 7, 2.0 * (k % 7), -3.0, 15.0) for k in range(1000))
    original, candidate = report.original, report.candidate
    comparison = replace(candidate.comparison, classes=drops)
    networks = (
        original,
        candidate.model_copy(update={"label": "c" * 200, "comparison": comparison}),
    )
    latency = tuple(
        row.model_copy(update={"candidate": "c" * 200})
        for row in report.latency
        if (row.original, row.candidate) == (original.label, candidate.label)
    )
    data = report.data.model_copy(update={"classes": classes, "name": "d" * 400})
    return sample.full_report(networks=networks, latency=latency, data=data, gates=(), name="n" * 300)


class Page(HTMLParser):
    """Tags, attributes and text of a page; ``unclosed`` and ``strays`` stay empty where it is well formed."""

    _VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.unclosed: list[str] = []
        self.strays: list[str] = []
        self.text = ""
        self.feed(str(text))  # of Markup, too
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


def crowded() -> Report:
    """Ten networks, most of them alike: more than there is room for names in a plot."""
    rows = sample.full_report().networks
    copies = (
        rows[-1].model_copy(update={"label": f"copy {number}", "file": f"{number}.onnx"}) for number in range(1, 6)
    )
    timed = (sample.latency_row(1, 1, 0.97, 0.98, 0.99, other=f"copy {number}") for number in range(1, 6))
    return sample.full_report(networks=(*rows, *copies), latency=(*sample.full_report().latency, *timed))
