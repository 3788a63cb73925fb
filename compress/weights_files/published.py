"""Published weights by name: what a name means, where the file is, and its download."""

import hashlib
import http.client
import importlib
import os
import re
from pathlib import Path
from typing import Any

import torch

from compress.download import fetch
from compress.errors import BadInputError, EnvironmentProblem, UsageError
from compress.settings.preprocessing_files import of_timm
from exporters.write.scratch import scratch_folder
from models_zoo.architecture import MissingExtraError
from models_zoo.published_weights import PublishedWeights, UnknownWeightsError, find_published_weights
from models_zoo.zoo import ALIASES


def published_weights(arch: str, name: str, *, own: bool) -> PublishedWeights:
    """The published weights of a name; ``own``: for a user's own network.

    BadInputError if there are none, EnvironmentProblem if their package is not installed.
    """
    try:
        return find_published_weights(None if own else ALIASES.get(arch, arch), name)
    except UnknownWeightsError as error:
        raise BadInputError(f"no weights file at {name}; as a name of published weights: {error}") from None
    except MissingExtraError as error:
        raise EnvironmentProblem(str(error)) from None


def stated_preprocessing(published: PublishedWeights) -> dict[str, Any]:
    """How images have to be prepared for the weights, as settings; UsageError if images cannot be prepared so."""
    if published.timm_config is None:
        return dict(published.preprocessing)
    try:
        return of_timm(published.timm_config)
    except ValueError as error:
        raise UsageError(f"{published.name}: {error}; try other weights") from None


def locate(published: PublishedWeights, *, download: bool) -> Path:
    """The file of the weights: in torch's hub cache, or in Hugging Face's; with ``download`` fetched where missing.

    BadInputError if it is not there, or is not the published file; EnvironmentProblem if a download fails.
    """
    cached = Path(torch.hub.get_dir()) / "checkpoints" / published.file_name if published.url else None
    if cached is not None and cached.is_file():
        _compare(cached, published.sha256)
        return cached
    if published.repository and (file := _in_hugging_face_cache(published)):
        return file
    if download:
        return _download(published, cached)
    places = f", or put {cached.name} into {cached.parent}" if cached else ""
    raise BadInputError(f"the file of the weights {published.name} is not on this machine: add --download{places}")


def _compare(file: Path, sha256: str) -> None:
    if not sha256:
        return
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if not found.startswith(sha256):
        raise BadInputError(
            f"{file} is not the published file: expected sha256 {sha256}, got {found[: len(sha256)]}; "
            "delete it and fetch it with --download"
        )


def _in_hugging_face_cache(published: PublishedWeights) -> Path | None:
    """The newest version of the file that the cache has; large files are stored there by their sha256."""
    hub = _hugging_face()
    for name in published.files:
        found = hub.try_to_load_from_cache(published.repository, name) if hub else None
        if isinstance(found, str):
            stored = Path(found).resolve().name
            _compare(Path(found), stored if re.fullmatch(r"[0-9a-f]{64}", stored) else "")
            return Path(found)
    return None


def _hugging_face() -> Any:
    """Hugging Face's client, which timm brings; ``None`` without it."""
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError:
        return None


def _download(published: PublishedWeights, cached: Path | None) -> Path:
    try:
        if published.repository and (hub := _hugging_face()):
            return _from_hugging_face(hub, published)
        assert cached is not None, "weights have an address or a repository"
        cached.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(beside=cached) as folder:
            whole = folder / cached.name
            fetch(published.url, whole, algorithm="sha256", checksum=published.sha256)
            os.replace(whole, cached)
        return cached
    except (OSError, http.client.HTTPException) as error:  # also all errors of Hugging Face's client
        place = published.repository or published.url
        raise EnvironmentProblem(f"cannot download {published.name} from {place}: {error}; try again") from None


def _from_hugging_face(hub: Any, published: PublishedWeights) -> Path:
    *others, last = published.files
    for name in others:
        try:
            return Path(hub.hf_hub_download(published.repository, name))
        except hub.errors.EntryNotFoundError:
            continue
    return Path(hub.hf_hub_download(published.repository, last))
