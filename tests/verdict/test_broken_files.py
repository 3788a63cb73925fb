"""Files that are no classifiers are bad input, told by name."""

from pathlib import Path

import onnx
import pytest
from onnx import helper

from compress.errors import BadInputError
from compress.verdict.open_files import open_file, open_files
from tests.exporters.onnx_files import FLOAT, classifier, save
from tests.verdict.conftest import GREY, SIZE


def broken(kind: str, path: Path) -> Path:
    proto = classifier(GREY)
    match kind:
        case "missing":
            return path
        case "truncated":
            save(proto, path)
            path.write_bytes(path.read_bytes()[:200])
            return path
        case "two inputs":
            proto.graph.node.append(helper.make_node("Add", ["scores", "prior"], ["sum"]))
            proto.graph.input.append(helper.make_tensor_value_info("prior", FLOAT, [3]))
            proto.graph.output[0].name = "sum"
        case "no classifier":
            proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("maps", FLOAT, ["n", 4, SIZE, SIZE]))
        case "outside":
            onnx.save(proto, path, save_as_external_data=True, location="net.data", size_threshold=0)
            proto = onnx.load(path, load_external_data=False)
            for tensor in proto.graph.initializer:
                tensor.external_data[0].value = "../net.data"
    return save(proto, path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "cannot read the ONNX file"),
        ("truncated", "truncated or damaged"),
        ("two inputs", "has 2 .pixels, prior"),
        ("no classifier", "is it an image classifier"),
        ("outside", "inside the folder of"),
    ],
)
def test_broken_files_are_bad_input(kind, message, tmp_path, data, load):
    path = broken(kind, tmp_path / "net.onnx")
    for attempt in (lambda: open_file(path, data), lambda: open_files(path, path, load)):
        with pytest.raises(BadInputError, match=message) as caught:
            attempt()
        assert caught.value.exit_code == 4
        assert "net.onnx" in str(caught.value)
