"""The files that set the project up, and its documentation, agree with each other and with the code."""

import pkgutil
import re
import shlex
import tomllib
from itertools import product

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import compress
from compress.cli.main import app
from compress.settings.config import build_config
from tests.test_architecture import ROOT, relative

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
}
CARDS = [ROOT / "compress/edropout/README.md", ROOT / "compress/controls/README.md"]
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md")), *CARDS, *sorted((ROOT / "docs").glob("*.md"))]
TREE = ("compress", "exporters", "models_zoo", "tests", "benchmarks", "configs", "scripts", "docs")
"""Folders of the repository that pages name files of."""


def commands(text):
    """The lines and inline code of a page that call ``compress``, without comments."""
    for line in re.findall(r"^ {4}(?:\$ )?(compress .+)$|`(compress [^`]+)`", text, re.MULTILINE):
        yield next(filter(None, line)).partition(" #")[0]


def test_version_is_one_and_the_readme_is_short():
    assert PROJECT["version"] == compress.__version__
    assert f"## {compress.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert len((ROOT / "README.md").read_text().splitlines()) <= 160


LINES = {line for part in (PROJECT["dependencies"], *EXTRAS.values()) for line in part}
OWN = {line for line in LINES if Requirement(line).name == PROJECT["name"]}
"""Requirements that name other extras."""


@pytest.mark.parametrize("line", sorted(LINES - OWN))
def test_every_dependency_is_pinned_within_its_range(line):
    requirement = Requirement(line)
    pinned = PINS[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pinned), f"{requirement} excludes the pinned {pinned}"
    assert "+" not in pinned


def test_the_tests_need_every_extra_but_that_of_the_documentation():
    (own,) = OWN
    assert own in EXTRAS["dev"]
    assert Requirement(own).extras == EXTRAS.keys() - {"dev", "docs"}


@pytest.mark.parametrize("file", sorted((ROOT / "configs").glob("*.toml")), ids=lambda file: file.stem)
def test_every_example_config_is_valid(file):
    assert file.read_text().startswith("# ")
    build_config({}, file=file)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_files_named_in_a_page_exist(page):
    text = page.read_text()
    named = re.findall(rf"`((?:{'|'.join(TREE)})/[\w./-]+)`", text)
    linked = [target for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", text) if not target.startswith("http")]
    beside = re.findall(r"`([\w/.]+\.py)`", text) if page in CARDS else []
    places = [*product(named, [ROOT]), *product(linked, [page.parent])]
    missing = [name for name, place in places if not (place / name).exists()]
    missing += [name for name in beside if not (page.parent / name).exists() and not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_commands_in_a_page_have_these_flags(page):
    known = typer.main.get_command(app).commands
    for line in commands(page.read_text()):
        name, *words = shlex.split(line)[1:]
        if name.startswith("-") or name == "COMMAND":
            continue
        subcommands = getattr(known[name], "commands", {})
        command = subcommands.get(words[0], known[name]) if words else known[name]
        flags = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= flags, line


@pytest.mark.parametrize("name", re.findall(r"^::: (\S+)$", (ROOT / "docs/api.md").read_text(), re.MULTILINE))
def test_what_the_api_reference_names_exists(name):
    assert pkgutil.resolve_name(name).__doc__
