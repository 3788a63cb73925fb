"""The notebook as it is committed, and as the site shows it. `.ci/run` executes it."""

import json
import re
from pathlib import Path

import pytest

from scripts.site_pages import notebook_page

NOTEBOOK = "docs/prune-your-network.ipynb"
FILE = Path(__file__).parent.parent / NOTEBOOK


@pytest.fixture(scope="module")
def code() -> list[dict]:
    return [cell for cell in json.loads(FILE.read_text())["cells"] if cell["cell_type"] == "code"]


def test_it_was_run_from_the_first_cell_to_the_last_without_errors(code):
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert kinds <= {"stream", "display_data", "execute_result"}
    assert {output["name"] for cell in code for output in cell["outputs"] if "name" in output} == {"stdout"}


def test_it_is_small_and_names_no_folder_of_a_machine():
    text = FILE.read_text()
    assert len(text) < 400_000
    assert not [word for word in ("/home/", "/root/", "/work/", "/tmp/", "site-packages") if word in text]


def test_its_verdict_keeps_half_of_the_macs_and_is_faster(code):
    *_, table, last = ["".join(output["text"]) for cell in code for output in cell["outputs"] if "text" in output]
    assert "small.onnx against original.onnx" in table
    points, speedup, kept = (float(word.strip("%+")) for word in re.findall(r"^\S+|[\d.]+(?= times)|\S+%", last))
    assert -2 < points < 2
    assert speedup > 1.2
    assert 40 < kept <= 50


def test_the_site_shows_texts_code_and_outputs_in_their_order(code):
    page = notebook_page(NOTEBOOK)
    assert page.startswith("# Prune your own network")
    assert page.count("```python") == len(code)
    assert page.count("](data:image/png;base64,") == 2
    parts = ("compress.Pruner(", "of the search done", "pruner.remove(", "gained  file")
    places = [page.index(part) for part in parts]
    assert places == sorted(places)
