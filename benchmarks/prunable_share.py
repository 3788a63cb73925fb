"""How much of each network can be pruned, and why the rest cannot: torchvision's classifiers, timm's, common idioms.

Each network is examined in its own process, with fresh weights and images of noise. Known results are kept: the same
command continues where it was stopped.

Example: OMP_NUM_THREADS=1 python -m benchmarks.prunable_share after
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.apart import CrashedError, Limits, OverLimitError, call_apart
from benchmarks.prunable_idioms import CLASSES, IDIOMS
from benchmarks.prunable_table import every_row
from benchmarks.support_case import DEFAULT_SIZE
from compress.channels.costs import CostModel, build_cost_model
from compress.channels.counts import allowed_counts
from compress.channels.units import UnitMap, without_names
from compress.environment import describe_environment, source_commit
from compress.errors import UsageError
from compress.structure.trial_cuts import find_checked_units
from compress.tracing.trace import FEEDS_OUTPUT, Trace, trace
from models_zoo.zoo import ARCHITECTURES, build_network, find_architecture

RESULTS = Path(__file__).parent / "prunable_share.json"
ALIGN = 8
IMAGES = 4

TIMM = (
    "bat_resnext26ts", "botnet26t_256", "cait_xxs24_224", "coat_lite_tiny", "coatnet_pico_rw_224", "convformer_s18",
    "convit_tiny", "convmixer_768_32", "convnext_atto", "convnextv2_atto", "cpubone_nano", "crossvit_tiny_240",
    "cs3darknet_focus_s", "csatv2", "cspnext_tiny", "davit_tiny", "deit3_small_patch16_224", "deit_tiny_patch16_224",
    "densenetblur121d", "dla34", "dla60_res2net", "dm_nfnet_f0", "dpn48b", "eca_halonext26ts", "edgenext_xx_small",
    "efficientformer_l1", "efficientformerv2_s0", "efficientnet_b0_gn", "efficientvim_m1", "efficientvit_b0",
    "efficientvit_m0", "ese_vovnet19b_slim", "eva02_tiny_patch14_224", "fasternet_t0", "fastvit_t8",
    "focalnet_tiny_srf", "gcvit_xxtiny", "gernet_s", "ghostnetv2_100", "gmixer_12_224", "hardcorenas_a", "hgnetv2_b0",
    "hiera_tiny_224", "hrnet_w18_small", "iformer_t", "inception_next_atto", "inception_resnet_v2", "inception_v4",
    "lambda_resnet26t", "lcnet_050", "lcnetv2_small", "legacy_seresnet18", "levit_128s", "lowformer_b0",
    "mambaout_femto", "mixer_s32_224", "mobilenetv4_conv_small", "mobileone_s0", "mobilevit_xxs", "mobilevitv2_050",
    "mvitv2_tiny", "nest_tiny", "nextvit_small", "nf_resnet26", "pit_xs_224", "poolformer_s12", "pvt_v2_b0",
    "rdnet_tiny", "regnety_002", "repghostnet_050", "repvgg_a0", "repvit_m0_9", "res2net50_26w_4s", "res2next50",
    "resmlp_12_224", "resnest14d", "resnet10t", "resnetv2_18", "rexnet_100", "selecsls42b", "sequencer2d_s",
    "shvit_s1", "skresnet18", "starnet_s050", "swiftformer_xs", "swin_tiny_patch4_window7_224",
    "swinv2_cr_tiny_ns_224", "tiny_vit_5m_224", "tnt_s_patch16_224", "tresnet_m", "twins_svt_small", "visformer_tiny",
    "vit_relpos_small_patch16_224", "vit_tiny_r_s16_p8_224", "vitamin_small_224", "volo_d1_224", "xception41",
    "xcit_nano_12_p16_224",
)  # fmt: skip

_KINDS = (
    (r"(Layer|Group)Norm|RMSNorm|fused_rms_norm", "a norm runs over them (LayerNorm, GroupNorm)"),
    (r"product of matrices", "they go into a product of matrices (attention)"),
    (r"combined with it", "a parameter or tensor of fixed width is combined with them"),
    (r"fixed width|axis \(", "they meet something of fixed width"),
    (r"by themselves|computes its weights|shares its weights", "the weights are used outside their layer"),
    (r"runs over it|normalises over it", "an operator runs over them (mean, softmax)"),
    (r"unequal parts|picked by number|taken apart|cropped", "they are split, sliced or taken apart unevenly"),
    (r"cannot be followed", "an operator cannot be followed"),
    (r"runs along it|works across it", "a layer works across them"),
    (r"cannot be cut", "the network fails or differs when they are cut"),
    (re.escape(FEEDS_OUTPUT), "they are the network's output"),
)
"""A pattern of reasons -> what the kind is called."""

INPUT = "they are no layer's channels (images, results of attention)"
LEAST = "the least that each layer keeps"
BESIDE = "matrix products that no layer makes (attention)"


def main() -> None:
    """Examine networks without a result; write the results after every network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("column", choices=("before", "after"))
    parser.add_argument("networks", nargs="*", help="only these, even if they have a result")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--seconds", type=int, default=240, help="limit for one network")
    parser.add_argument("--memory-gib", type=float, default=12, help="limit for one network's address space")
    arguments = parser.parse_args()
    limits, commit = Limits(arguments.seconds, arguments.memory_gib), source_commit()
    known = read(arguments.results).get(arguments.column, {})
    for name in arguments.networks or [name for name in every_network() if name not in known]:
        try:
            row = call_apart(examine, (name,), limits)
        except (OverLimitError, CrashedError) as error:
            row = {"refused": str(error)}
        sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {name}: {row.get('refused') or row['shares']}\n")
        results = read(arguments.results)  # another process may have added results
        results.setdefault(arguments.column, {})[name] = row
        results[f"environment {arguments.column}"] = describe_environment(threads=1, seed=0)["packages"]
        results[f"commit {arguments.column}"] = commit
        arguments.results.write_text(json.dumps(results, indent=1) + "\n")
        arguments.results.with_suffix(".md").write_text(every_row({"before": {}, "after": {}, **results}))


