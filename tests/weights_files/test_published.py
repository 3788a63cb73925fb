"""Published weights: where their file is found, compared and fetched from (this machine)."""

import hashlib
from pathlib import Path

import pytest

from compress.errors import BadInputError, EnvironmentProblem, UsageError
from compress.settings.config import RunConfig
from compress.weights_files.published import locate, stated_preprocessing
from models_zoo.published_weights import PublishedWeights
from tests.helpers.forks import kill_before

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch looks for weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch/hub/checkpoints"


def published(tmp_path: Path, *, sha256: str = SHA256[:8]) -> PublishedWeights:
    server = tmp_path / f"server/net-{sha256}.pth"
    server.parent.mkdir(exist_ok=True)
    server.write_bytes(CONTENT)
    return PublishedWeights("Net_Weights.V1", server.as_uri(), ())


def test_a_file_is_fetched_only_if_asked_for_and_then_found(tmp_path: Path, cache: Path):
    weights = published(tmp_path)
    with pytest.raises(BadInputError, match=rf"add --download, or put net-\w+\.pth into {cache}"):
        locate(weights, download=False)
    assert not cache.exists()
    assert locate(weights, download=True) == cache / weights.file_name
    (tmp_path / "server" / weights.file_name).unlink()
    assert locate(weights, download=False).read_bytes() == CONTENT
    assert [file.name for file in cache.iterdir()] == [weights.file_name]


def test_other_content_than_the_published_is_refused(tmp_path: Path, cache: Path):
    weights = published(tmp_path, sha256="0" * 8)
    with pytest.raises(BadInputError, match="is not the published file: expected sha256 00000000"):
        locate(weights, download=True)
    assert not list(cache.iterdir())
    (cache / weights.file_name).write_bytes(CONTENT)
    with pytest.raises(BadInputError, match=rf"expected sha256 00000000, got {SHA256[:8]}; delete it"):
        locate(weights, download=False)


def test_a_failed_download_leaves_nothing(tmp_path: Path, cache: Path):
    weights = PublishedWeights("Net_Weights.V1", (tmp_path / "gone.pth").as_uri(), ())
    with pytest.raises(EnvironmentProblem, match=r"cannot download Net_Weights\.V1 from file:.*try again"):
        locate(weights, download=True)
    assert not list(cache.iterdir())


def test_a_killed_download_is_begun_anew_and_nothing_of_it_stays(tmp_path: Path, cache: Path):
    weights = published(tmp_path)
    cache.mkdir(parents=True)
    kill_before(6, lambda: locate(weights, download=True))
    assert any(cache.iterdir())
    assert locate(weights, download=True).read_bytes() == CONTENT
    assert [file.name for file in cache.iterdir()] == [weights.file_name]


@pytest.mark.parametrize("damaged", [False, True])
def test_hugging_faces_cache_is_searched_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    home = tmp_path / "hub/models--timm--net.tag"
    for folder in ("blobs", "refs", "snapshots/abc"):
        (home / folder).mkdir(parents=True)
    (home / "refs/main").write_text("abc")
    (home / "blobs" / SHA256).write_bytes(b"other" if damaged else CONTENT)
    (home / "snapshots/abc/model.safetensors").symlink_to(home / "blobs" / SHA256)
    weights = PublishedWeights("timm/net.tag", "", (), repository="timm/net.tag", files=("a.bin", "model.safetensors"))
    if damaged:
        with pytest.raises(BadInputError, match=f"expected sha256 {SHA256}"):
            locate(weights, download=False)
    else:
        assert locate(weights, download=False).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("weights", "name"),
    [
        ("imagenet", "imagenet"),
        ("timm/resnet18.a1_in1k", "timm/resnet18.a1_in1k"),
        ("ResNet18_Weights.IMAGENET1K_V1", "ResNet18_Weights.IMAGENET1K_V1"),
        ("imagenet.pth", ""),
        ("folder/imagenet", ""),
        ("here", ""),
    ],
)
def test_a_file_that_is_there_or_looks_like_one_is_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str, name: str
):
    monkeypatch.chdir(tmp_path)
    Path("here").touch()
    Path("imagenet").mkdir()  # of images, perhaps
    assert RunConfig(arch="resnet18", weights=Path(weights)).weights_name == name


def test_timms_config_becomes_settings_or_is_refused():
    config = {
        "input_size": (3, 160, 160),
        "crop_pct": 0.95,
        "interpolation": "bicubic",
        "mean": (0.5,) * 3,
        "std": (1,) * 3,
    }
    stated = stated_preprocessing(PublishedWeights("timm/a.b", "", (), timm_config=config))
    assert stated["image_size"] == 160
    assert stated["crop"] == 0.95
    assert stated["mean"] == (0.5, 0.5, 0.5)
    for bordered in ({"crop_mode": "border"}, {"crop_pct": 1.15}):
        (name,) = bordered
        with pytest.raises(UsageError, match=rf"timm/a\.b: expected .*{name}.*, which adds borders; try other weights"):
            stated_preprocessing(PublishedWeights("timm/a.b", "", (), timm_config=config | bordered))
