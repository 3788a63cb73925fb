import re
from pathlib import Path

import onnxruntime

README = Path(__file__).parents[2] / "README.md"


def test_the_readmes_example_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    (block,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["verdict"].kept_macs <= 0.5
    assert names["verdict"].top1 > 0.4  # of ten classes, after few steps
    assert "small.onnx against original.onnx" in capsys.readouterr().out
    for name in ("original.onnx", "small.onnx"):
        onnxruntime.InferenceSession(tmp_path / name, providers=["CPUExecutionProvider"])
