"""Check and time the ONNX files beside this program: python measure.py --help. It sends nothing anywhere."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROBLEM = 5  # exit code: something is missing on this machine


def run() -> int:
    """Run the command; its exit code."""
    sys.dont_write_bytecode = True  # the kit stays as it was copied
    sys.path.insert(0, str(HERE))
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime reads it when it is imported
    if sys.version_info < (3, 9):  # noqa: UP036
        sys.stderr.write("Error: expected Python 3.9 or later, got " + sys.version.split()[0] + "\n")
        return PROBLEM
    try:
        from exporters.device.command import main
    except ImportError as error:
        sys.stderr.write(f"Error: {error}; try: {sys.executable} -m pip install numpy onnxruntime\n")
        return PROBLEM
    return main(HERE)


if __name__ == "__main__":
    raise SystemExit(run())
