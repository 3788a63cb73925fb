import json
import re
import subprocess
import sys

import pytest
import torch

from compress import environment
from compress.errors import EnvironmentProblem

X86 = "processor : 0\nmodel name : Some CPU\nflags : fpu sse2 {}\n\nprocessor : 1\nflags : fpu\n"
ARM = "processor : 0\nBogoMIPS : 50.00\nFeatures : fp asimd sve\n"


@pytest.mark.parametrize(
    ("text", "flags", "block"),
    [
        (X86.format("avx2 fma avx512f avx512_vnni"), {"avx2", "fma", "avx512f", "avx512_vnni"}, 16),
        (X86.format("avx2"), {"avx2"}, 8),
        (X86.format("ssse3"), set(), 4),
        (ARM, {"neon", "sve"}, 8),
    ],
)
def test_block_of_a_processor(tmp_path, monkeypatch, text, flags, block):
    monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")
    (tmp_path / "cpuinfo").write_text(text)
    assert environment.isa(tmp_path / "cpuinfo") == flags
    assert environment.native_block(frozenset(flags)) == block
    # a missing file is no error
    monkeypatch.setattr(environment.platform, "machine", lambda: "arm64")
    assert environment.isa(tmp_path / "absent") == {"neon"}


def test_which_processors_have_bfloat16():
    assert environment.has_bf16(frozenset({"avx2", "avx512f", "avx512_bf16"}))
    assert environment.has_bf16(frozenset({"neon", "bf16"}))
    assert not environment.has_bf16(frozenset({"avx2", "avx512f", "neon"}))


def test_more_threads_than_the_system_allows_are_refused_before_openmp_ends_the_process():
    code = (
        "import resource; from compress.environment import use_threads\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "use_threads(100)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert re.search(r"EnvironmentProblem: --threads 100: the system allows about \d+: try", done.stderr)


def test_threads_that_would_hardly_get_anywhere_are_refused(monkeypatch):
    monkeypatch.setattr(environment, "usable_cores", lambda: 2)
    with pytest.raises(EnvironmentProblem, match="--threads 129: expected at most 128 on 2 cores: try --threads 2"):
        environment.use_threads(129)


def test_env_json_is_plain_json_with_the_right_values():
    described = json.loads(json.dumps(environment.describe_environment(threads=2, seed=7), allow_nan=False))
    assert (described["threads"], described["seed"]) == (2, 7)
    assert described["packages"]["torch"] == torch.__version__
    assert described["cpu"]["native_block"] == environment.native_block()
    assert described["cpu"]["cores"] >= 1


def test_a_package_is_found_under_the_name_of_another_that_has_its_modules():
    assert environment.installed_version("PIL") == environment.installed_version("pillow")
    assert environment.installed_version("pillow")
    assert environment.installed_version("no-such-package") is None


def test_commit_is_that_of_this_checkout_only(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    inner = tmp_path / "site-packages" / "compress"
    inner.mkdir(parents=True)
    (inner / "__init__.py").touch()
    monkeypatch.setattr(environment, "__file__", str(inner / "__init__.py"))
    assert environment.source_commit() is None
