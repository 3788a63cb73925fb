"""The files that set the project up agree with each other and with what is installed."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import compress
from compress.settings.config import build_config

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
}


def test_version_is_one():
    assert PROJECT["version"] == compress.__version__
    assert f"## {compress.__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("line", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
def test_every_dependency_is_pinned_within_its_range(line):
    requirement = Requirement(line)
    pinned = PINS[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pinned), f"{requirement} excludes the pinned {pinned}"
    assert "+" not in pinned


@pytest.mark.parametrize("file", sorted((ROOT / "configs").glob("*.toml")), ids=lambda file: file.stem)
def test_every_example_config_is_valid(file):
    assert file.read_text().startswith("# ")
    build_config({}, file=file)
