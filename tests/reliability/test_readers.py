"""Readers of files from elsewhere: whatever the bytes, they give a valid value or a ``CompressError``."""

import hashlib
import json
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compress.data import scan
from compress.data.formats import read_idx, read_pickle
from compress.errors import CompressError
from compress.report.model import parse_report
from compress.runs import RunFolder
from compress.runs.manifest import MANIFEST, Manifest
from compress.runs.tensor_files import state_from_bytes, state_to_bytes, weights_from_bytes, weights_to_bytes
from compress.settings.config import RunConfig, build_config
from compress.settings.preprocessing_files import read_preprocessing
from compress.structure.plan import PruningPlan
from compress.verdict.file_metadata import class_names, noted_preparation
from exporters.read.preparation import Preparation
from tests.helpers.command import compress
from tests.report.sample import full_report

FUZZ = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

TEXT = st.text(max_size=12) | st.sampled_from(["mean", "width", "kept", "\ud800", "\x1b[2J", "1e999", "../.."])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


def value_or_refusal(read):
    """What a reader gives and an empty text, or ``None`` and why it refuses; any other error is a fault."""
    try:
        return read(), ""
    except CompressError as error:
        return None, str(error)


@st.composite
def damaged(draw, valid):
    """Valid bytes with some of them replaced, removed or inserted; or any bytes at all."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 9))] = draw(st.binary(max_size=9))
    return bytes(data)


@st.composite
def changed(draw, valid):
    """A JSON document with any tree in place of a part of it."""
    document = json.loads(json.dumps(valid))
    parent, where = {"": document}, ""
    while isinstance(parent[where], dict | list) and parent[where] and draw(st.booleans()):
        parent = parent[where]
        where = draw(st.sampled_from(sorted(parent) if isinstance(parent, dict) else range(len(parent))))
    parent[where] = draw(TREES)
    return document if where != "" else parent[""]


PLAN = {"format": "compress-pruning-plan/1", "layers": {"0": {"width": 8, "kept": [0, 2, 3]}}}


@FUZZ
@given(changed(PLAN).map(json.dumps) | damaged(json.dumps(PLAN).encode()))
def test_a_plan_is_read_or_refused(document):
    plan, refusal = value_or_refusal(lambda: PruningPlan.from_json(document, source="p.json"))
    if plan is None:
        assert "p.json" in refusal
        return
    assert all(0 <= place < plan.widths[root] for root, kept in plan.kept.items() for place in kept)
    assert PruningPlan.from_json(plan.to_json()) == plan


@FUZZ
@given(changed(full_report().model_dump(mode="json")).map(json.dumps))
def test_a_report_is_read_or_refused(text):
    report, refusal = value_or_refusal(lambda: parse_report(text, source="r.json"))
    assert "r.json" in refusal if report is None else report.original.role == "original"


@FUZZ
@given(st.dictionaries(st.sampled_from(sorted(RunConfig.model_fields)), TREES, max_size=5), st.binary(max_size=200))
def test_settings_are_read_or_refused(tmp_path, values, data):
    file = tmp_path / "c.toml"
    file.write_bytes(data)
    for options in ({"file": file}, {}):
        given_values = {"arch": "squeezenet"} | ({} if options else values)
        config, refusal = value_or_refusal(lambda v=given_values, o=options: build_config(v, **o))
        assert refusal if config is None else 0 <= config.seed < 2**31


STATE = {"step": 3, "weights": {"0.weight": torch.arange(6.0).reshape(2, 3)}, "rng": torch.arange(4, dtype=torch.uint8)}


@FUZZ
@given(damaged(state_to_bytes(STATE)))
def test_a_checkpoint_is_read_or_refused(data):
    state, refusal = value_or_refusal(lambda: state_from_bytes(data, name="c.pt"))
    assert "c.pt" in refusal if state is None else isinstance(state, dict)


@FUZZ
@given(damaged(weights_to_bytes(STATE["weights"])))
def test_weights_are_read_or_refused(data):
    found, refusal = value_or_refusal(lambda: weights_from_bytes(data, name="w.safetensors"))
    assert "w.safetensors" in refusal if found is None else all(isinstance(name, str) for name in found)


@FUZZ
@given(damaged(struct.pack(">4B3I", 0, 0, 8, 3, 2, 2, 2) + bytes(8)))
def test_an_idx_file_is_read_or_refused(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    array, refusal = value_or_refusal(lambda: read_idx(tmp_path / "a", axes=3))
    assert str(tmp_path / "a") in refusal if array is None else array.size + 16 == len(data)


@FUZZ
@given(damaged(b"\x80\x02}q\x00(U\x06labelsq\x01]q\x02(K\x00K\x01eU\x04datau."))
def test_a_pickle_is_read_or_refused(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    found, refusal = value_or_refusal(lambda: read_pickle(tmp_path / "a"))
    assert str(tmp_path / "a") in refusal if found is None else isinstance(found, dict)


@FUZZ
@given(TREES.map(json.dumps) | st.text(), st.sampled_from(["mean", "names", "classes", "preprocessing", "id2label"]))
def test_metadata_of_onnx_files_is_read_or_ignored(text, key):
    names = class_names({key: text}, longest=1000)
    assert all(isinstance(name, str) and name.encode() is not None for name in names)
    assert isinstance(noted_preparation({key: text, "std": text}), Preparation | None)


@FUZZ
@given(TREES.map(json.dumps).map(str.encode) | st.binary(max_size=60), st.booleans())
def test_an_index_of_a_scan_is_read_or_ignored(tmp_path, body, is_whole):
    path = scan._index_path(tmp_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(body).hexdigest() if is_whole else "0" * 64
    path.write_bytes(digest.encode() + b"\n" + body)
    entries = scan.read_index(tmp_path)
    assert all(isinstance(entry, scan.Entry) for entry in entries.values())


@FUZZ
@given(changed({"mean": [0.5], "std": [0.5], "image_size": 32, "crop_pct": 0.9, "size": {"height": 8}}).map(json.dumps))
def test_preprocessing_is_read_or_refused(tmp_path, text):
    (tmp_path / "p.json").write_text(text)
    found, refusal = value_or_refusal(lambda: read_preprocessing(tmp_path / "p.json"))
    assert "p.json" in refusal if found is None else isinstance(found, dict)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("runs") / "run"
    with RunFolder.create(folder, RunConfig(arch="squeezenet"), overwrite=False) as run:
        run.write_text("a.txt", "text")
    return (folder / MANIFEST).read_bytes()


@FUZZ
@given(st.data())
def test_a_manifest_is_whole_or_refused(tmp_path, manifest, data):
    changed = data.draw(damaged(manifest))
    Path(tmp_path / MANIFEST).write_bytes(changed)
    found, refusal = value_or_refusal(lambda: Manifest.read(tmp_path))
    assert MANIFEST in refusal if found is None else found.names.keys() == {"a.txt", "config.toml"}


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--arch", "squeezenet", "--method", "scratch", "--plan", "LOOP", "--dry-run"),
        ("run", "--arch", "squeezenet", "--weights", "LOOP", "--dry-run"),
        ("run", "--arch", "squeezenet", "--data-dir", "LOOP", "--dataset", "fashion", "--dry-run"),
        ("run", "--config", "LOOP", "--dry-run"),
        ("run", "--model", "LOOP:build", "--dry-run"),
        ("compare", "LOOP", "LOOP"),
        ("report", "LOOP"),
        ("verify", "--original", "LOOP", "--candidate", "LOOP", "--dataset", "fashion-sample"),
    ],
    ids=lambda words: " ".join(words[:5]),
)
def test_a_link_to_itself_is_no_bug(tmp_path, words):
    loop = tmp_path / "loop.py"
    loop.symlink_to(loop)
    done = compress(*(word.replace("LOOP", str(loop)) for word in words))
    assert done.returncode in (2, 4, 5), done.stderr
    assert "Traceback" not in done.stderr
