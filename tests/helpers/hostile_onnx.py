"""ONNX files that want to hang, fill memory, leave their folder or crash: ``HOSTILE``, for attacks and tests.

All claim to be classifiers of grey images of 16 x 16 pixels in three classes.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper

from tests.exporters.onnx_files import classifier, save
from tests.helpers.hostile_graphs import (
    WANTED,
    behind,
    changed,
    declared,
    endless_loop,
    growing_loop,
    long_chain,
    long_scan,
    nested_branches,
    nested_functions,
    outside,
    with_attribute,
    with_shape,
)

CUBE = np.full(3, 2**11)


class Hostile(NamedTuple):
    """A file's name, the function that writes it into a folder, and what it is."""

    name: str
    write: Callable[[Path], Path]
    what: str


def renamed(old: str, new: bytes) -> Callable[[Path], Path]:
    """A classifier in whose bytes one text is replaced by another of the same length."""

    def write(folder: Path) -> Path:
        data = classifier(WANTED, metadata={"classes": '["aa", "bb", "cc"]'}).SerializeToString()
        path = folder / "renamed.onnx"
        path.write_bytes(data.replace(old.encode(), (new * len(old))[: len(old)]))
        return path

    return write


def described(**metadata: str) -> Callable[[Path], Path]:
    return lambda folder: save(classifier(WANTED, metadata=metadata), folder / "described.onnx")


def written(make: Callable[[], ModelProto]) -> Callable[[Path], Path]:
    return lambda folder: save(make(), folder / "hostile.onnx")


def altered(change: Callable[[onnx.GraphProto], Any]) -> Callable[[Path], Path]:
    return written(lambda: changed(change))


