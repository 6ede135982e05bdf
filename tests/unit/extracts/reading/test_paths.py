"""A path that is no readable file is refused with what stands there."""

import os
from pathlib import Path

import pytest

from pipelines.domain.errors import InputRefused
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract


def test_each_kind_of_path_is_named(tmp_path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    cases = {
        tmp_path / "none.csv": "no such file",
        tmp_path: "this is a folder",
        fifo: "pipe or device",
        tmp_path / ("x" * 300): "too long",
    }
    for path, said in cases.items():
        with pytest.raises(InputRefused, match=said):
            check_file(path, load_contract("wms_stock"))


def test_a_file_that_cannot_be_read_is_refused():
    with pytest.raises(InputRefused, match="cannot be read"):
        check_file(Path("/proc/self/mem"), load_contract("wms_stock"))