def every_network() -> list[str]:
    """Idioms, then torchvision's and timm's in turns, the smallest of torchvision's first."""
    zoo = sorted(ARCHITECTURES, key=lambda name: ARCHITECTURES[name].parameters or 0)
    small = [name for name in zoo if (ARCHITECTURES[name].parameters or 0) <= 40e6]
    large = [name for name in zoo if 40e6 < (ARCHITECTURES[name].parameters or 0) <= 150e6]
    return [*IDIOMS, *small, *(f"timm/{name}" for name in TIMM), *large]


def examine(name: str) -> dict[str, Any]:
    """One network's row; see ``share``."""
    torch.manual_seed(0)
    if name in IDIOMS:
        return share(IDIOMS[name](), torch.randn(IMAGES, 3, 32, 32))
    size = find_architecture(name).small_size or DEFAULT_SIZE
    network = build_network(name, classes=CLASSES, image_size=size)
    return share(network, torch.randn(IMAGES, 3, size, size))


def share(network: nn.Module, images: Tensor) -> dict[str, Any]:
    """What can go of a network, as shares of its MACs.

    ``shares``: in the smallest networks at alignments 1 and ``ALIGN``; ``prunable``: in layers whose output channels
    can be pruned; ``rest``: kind of reason -> what the smallest network (alignment 1) keeps for it.
    """
    try:
        units = find_checked_units(network, images, seed=0)
    except UsageError as error:
        if "nothing can be pruned" not in str(error):
            return {"refused": str(error)}
        units = UnitMap((), {}, {})
    model = build_cost_model(network, units, images)
    shares = []
    for align in (1, ALIGN):
        smallest = allowed_counts(units, align).smallest if units.groups else units.sizes
        shares.append(1 - model.cost(smallest).macs / model.full.macs)
    smallest = allowed_counts(units, 1).smallest if units.groups else units.sizes
    rest = _rest(units, model, smallest, trace(network.eval(), images[:2]))
    row = {"macs": model.full.macs, "groups": len(units.groups), "shares": shares, "prunable": _prunable(model)}
    return row | {"rest": rest}


