"""The doctor finds what is wrong and says what to do."""

import os

import pytest

from compress import doctor, environment


def statuses(folder):
    return {check.name: check for check in doctor.examine(folder)}


def test_every_fault_comes_with_advice(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "package_versions", lambda: {"torch": "2.14.0", "onnx": None, "numpy": "2.4"})
    monkeypatch.setattr(environment, "isa", frozenset)
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 99.0, 99.0))
    monkeypatch.setattr(doctor, "DISK_GIB", 1e9)
    monkeypatch.setattr(doctor, "RAM_GIB", 1e9)
    checks = statuses(tmp_path)
    assert {name for name, check in checks.items() if check.status == "problem"} == {"torch", "onnx"}
    warned = {name for name, check in checks.items() if check.status == "warning"}
    assert warned == {"Processor", "Load", "Memory", "Disk"}
    assert all(check.advice for check in checks.values() if check.status != "ok")
    assert not any(check.advice for check in checks.values() if check.status == "ok")


@pytest.mark.parametrize(
    ("version", "status"), [("2.11.0", "ok"), ("2.13.0+cpu", "ok"), ("2.10.1", "problem"), ("2.14.0", "problem")]
)
def test_tested_versions_of_torch(tmp_path, monkeypatch, version, status):
    monkeypatch.setattr(environment, "package_versions", lambda: {"torch": version})
    assert statuses(tmp_path)["torch"].status == status
