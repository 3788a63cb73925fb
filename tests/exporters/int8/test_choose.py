"""What the chooser decides, on networks in which one layer alone is at fault."""

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from exporters.errors import SettingError
from exporters.int8.choose import Chooser
from exporters.int8.quantize import Int8Settings, quantize_int8
from exporters.int8.sensitivity import Judge, Stopwatch, loss_of
from exporters.measure.layer_times import TimingLimits
from exporters.write.onnx_export import export_onnx
from tests.exporters.networks import CLASSES, SHAPE
from tests.exporters.onnx_files import parse
from tests.exporters.variants import answers, write_fp32

OUTLIER = 1000.0
LAYERS = ("0", "2", "4", "8")


def outlying() -> nn.Module:
    """One channel between the layers "2" and "4" is a thousand times the others; "4" divides it again."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES),
    )  # fmt: skip
    with torch.no_grad():
        network[2].weight[0] *= OUTLIER
        network[2].bias[0] *= OUTLIER
        network[4].weight[:, 0] /= OUTLIER
        network[8].bias -= network(coloured(100, seed=1)).mean(0)  # so that every class is answered
    return network.eval()


def coloured(count: int, *, seed: int) -> Tensor:
    """Images of one colour each, and noise."""
    random = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(count, 3, 1, 1, generator=random) + torch.randn(count, *SHAPE, generator=random)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("outlying") / "net.onnx"
    export_onnx(outlying(), path, input_shape=SHAPE, opset=18, metadata={})
    return path


def judge_of(path, *, images=200) -> Judge:
    """Labels are the float32 file's own answers, so that it is always right."""
    pixels = coloured(images, seed=3).numpy()
    return Judge(np.array_split(pixels, 4), answers(path, pixels).argmax(1), threads=1)


def quantized(source, folder, chooser=None, **settings):
    return quantize_int8(
        source, folder / "q.onnx", [coloured(60, seed=2)], settings=Int8Settings(**settings), chooser=chooser
    )


def agreement(source, artifact) -> float:
    images = coloured(300, seed=7).numpy()
    return float((answers(source, images).argmax(1) == answers(artifact.path, images).argmax(1)).mean())


def test_an_outlying_channel_makes_both_its_layers_float_and_no_other(source, tmp_path):
    whole, facts = quantized(source, tmp_path, rule="minmax", float_layers=())
    assert facts.choice is None
    assert agreement(source, whole) < 0.8
    chooser = Chooser(judge_of(source), None, max_drop=4.0)
    chosen, facts = quantized(source, tmp_path, chooser)
    assert agreement(source, chosen) > 0.9
    assert facts.float_layers in (("0", "2", "4"), ("2", "4"))  # "0" is the stem
    costs = {cost.layer: cost.loss.divergence for cost in facts.choice.layers}
    assert tuple(costs) == LAYERS
    assert min(costs["2"], costs["4"]) > 10 * max(costs["0"], costs["8"])
    assert facts.choice.loss.points <= 4.0 < max(loss.points for loss in facts.choice.rules.values())


def test_the_rule_nearest_to_float32_is_kept(source, tmp_path):
    chooser = Chooser(judge_of(source), None, max_drop=100)
    _, facts = quantized(source, tmp_path, chooser)
    losses = {rule: loss.divergence for rule, loss in facts.choice.rules.items()}
    assert {*losses} == {"minmax", "percentile", "entropy"}
    assert losses[facts.calibration] == min(losses.values())
    assert len({*losses.values()}) > 1
    assert facts.float_layers == ("0",)  # all that is lost is allowed


def test_what_is_given_is_not_chosen(source, tmp_path):
    chooser = Chooser(judge_of(source), None, max_drop=0)
    _, facts = quantized(source, tmp_path, chooser, rule="entropy", float_layers=("8",))
    assert (facts.calibration, facts.float_layers) == ("entropy", ("8",))
    assert [*facts.choice.rules] == ["entropy"]
    assert facts.choice.rules["entropy"] == facts.choice.loss


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("2", "head", "none"), r"got head, none; it has 0, 2, 4, 8$"),
        (("8", "4", "2", "0"), r"expected a layer of .*net\.onnx in INT8, got all in float32: 0, 2, 4, 8$"),
    ],
)
def test_layers_that_cannot_stay_in_float32(source, tmp_path, names, message):
    with pytest.raises(SettingError, match=message):
        quantized(source, tmp_path, float_layers=names)
    assert list(tmp_path.iterdir()) == []


def test_layers_come_once_and_in_the_order_of_the_file(source, tmp_path):
    first, facts = quantized(source, tmp_path, float_layers=("4", "2"))
    again, _ = quantized(source, tmp_path, float_layers=("2", "4", "2"))
    assert facts.float_layers == ("2", "4")
    assert first.sha256 == again.sha256