def content(data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "content.onnx"
        path.write_bytes(data)
        return path

    return write


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.onnx")
    return folder / "pipe.onnx"


def pipe_beside(folder: Path) -> Path:
    os.mkfifo(folder / "net.data")
    return save(outside("net.data"), folder / "net.onnx")


def link_out(folder: Path) -> Path:
    (folder / "net.data").symlink_to("/etc/passwd")
    return save(outside("net.data", offset="0", length="12"), folder / "net.onnx")


def endless_link(folder: Path) -> Path:
    (folder / "loop.onnx").symlink_to(folder / "loop.onnx")
    return folder / "loop.onnx"


def link_to_device(folder: Path) -> Path:
    (folder / "zero.onnx").symlink_to("/dev/zero")
    return folder / "zero.onnx"


def sparse_beside(folder: Path) -> Path:
    (folder / "net.data").touch()
    os.truncate(folder / "net.data", 2**40)
    return save(outside("net.data"), folder / "net.onnx")


def many_nodes(folder: Path) -> Path:
    """20 million nodes of two bytes each."""
    model = classifier(WANTED)
    path = folder / "many.onnx"
    extra = onnx.GraphProto.DESCRIPTOR.fields_by_name["node"].number << 3 | 2
    body = model.graph.SerializeToString() + bytes([extra, 0]) * 20_000_000
    model.ClearField("graph")
    head, length = model.SerializeToString(), len(body)
    size = bytearray()
    while length:
        size.append(length & 127 | (128 if length > 127 else 0))
        length >>= 7
    path.write_bytes(head + bytes([7 << 3 | 2]) + bytes(size) + body)
    return path


def _array(steps: str, **stored: Any) -> Callable[[Path], Path]:
    return written(lambda: behind(f"{steps}\nextra = ReduceSum<keepdims = 0>(huge)", stored))


HOSTILE = [
    Hostile("endless loop", written(endless_loop), "a Loop of 2^62 turns"),
    Hostile("growing loop", written(growing_loop), "a Loop that doubles an array 40 times"),
    Hostile("nested functions", written(nested_functions), "2^30 operators once the functions are put in place"),
    Hostile("endless functions", written(lambda: nested_functions(3, endless=True)), "functions that call each other"),
    Hostile("nested branches", written(lambda: nested_branches(12)), "If in If, 12 levels"),
    Hostile("32 GB", _array("huge = ConstantOfShape(cube)", cube=CUBE), "an array of 2^33 numbers, when opened"),
    Hostile("a petabyte", _array("huge = ConstantOfShape(cube)", cube=CUBE * 32), "an array of 2^48 numbers"),
    Hostile(
        "32 GB in the call",
        _array("number = ReduceMax<keepdims = 0>(flat)\nhuge = Expand(number, cube)", cube=CUBE),
        "an array of 2^33 numbers, in a call",
    ),
    Hostile("tile", _array("huge = Tile(flat, twice)", twice=np.array([2**17, 2**17])), "an image repeated 2^34 times"),
    Hostile("pad", _array("huge = Pad(flat, by)", by=np.array([0, 0, 2**30, 2**4])), "2^30 rows are added"),
    Hostile("range", _array("huge = Range(zero, end, one)", zero=np.array(0.0), end=np.array(1e18), one=np.array(1.0)),
            "the numbers up to 10^18"),
    Hostile("one hot", _array("whole = Cast<to = 7>(flat)\nhuge = OneHot(whole, depth, values)", depth=np.array(2**33),
                              values=np.array([0, 1], np.float32)), "2^33 columns"),
    Hostile("resize", _array("huge = Resize(maps, , scales)", scales=np.array([1, 1, 3e4, 3e4], np.float32)),
            "images are enlarged 30,000 times"),
    Hostile("scan", written(long_scan), "a Scan over 10^9 numbers"),
    Hostile("strides", _array("huge = ConvTranspose<strides = [99999, 99999]>(maps, w)", w=np.ones((3, 1, 3, 3), "f")),
            "images become 1.5 million pixels wide"),
    Hostile("outer product", _array('huge = Einsum<equation = "ab, cd, ef, gh -> abcdefgh">(flat, flat, flat, flat)'),
            "every image times every other one, four times"),
    Hostile("cycle", altered(lambda g: g.node[0].input.__setitem__(0, "flat")), "a graph that is a ring"),
    Hostile("long name", altered(lambda g: setattr(g.node[0], "name", "x" * 5_000_000)), "5 MB of name"),
    Hostile("many inputs", altered(lambda g: g.input.extend(
        helper.make_tensor_value_info(f"i{n}", TensorProto.FLOAT, [1]) for n in range(10_000))), "many inputs"),
    Hostile("many outputs", altered(lambda g: g.output.extend([g.output[0]] * 10_000)), "10,001 outputs"),
    Hostile("declared size", written(lambda: declared(dims=[2**40])), "a stored array without its 4 TB"),
    Hostile("overflowing size", written(lambda: declared(dims=[2**32, 2**32, 2**32])), "2^96 numbers"),
    Hostile("negative size", written(lambda: declared(dims=[-3], raw=b"\0" * 12)), "a stored array of length -3"),
    Hostile("few int4", written(lambda: declared(dims=[300], data_type=TensorProto.INT4, raw=b"\1")), "300 numbers"),
    Hostile("unknown type", written(lambda: declared(dims=[3], data_type=99, raw=b"\0" * 12)), "numbers of type 99"),
    Hostile("strings", written(lambda: declared(dims=[3], data_type=TensorProto.STRING)), "texts where numbers belong"),
    Hostile("many nodes", many_nodes, "20 million nodes of two bytes"),
    Hostile("long chain", written(lambda: long_chain("Identity", 5000)), "5,000 Identity nodes behind a weight"),
    Hostile("chain of sums", written(lambda: long_chain("Neg", 5000)), "5,000 operators in a row"),
    Hostile("pipe", pipe, "a named pipe"),
    Hostile("pipe beside", pipe_beside, "weights in a named pipe"),
    Hostile("link out", link_out, "weights behind a link to /etc/passwd"),
    Hostile("outside", written(lambda: outside("/etc/passwd")), "weights in /etc/passwd"),
    Hostile("upwards", written(lambda: outside("../../../etc/passwd")), "weights three folders up"),
    Hostile("device beside", written(lambda: outside("/dev/zero")), "weights in /dev/zero"),
    Hostile("terabyte beside", sparse_beside, "a sparse file of 1 TB with the weights"),
    Hostile("endless link", endless_link, "a link to itself"),
    Hostile("device", link_to_device, "a link to /dev/zero"),
    Hostile("folder", lambda folder: folder, "a folder"),
    Hostile("empty", content(b""), "nothing"),
    Hostile("noise", content(np.random.default_rng(0).bytes(10_000)), "random bytes"),
    Hostile("zeros", content(bytes(10_000)), "zeros"),
    Hostile("deep message", content(b"\x08\x08" + b"\x3a\x7f" * 5_000), "messages in messages"),
    Hostile("huge length", content(b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "a part of 2^63 bytes"),
    *(
        Hostile(f"not UTF-8: {place}", renamed(place, b"\xff"), f"bytes that are no text in {place}")
        for place in ("by_hand", "by hand", "pixels", "scores", "matrix", "GlobalAveragePool", "conv", "classes", "aa")
    ),
    *(
        Hostile(f"control characters: {place}", renamed(place, b"\x1b]\x07\n\x00"), f"escape sequences in {place}")
        for place in ("pixels", "scores", "matrix", "GlobalAveragePool", "conv", "aa")
    ),
    *(
        Hostile(f"quotes: {place}", renamed(place, b'"\\\n{'), f"quotes and line breaks in {place}")
        for place in ("pixels", "scores", "matrix", "conv", "aa")
    ),
    *(
        Hostile(f"attribute {number}", written(lambda k=kind, a=attributes: with_attribute(k, **a)), f"{attributes}")
        for number, (kind, attributes) in enumerate(
            [
                ("Conv", {"group": 0}),
                ("Conv", {"group": -1}),
                ("Conv", {"strides": [0, 0]}),
                ("Conv", {"dilations": [2**40, 2**40]}),
                ("Conv", {"pads": [2**40] * 4}),
                ("Conv", {"pads": [2**15] * 4}),
                ("Conv", {"kernel_shape": [2**62, 2**62]}),
                ("Conv", {"auto_pad": "everywhere"}),
                ("Flatten", {"axis": 2**60}),
                ("Gemm", {"alpha": float("nan")}),
                ("Gemm", {"transA": 1}),
            ]
        )
    ),
    Hostile("no pixels", written(lambda: with_shape(given=["n", 1, 0, 0], gives=["n", 3])), "images of 0 x 0"),
    Hostile("no images", written(lambda: with_shape(given=[0, 1, 16, 16], gives=[0, 3])), "a batch of 0"),
    Hostile("negative batch", written(lambda: with_shape(given=[-1, 1, 16, 16], gives=[-1, 3])), "a batch of -1"),
    Hostile("no classes", written(lambda: with_shape(given=["n", 1, 16, 16], gives=["n", 0])), "no class"),
    Hostile("wide image", written(lambda: with_shape(given=["n", 1, 2**40, 2**40], gives=["n", 3])), "2^80 pixels"),
    Hostile("scalar", written(lambda: with_shape(given=[], gives=[])), "a number in, a number out"),
    Hostile("NaN", written(lambda: behind("extra = Log(minus)", {"minus": np.full(3, -1, np.float32)})), "no numbers"),
    Hostile("infinite", written(lambda: behind("extra = Log(zero)", {"zero": np.zeros(3, np.float32)})), "-infinity"),
    *(
        Hostile(f"metadata {number}", described(**metadata), str(metadata)[:60])
        for number, metadata in enumerate(
            [
                {"classes": "[" * 100_000},
                {"classes": '{"a": 1}'},
                {"classes": "[1, [2], {}]"},
                {"classes": '["a", "a", "a"]'},
                {"classes": '["\\u001b[31m", "\\ud800", "\\u0000"]'},
                {"names": "{0: 'a', 1e999: 'b', 2: 'c'}"},
                {"names": "{0: 'a', True: 'b', 'x': 'c'}"},
                {"names": "__import__('os').system('touch /tmp/hostile_names_ran')"},
                {"names": "(" * 500},
                {"names": "{" + "-" * 700 + "1: 'a'}"},
                {"names": "9" * 700},
                {"mean": "[1e999]", "std": "[1e999]"},
                {"mean": "[NaN]", "std": "[NaN]"},
                {"mean": "[" + "9" * 5000 + "]", "std": "[1]"},
                {"image_size": "9" * 5000},
                {"image_size": "-1"},
                {"image_size": "1e400"},
                {"layout": "NHWC", "preprocessing": '{"resize": 1e300, "crop": -1, "channel_order": {}}'},
                {"preprocessing": "[[[]]]", "resize": "{}"},
                {"\x1b]0;title\x07": "\x1b[2J"},
            ]
        )
    ),
]  # fmt: skip
