"""The page of the support matrix, from its results."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from benchmarks.prunable_table import section
from compress.channels.units import without_names
from models_zoo.cifar import CIFAR
from models_zoo.torchvision_models import TORCHVISION

_LEGEND = """\
Every network is pruned once with fresh weights (scaled so that none is zero or tiny, with measured BatchNorm
statistics), 10 classes, the bundled images as RGB of the given size and random priorities, to half of its
multiply-accumulates (MACs) in multiples of 8 channels. **Right** means that all of these checks pass:

- the pruned network has as many classes as the original;
- on real images its logits equal those of the masked network: at most 1e-4 apart for logits up to 10, and at most a
  hundredth of their range over the images;
- its ONNX file gives the same logits in onnxruntime, within the same tolerance;
- the plan, read from JSON, cuts a network with other weights; the pruned weights load strictly; the logits are equal
  bit for bit;
- every pruned layer keeps a multiple of 8 channels, or all if it has fewer than 8;
- its file has as many MACs as planned.

**Right so far** lacks the two checks that need files.
*MACs kept* is the share of the MACs in the files; it is below the half that was asked for if 8 channels are a large
step. *Faster* is the time of the original file divided by that of the pruned one in onnxruntime, batch 1, 1 thread,
with its 95 % interval. Images have the default size for small data sets, and each pair was timed for half a second:
take the ratio as a direction only. *Not pruned* counts layers that are not pruned, without the class head."""

_CIFAR = """\
The benchmark networks of pruning papers, made for RGB images of 32 pixels:
`compress run --arch resnet20 --dataset cifar10 --data-dir data/`. With 10 classes:

| Network | Parameters | MACs | Paper |
| --- | ---: | ---: | --- |
| resnet20, resnet32, resnet56, resnet110 | 0.27, 0.46, 0.85, 1.73 M | 40.6, 68.9, 125.5, 252.9 M | He et al. 2016, section 4.2; shortcuts are padded with zeros (option A) |
| vgg16_bn_cifar | 14.99 M | 313.5 M | Li et al. 2017, table 2: 13 convolutions, 512 - 512 - 10 |

Papers quote 14.98 M parameters for this VGG-16; BatchNorm's and the biases are left out there."""  # noqa: E501

_WIDE = 2.0
"""If the ends of an interval differ by more than this factor, other work of the machine dominated the timing."""


def table(results: Mapping[str, Any], shares: Mapping[str, Any] | None = None) -> str:
    """The page in Markdown.

    Args:
        shares: the results of ``benchmarks.prunable_share``, if there are any.
        results: ``environment``, and ``networks``: name -> a ``Support`` as a dictionary with family, date and commit.
    """
    networks = results["networks"]
    parts = ["# Which networks can be pruned", _summary(networks), _LEGEND]
    groups = {
        "Torchvision's classifiers": [name for name in TORCHVISION if name in networks],
        "Networks for CIFAR": [name for name in CIFAR if name in networks],
        "ChannelNet": [name for name, row in networks.items() if row["family"] == "ChannelNet"],
        "Some of timm's": [name for name in networks if name.startswith("timm/")],
    }
    notes = {"Networks for CIFAR": [_CIFAR]}
    for title, names in groups.items():
        if names:
            parts += [f"## {title}", *notes.get(title, ()), _rows([networks[name] for name in names])]
    parts += ["## What is not pruned, and why", _not_pruned(networks), _footer(results)]
    parts += [section(shares)] if shares else []
    return "\n\n".join(parts) + "\n"


def _summary(networks: Mapping[str, Any]) -> str:
    counts = Counter(networks[name]["outcome"] for name in TORCHVISION if name in networks)
    outcomes = ", ".join(
        f"{counts[outcome]} {outcome}" for outcome in ("right", "right so far", "refused", "wrong") if counts[outcome]
    )
    missing = [name for name in TORCHVISION if name not in networks]
    return f"Of torchvision's {len(TORCHVISION)} classifiers: {outcomes}" + (
        f"; not tried: {', '.join(missing)}." if missing else "."
    )


def _rows(rows: list[Mapping[str, Any]]) -> str:
    titles = (
        "Network", "Pixels", "Outcome", "Logits' range", "Masked - pruned", "torch - onnxruntime", "MACs kept",
        "Faster", "Not pruned",
    )  # fmt: skip
    lines = [titles, ["---", "---:", "---", *["---:"] * 6], *map(_cells, rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    reasons = [f"- {row['name']} ({row['outcome']}): {row['reason']}" for row in rows if row["reason"]]
    return "\n\n".join([table, "\n".join(reasons)]) if reasons else table


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        row["name"],
        str(row["image_size"]),
        row["outcome"],
        _scientific(row.get("spread")),
        _scientific(row.get("masked_difference")),
        _scientific(row.get("onnx_difference")),
        f"{row['kept_macs']:.1%}" if row.get("kept_macs") else "-",
        _faster(row),
        str(len(row.get("not_pruned", ()))) if row.get("groups") else "-",
    ]


def _faster(row: Mapping[str, Any]) -> str:
    if not row.get("ratio"):
        return "-"
    if row["ratio_high"] > _WIDE * row["ratio_low"]:
        return "unclear"
    return f"{row['ratio']:.2f}x [{row['ratio_low']:.2f}, {row['ratio_high']:.2f}]"


def _not_pruned(networks: Mapping[str, Any]) -> str:
    """Reasons by family, with the layers' names left out of them: the JSON beside this page has every layer's."""
    lines = []
    for family in dict.fromkeys(row["family"] for row in networks.values()):
        kinds = Counter(
            without_names(reason)
            for row in networks.values()
            if row["family"] == family
            for reason in row.get("not_pruned", {}).values()
        )
        if kinds:
            lines.append(
                f"- {family}: " + "; ".join(f"{kind} ({count} layers)" for kind, count in kinds.most_common(4))
            )
    return "\n".join(lines) or "Nothing."


def _scientific(value: float | None) -> str:
    return "-" if value is None else f"{value:.0e}" if value else "0"


def _footer(results: Mapping[str, Any]) -> str:
    environment = results["environment"]
    rows = results["networks"].values()
    dates = sorted({row["date"] for row in rows})
    commits = sorted({_short(str(row["commit"])) for row in rows})
    packages = ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
    cpus = sorted({row["cpu"] for row in rows})
    return (
        f"Made by `python -m benchmarks.support_matrix` on {' and '.join(dates)} on {' and '.join(cpus)}, "
        f"Python {environment['python']}, {packages}, "
        f"commits {', '.join(commits)}. "
        "All results, with every layer that is not pruned and the reason: `benchmarks/support_matrix.json`."
    )


def _short(commit: str) -> str:
    """Ten digits of a commit, and whether there were changes on top of it."""
    digits, changed, _rest = commit.partition("+")
    return digits[:10] + (" with changes" if changed else "")
