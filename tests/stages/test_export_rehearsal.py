"""Whether a network can become a file is found out before it is trained."""

import pytest
from torch import nn

from compress.config import RunConfig
from compress.errors import UsageError
from compress.settings import decide
from compress.stages.export_rehearsal import check_fits_a_file


def test_weights_that_no_file_can_hold_are_refused():
    config = decide(RunConfig(arch="squeezenet"))
    with pytest.raises(UsageError, match=r"squeezenet cannot become an ONNX file: expected weights of less than 2 GiB"):
        check_fits_a_file(config, nn.Linear(30_000, 20_000, device="meta"))


def test_weights_just_below_are_not():
    largest = nn.Linear(2**14, 2**15 - 1, bias=False, device="meta")  # 64 KiB short of 2 GiB
    assert sum(weight.nbytes for weight in largest.parameters()) == 2**31 - 2**16
    check_fits_a_file(decide(RunConfig(arch="squeezenet")), largest)