def _prunable(model: CostModel) -> float:
    """The share of the MACs in layers whose output channels can be pruned; of some, by the share of their channels."""
    full_in_L, full_out_L = model.inputs_LG @ _whole(model), model.outputs_LG @ _whole(model)
    (both_L, out_L) = model.measure_2L2[0].T
    macs_L = (both_L * full_in_L + out_L) * full_out_L
    return float((macs_L * (1 - model.outputs_LG[:, -1] / full_out_L)).sum() / model.full.macs)


def _rest(units: UnitMap, model: CostModel, counts_G: Tensor, traced: Trace) -> dict[str, float]:
    why = _Reasons(units, traced)
    padded = nn.functional.pad(counts_G.to(torch.float64), (0, 1), value=1.0)
    inputs_L, outputs_L = model.inputs_LG @ padded, model.outputs_LG @ padded
    (both_L, out_L) = model.measure_2L2[0].T
    full_in_L, full_out_L = model.inputs_LG @ _whole(model), model.outputs_LG @ _whole(model)
    rest: dict[str, float] = defaultdict(float)
    for place, name in enumerate(model.layers):
        macs = float(both_L[place] * inputs_L[place] * outputs_L[place] + out_L[place] * outputs_L[place])
        fixed_in = float(model.inputs_LG[place, -1] / full_in_L[place]) if both_L[place] else 0.0
        fixed_out = float(model.outputs_LG[place, -1] / full_out_L[place])
        parts = {"in": fixed_in, "out": fixed_out, "": (1 - fixed_in) * (1 - fixed_out)}
        for side, part in parts.items():
            if macs * part:
                kind = why.kind(name, side) if side else LEAST
                rest[kind] += macs * part / sum(parts.values())
    rest[BESIDE] += float(model.constant_2[0])
    return {kind: macs / model.full.macs for kind, macs in rest.items() if macs > 0}


def _whole(model: CostModel) -> Tensor:
    return nn.functional.pad(model.sizes_G.to(torch.float64), (0, 1), value=1.0)


@dataclass(frozen=True)
class _Reasons:
    """Why channels of a layer are not pruned."""

    units: UnitMap
    traced: Trace

    def kind(self, layer: str, side: str) -> str:
        """The kind of reason of most fixed channels that a layer reads ("in") or makes ("out")."""
        labels_of: Mapping[str, Any] = self.traced.reads if side == "in" else self.traced.carries
        pruned = (self.units.reads if side == "in" else self.units.carries).get(layer)
        if layer in self.traced.not_cut or layer not in labels_of:
            return kind_of(self.traced.not_cut.get(layer, "it cannot be followed"))
        labels = labels_of[layer]
        if pruned is not None:
            labels = labels[(pruned == self.units.total).numpy()]
        found, counts = np.unique(labels, return_counts=True)
        label = int(found[counts.argmax()])
        return kind_of(self._reason(label)) if label else INPUT

    def _reason(self, label: int) -> str:
        if label in self.traced.reasons:
            return self.traced.reasons[label]
        for root, reason in self.units.not_pruned.items():
            if root in self.traced.carries and label in self.traced.carries[root]:
                return reason
        return "it cannot be cut"


def kind_of(reason: str) -> str:
    """What a kind of reason is called; the reason without names if it is none of these."""
    for pattern, kind in _KINDS:
        if re.search(pattern, reason):
            return kind
    return without_names(reason)


def read(file: Path = RESULTS) -> dict[str, Any]:
    """Earlier results: ``before`` and ``after``: network -> row; empty if there are none."""
    return json.loads(file.read_text()) if file.exists() else {}


if __name__ == "__main__":
    main()
