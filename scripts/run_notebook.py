"""Run a notebook from its first cell to its last, in an empty folder, and keep it with its outputs.

``python -m scripts.run_notebook docs/prune-your-network.ipynb [--out FILE]``; without ``--out`` in its place.
"""

import argparse
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

CELL_SECONDS = 300


def main() -> None:
    """Run it; an error in a cell ends with a traceback and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--out", type=Path, help="where to write it (default: in its place)")
    given = parser.parse_args()
    notebook = nbformat.read(given.notebook, as_version=4)
    with tempfile.TemporaryDirectory(prefix="notebook-") as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(
            notebook, timeout=CELL_SECONDS, resources=resources, record_timing=False, coalesce_streams=True
        ).execute()
    nbformat.write(notebook, given.out or given.notebook)


if __name__ == "__main__":
    main()
