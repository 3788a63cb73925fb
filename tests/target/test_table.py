"""Tables of layer times are read strictly; the cache is made again when it is damaged."""

import json
from pathlib import Path

import pytest

from compress.errors import BadInputError
from compress.target.table import cache_times, cached_times, of_samples, parse_table, read_table, time_here
from exporters.measure.layer_times import TimingLimits
from tests.helpers.latency_case import Case

QUICK = TimingLimits(seconds=0.0)


def test_a_table_is_read_back_and_sorted_by_the_samples(case: Case, tmp_path: Path):
    table = case.table(noise=0.1)
    assert parse_table(table.to_json().encode(), source="it") == table
    document = json.loads(table.to_json())
    document["samples"].reverse()
    document["governor"] = "performance"  # a device may say more of itself
    file = tmp_path / "device-layers.json"
    file.write_text(json.dumps(document))
    assert of_samples(read_table(file), case.samples, source="it") == table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.update(schema="compress-layer-times/9"), "schema"),
        (lambda table: table.pop("threads"), "threads"),
        (lambda table: table.update(int8_for="mips"), "int8_for"),
        (lambda table: table["samples"][0].update(whole_ms=0), "samples.0.whole_ms"),
        (lambda table: table["samples"][0].update(reference_ms="fast"), "samples.0.reference_ms"),
        (lambda table: table["samples"][0].update(sha256="../../etc/passwd"), "samples.0.sha256"),
        (lambda table: table["samples"][0]["nodes"][0].update(milliseconds=-1.0), "samples.0.nodes.0.milliseconds"),
        (lambda table: table["samples"][0].update(nodes=[]), "samples.0.nodes"),
        (lambda table: table.update(samples=[]), "samples"),
    ],
)
def test_a_table_with_impossible_numbers_is_refused(case: Case, change, message: str):
    document = json.loads(case.table().to_json())
    change(document)
    with pytest.raises(BadInputError, match=rf"it is not a table of layer times: {message}"):
        parse_table(json.dumps(document).encode(), source="it")


def test_what_is_no_json_or_holds_nan_is_refused(case: Case):
    for text in (b"\x00", b"[1, 2", case.table().to_json().replace("0.06", "NaN").encode()):
        with pytest.raises(BadInputError, match="it is not JSON"):
            parse_table(text, source="it")


def test_a_table_of_another_network_is_refused(case: Case, tmp_path: Path):
    file = tmp_path / "device-layers.json"
    file.write_text(case.table(shas=("0" * 64,) * len(case.samples.files)).to_json())
    with pytest.raises(BadInputError, match=r"it lacks 32 of the 32 samples of this network; .* make the kit again"):
        of_samples(read_table(file), case.samples, source="it")


def test_times_are_cached_by_samples_and_setting_and_damage_is_made_again(case: Case, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cached_times(case.samples, QUICK) is None
    cache_times(case.samples, QUICK, case.table())
    assert cached_times(case.samples, QUICK) == case.table()
    assert cached_times(case.samples, TimingLimits(threads=2)) is None
    assert cached_times(case.samples, TimingLimits(batch_size=2)) is None
    (file,) = (tmp_path / "compress" / "layer-times").iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    assert cached_times(case.samples, QUICK) is None


def test_times_of_this_machine_name_it_and_report_progress(case: Case):
    few = type(case.samples)(case.samples.files[:3], case.samples.counts_NG[:3], case.samples.source)
    seen: list[int] = []
    table = time_here(few, QUICK, progress=seen.append)
    assert seen == [1, 2, 3]
    assert [sample.sha256 for sample in table.samples] == [file.sha256 for file in few.files]
    assert table.machine["cpu"]
    assert table.versions.keys() == {"onnxruntime"}
    assert parse_table(table.to_json().encode(), source="it") == table
