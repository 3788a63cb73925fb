"""Curves over epochs: the population's energy, the search's accuracy, the trainings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from compress.report.plots.svg import MUTED, house_style, new_figure, series, to_svg


@dataclass(frozen=True)
class Curve:
    """A line with one value an epoch, from epoch 1; an empty label is not in the legend, ``series`` is the colour."""

    label: str
    values: tuple[float, ...]
    series: int
    dashed: bool = False


def curve_of(
    history: Sequence[Mapping[str, float]], key: str, label: str, *, series: int, dashed: bool = False, scale: float = 1
) -> tuple[Curve, ...]:
    """The key's curve, or none where an epoch lacks it."""
    if not history or any(key not in epoch for epoch in history):
        return ()
    return (Curve(label, tuple(scale * epoch[key] for epoch in history), series, dashed),)


def draw_curves(
    curves: Sequence[Curve], *, name: str, y_label: str, description: str, converged_at: int | None = None
) -> Markup:
    """At least one line over epochs; the epoch ``converged_at`` is marked. ``name`` is unique in the page."""
    with house_style():
        figure, axes = new_figure(250)
        for curve in curves:
            epochs = range(1, len(curve.values) + 1)
            axes.plot(
                epochs, curve.values, color=series(curve.series), label=curve.label or "_unnamed",
                linestyle=(0, (3, 2)) if curve.dashed else "-", linewidth=1.6 if curve.dashed else 2.2,
                marker="o" if len(curve.values) <= 12 and not curve.dashed else "", markersize=5,
            )  # fmt: skip
        if converged_at is not None:
            axes.axvline(converged_at, color=MUTED, linewidth=1.2, linestyle=(0, (2, 2)))
            foot = axes.get_xaxis_transform()
            axes.text(converged_at, 0.03, "converged ", transform=foot, ha="right", color=MUTED, fontsize=11)
        longest = max(len(curve.values) for curve in curves)
        axes.set_xlim(1 - 0.03 * longest, longest * 1.03 if longest > 1 else 2)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.margins(y=0.1)
        axes.set_xlabel("epoch")
        axes.set_ylabel(y_label)
        labels = sum(bool(curve.label) for curve in curves)
        if labels:
            figure.legend(loc="outside upper left", ncols=min(3, labels), fontsize=11.5, columnspacing=1.2, borderpad=0)
        return to_svg(figure, name=name, description=description)
