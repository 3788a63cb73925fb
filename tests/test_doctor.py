"""The doctor finds what is wrong and says what to do."""

import os

import pytest

from compress import doctor, environment


def test_every_fault_comes_with_advice(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "package_versions", lambda: {"torch": "2.14.0", "onnx": None, "numpy": "2.4"})
    monkeypatch.setattr(environment, "isa", frozenset)
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 99.0, 99.0))
    monkeypatch.setattr(doctor, "DISK_GIB", 1e9)
    monkeypatch.setattr(doctor, "RAM_GIB", 1e9)
    checks = doctor.examine(tmp_path)
    assert {check.name for check in checks if check.status == "problem"} == {"torch", "onnx"}
    assert {check.name for check in checks if check.status == "warning"} == {"Processor", "Load", "Memory", "Disk"}
    assert all(bool(check.advice) is (check.status != "ok") for check in checks)


@pytest.mark.parametrize(
    ("version", "status"), [("2.11.0", "ok"), ("2.13.0+cpu", "ok"), ("2.10.1", "problem"), ("2.14.0", "problem")]
)
def test_tested_versions_of_torch(tmp_path, monkeypatch, version, status):
    monkeypatch.setattr(environment, "package_versions", lambda: {"torch": version})
    assert next(check.status for check in doctor.examine(tmp_path) if check.name == "torch") == status
