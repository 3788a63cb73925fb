"""A user's own network: ``path/file.py:build`` or ``package.module:build`` -> the function that builds it.

Importing it runs its code. This is only done for a name on the command line, or for a function that a program passes:
never for a name that is read from a file.
"""

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from compress.errors import CompressError, UsageError

if TYPE_CHECKING:
    from torch import nn

_SPEC = "path/file.py:build or package.module:build"
_FRAMES = 3
_OTHER_CODE = (
    "<",
    f"{Path(__file__).parent}{os.sep}",
    *(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "purelib", "platlib")),
)


@dataclass(frozen=True)
class OwnCode:
    """The function that builds a user's network, and where it came from."""

    spec: str  # the name on the command line; empty for a function that a program passes
    build: "Callable[[int], nn.Module]"  # called with the number of classes, gives a new network with fresh weights
    file: str = ""  # name of the file it is defined in; empty if there is none
    sha256: str = ""  # of that file (hex), or empty


def import_code(spec: str) -> OwnCode:
    """Import a user's function by its spec (a path is relative to the working folder): its module's code is run.

    ``UsageError`` if there is no such file, module or function, or its code fails.
    """
    place, _, name = spec.rpartition(":")
    if not place or not name:
        raise UsageError(f"expected --model as {_SPEC}, got {spec!r}")
    with explaining(f"importing {place}"):
        if place.endswith(".py"):
            module = _from_file(Path(place))
        else:
            _search(Path.cwd())  # as `python -m` does
            module = importlib.import_module(place)
    found = getattr(module, name, None)
    if not callable(found):
        functions = [
            key
            for key, value in vars(module).items()
            if callable(value) and getattr(value, "__module__", None) == module.__name__
        ]
        fault = "is no function" if hasattr(module, name) else "is not there"
        raise UsageError(f"{place}: {name} {fault}; it has {', '.join(functions) or 'no function'}")
    return _described(found, spec=spec, file=getattr(module, "__file__", None))


def wrap_code(build: "Callable[[int], nn.Module]") -> OwnCode:
    """The code of a function that a program passes."""
    try:
        file = inspect.getsourcefile(inspect.unwrap(build))
    except TypeError:  # an object with __call__
        file = None
    return _described(build, spec="", file=file)


def _described(build: Any, *, spec: str, file: str | None) -> OwnCode:
    if file is None or not Path(file).is_file():
        return OwnCode(spec, build)
    return OwnCode(spec, build, Path(file).name, hashlib.sha256(Path(file).read_bytes()).hexdigest())


def resolve_spec(spec: str) -> str:
    """The same spec with an absolute path, valid in any working folder."""
    place, _, name = spec.rpartition(":")
    return f"{os.path.realpath(Path(place).expanduser())}:{name}" if place.endswith(".py") else spec


class OwnCodeError(UsageError):
    """The user's code failed; ``where`` holds the last lines of its traceback."""

    def __init__(self, action: str, where: str) -> None:
        super().__init__(f"{action} failed:\n{where}")
        self.where = where


@contextmanager
def explaining(action: str) -> Iterator[None]:
    """Turn any error in the user's code, also ``sys.exit``, into an OwnCodeError that shows the place.

    Ctrl-C, lack of memory and this package's own errors pass. ``action`` is for the message: "net.build(10)".
    """
    try:
        yield
    except (CompressError, MemoryError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise OwnCodeError(action, _end_of_traceback(error)) from error


def _end_of_traceback(error: BaseException) -> str:
    """The last lines of a traceback, without those of this package, of torch and of Python's own library."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_OTHER_CODE)
    ]
    lines = [*traceback.format_list(frames[-_FRAMES:]), *traceback.format_exception_only(error)]
    return "".join(lines).rstrip()


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"expected a Python file at {path}, got none; --model takes {_SPEC}")
    _search(path.resolve().parent)  # as Python does for a script: its neighbours can be imported
    # A separate name, so that a file named like a module of Python does not replace that module.
    name = f"compress_own_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _search(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