def test_the_only_layer_is_in_int8(tmp_path):
    weights = np.random.default_rng(0).standard_normal((CLASSES, 3, 1, 1), dtype=np.float32)
    model = parse(
        """(float[batch, 3, 16, 16] images) => (float[batch, classes] logits) {
        scores = Conv(images, w)
        pooled = GlobalAveragePool(scores)
        logits = Flatten(pooled) }""",
        {"w": weights},
    )
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    for chooser in (None, Chooser(judge_of(path), Clock({"w"}, 2.0), max_drop=0.1)):
        artifact, facts = quantized(path, tmp_path, chooser)
        assert facts.float_layers == ()
        assert "w_quantized" in {tensor.name for tensor in onnx.load(artifact.path).graph.initializer}


def test_a_rule_whose_answers_are_no_numbers_is_not_kept(source, tmp_path):
    class Overflows(Judge):
        """Of the first file that it judges, min-max, the answers are infinite."""

        def loss(self, model):
            self.count = getattr(self, "count", 0) + 1
            answers = self.answers(model)
            return loss_of(self._float_NK, answers * np.inf if self.count == 1 else answers, self._labels_N)

    pixels = coloured(20, seed=3).numpy()
    judge = Overflows([pixels], answers(source, pixels).argmax(1), threads=1)
    _, facts = quantized(source, tmp_path, Chooser(judge, None, max_drop=100))
    assert facts.calibration != "minmax"
    assert facts.choice.rules["minmax"].divergence == 1e9


def test_one_layer_stays_in_int8_if_no_file_keeps_the_limit(source, tmp_path):
    chooser = Chooser(judge_of(source), None, max_drop=-1)
    artifact, facts = quantized(source, tmp_path, chooser)
    assert len(facts.float_layers) == 3
    assert facts.choice.loss.points == pytest.approx(0, abs=5)
    assert agreement(source, artifact) > 0.9


class Clock:
    """Times graphs by their layers in float32, as shares: those in ``faster`` gain, others cost a tenth each."""

    def __init__(self, faster: set[str], float32: float) -> None:
        self.faster, self.float32 = faster, float32

    def times(self, reference, graphs, **_effort):
        own = self._time(reference)
        return [self._time(graph) / own for graph in graphs]

    def _time(self, graph) -> float:
        stored = {tensor.name.removesuffix(".weight") for tensor in graph.graph.initializer}
        in_float = stored & {*LAYERS, "w"}
        if in_float in ({*LAYERS}, {"w"}):
            return self.float32
        return 1 + sum(-0.1 if name in self.faster else 0.1 for name in in_float)


@pytest.mark.parametrize(
    ("faster", "float32", "expected"),
    [
        ({"8"}, 2.0, ("8",)),  # the stem would cost a tenth
        ({"0", "8"}, 2.0, ("0", "8")),
        (set(), 2.0, ()),
    ],
)
def test_layers_that_are_faster_in_float32_stay_there(source, tmp_path, faster, float32, expected):
    chooser = Chooser(judge_of(source), Clock(faster, float32), max_drop=100)
    _, facts = quantized(source, tmp_path, chooser)
    assert facts.float_layers == expected
    time = 1 + sum(-0.1 if name in faster else 0.1 for name in expected)
    assert facts.choice.time_share == pytest.approx(time / float32)
    assert [cost.slowdown for cost in facts.choice.layers] == pytest.approx(
        [-0.1 if name in faster else 0.1 for name in LAYERS]
    )


def test_where_int8_is_slow_no_layer_is_timed(source, tmp_path):
    chooser = Chooser(judge_of(source), Clock({"8"}, 0.5), max_drop=100)
    _, facts = quantized(source, tmp_path, chooser)
    assert facts.float_layers == ("0",)
    assert {cost.slowdown for cost in facts.choice.layers} == {None}
    assert facts.choice.time_share == pytest.approx(1.1 / 0.5)


def test_one_image_is_never_too_many_and_two_are(source, tmp_path):
    chooser = Chooser(judge_of(source), None, max_drop=100)
    artifact, facts = quantized(source, tmp_path, chooser)
    pixels = coloured(200, seed=3).numpy()
    before, after = (answers(path, pixels).argmax(1) for path in (source, artifact.path))
    right, wrong = np.flatnonzero(before == after), np.flatnonzero(before != after)
    for lost, stays in ((1, True), (2, False)):
        some = np.concatenate([wrong[:lost], right[:8]])
        chooser = Chooser(Judge([pixels[some]], before[some], threads=1), None, max_drop=0.1)
        _, again = quantized(source, tmp_path, chooser, rule=facts.calibration)
        assert (again.float_layers == facts.float_layers) == stays


def test_a_real_clock_and_a_small_network(tmp_path):
    source = write_fp32(tmp_path / "net.onnx", "pooled")
    told: list[str] = []
    chooser = Chooser(judge_of(source), Stopwatch(TimingLimits(seconds=0.01)), 0.5, told.append)
    _, facts = quantized(source, tmp_path, chooser)
    assert facts.choice.time_share > 0
    timed = [cost.slowdown is not None for cost in facts.choice.layers]
    assert timed == ["time, layer 5 of 5" in told] * 5
    assert {"time in INT8 and in float32", "accuracy, layer 5 of 5"} <= {*told}
