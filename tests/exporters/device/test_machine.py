"""The device as Linux shows it, from folders like those of real machines."""

from pathlib import Path

import pytest

from exporters.device.machine import State, describe_device, find_emulation, read_state

ARM = "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n"
X86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7763\n"


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_board_is_named_by_its_device_tree_and_its_processor_by_numbers(tmp_path):
    root = machine(tmp_path, {"proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0", "proc/cpuinfo": ARM})
    device = describe_device(root)
    assert (device.board, device.processor) == ("Raspberry Pi 5 Model B Rev 1.0", "implementer 0x41, part 0xd0b")
    assert device.cores >= 1


def test_a_pc_is_named_by_its_processor(tmp_path):
    device = describe_device(machine(tmp_path, {"proc/cpuinfo": X86}))
    assert (device.board, device.processor) == ("", "AMD EPYC 7763")


def test_clock_heat_and_throttling(tmp_path):
    cpus, heat = "sys/devices/system/cpu", "sys/class/thermal"
    root = machine(tmp_path, {
        f"{cpus}/cpu0/cpufreq/scaling_governor": "ondemand\n", f"{cpus}/cpu1/cpufreq/scaling_governor": "ondemand\n",
        f"{cpus}/cpu0/cpufreq/scaling_cur_freq": "1500000\n", f"{cpus}/cpu1/cpufreq/scaling_cur_freq": "2400000\n",
        f"{cpus}/cpu0/cpufreq/cpuinfo_max_freq": "2400000\n", f"{cpus}/cpu0/thermal_throttle/core_throttle_count": "3",
        f"{cpus}/cpufreq/scaling_cur_freq": "1\n",
        f"{heat}/thermal_zone0/temp": "48200\n", f"{heat}/thermal_zone1/temp": "61750\n",
        f"{heat}/thermal_zone2/temp": "broken\n",
        f"{heat}/cooling_device0/type": "pwm-fan", f"{heat}/cooling_device0/cur_state": "4",
        f"{heat}/cooling_device1/type": "cpufreq-cpu0", f"{heat}/cooling_device1/cur_state": "2",
    })  # fmt: skip
    assert read_state(root) == State(("ondemand",), 1950.0, 2400.0, 61.75, throttled=5)


def test_what_linux_does_not_show_is_none(tmp_path):
    assert read_state(tmp_path) == State((), None, None, None, None)


@pytest.mark.parametrize(
    ("cpuinfo", "maps", "architecture", "found"),
    [
        (X86, "", "aarch64", "an x86 processor to a program for aarch64"),
        (X86, "", "x86_64", ""),
        (ARM, "", "aarch64", ""),
        (
            ARM,
            "5500-5600 r-xp 0 08:01 7 /usr/bin/qemu-aarch64-static\n5600-5700 rw-p 0",
            "aarch64",
            "qemu-aarch64-static",
        ),
        (ARM, "5500-5600 r-xp 0 08:01 7 /home/qemu-user/lib/numpy.so\n", "aarch64", ""),
        ("", "5500-5600 r-xp 0 08:01 7 /usr/bin/qemu-arm", "armv7l", "qemu-arm"),
    ],
)
def test_emulation_shows_in_the_real_processor_or_the_emulator_s_file(tmp_path, cpuinfo, maps, architecture, found):
    root = machine(tmp_path, {"proc/cpuinfo": cpuinfo, "proc/thread-self/maps": maps})
    shown = find_emulation(root, architecture)
    assert found in shown if found else shown == ""


def test_this_machine_is_none():
    assert describe_device().emulated == ""
