"""Hooks of `mkdocs build`: parts of pages that come from the source tree, so that they are written once.

A line `<!-- include PATH -->` in a page becomes the Markdown file PATH, without its title and with its headings one
level lower. A line `<!-- settings COMMAND -->` becomes the tables of a command's settings, and `<!-- notebook PATH -->`
the cells of a notebook with its outputs.
"""

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

PAGES = {"compress/edropout/README.md": "method.md", "compress/controls/README.md": "rivals.md"}
"""Files that are included whole -> the page that shows them."""

_MARKER = re.compile(r"^<!-- (?P<kind>include|settings|notebook) (?P<name>\S+) -->$", re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>[^)#:]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in a page's markers; mkdocs calls this for every page."""
    parts = {"include": _included, "settings": _settings, "notebook": notebook_page}
    return _MARKER.sub(lambda marker: parts[marker["kind"]](marker["name"]), markdown)


def notebook_page(path: str) -> str:
    """A notebook of the tree as Markdown: its texts, its code, what the code printed and drew."""
    parts: list[str] = []
    for cell in json.loads((ROOT / path).read_text())["cells"]:
        text = "".join(cell["source"])
        parts += [text] if cell["cell_type"] == "markdown" else [_fenced(text, "python"), *_outputs(cell["outputs"])]
    return "\n\n".join(parts)


def _outputs(outputs: list[dict[str, Any]]) -> Iterator[str]:
    for output in outputs:
        data = output.get("data", {})
        if "image/png" in data:
            yield f"![{''.join(data['text/plain'])}](data:image/png;base64,{''.join(data['image/png']).strip()})"
        else:
            yield _fenced("".join(output.get("text") or data["text/plain"]).strip("\n"), "text")


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


def _included(path: str) -> str:
    """A Markdown file of the tree, its title left out, its links pointing to pages."""
    title, _, body = (ROOT / path).read_text().partition("\n")
    assert title.startswith("# "), f"{path} has no title"
    body = re.sub(r"^(?=##+ )", "#", body, flags=re.MULTILINE) if path not in PAGES else body
    return _LINK.sub(lambda link: _page_link(link["text"], link["target"], folder=posixpath.dirname(path)), body)


def _page_link(text: str, target: str, *, folder: str) -> str:
    """A link of an included file, to the page of the site; what is no page is left as its text."""
    path = posixpath.normpath(posixpath.join(folder, target))
    page = PAGES.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
    return f"[{text}]({page})" if page else text


def _settings(command: str) -> str:
    """The tables of a command's settings, printed by the code that declares them."""
    from compress.race.cells import RaceSettings
    from compress.settings.config import RunConfig
    from compress.settings.export import ExportSettings
    from compress.settings.fields import settings_tables
    from compress.settings.verify import Gates, UserOverrides, VerifySettings

    models = {
        "run": (RunConfig,),
        "race": (RaceSettings,),
        "verify": (UserOverrides, Gates, VerifySettings),
        "export": (ExportSettings,),
    }
    return settings_tables(*models[command], keys=command == "run")
