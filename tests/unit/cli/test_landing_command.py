"""`evenstock land` says which version is in force and why."""

import pytest

from cli.landing import land
from pipelines.domain.errors import UsageError
from pipelines.extracts.contracts.contract import load_contract


def test_the_version_in_force_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    header = ",".join(column.name for column in load_contract("wms_stock").columns)
    right, wrong = tmp_path / "right_2026-01-05.csv", tmp_path / "wrong_2026-01-05.csv"
    right.write_text(f"{header}\n2026-01-05,CA_1,I1,,10,2,1,\n")
    wrong.write_text(f"{header}\n2026-01-05,CA_1,I1,,99,2,1,\n")
    for file, said in [
        (right, "version 1 is in force (new)"),
        (right, "version 1 is in force (the same contents, nothing changed)"),
        (wrong, "version 2 is in force (new)"),
        (right, "version 3 is in force (brings back version 1)"),
        (right, "version 3 is in force (the same contents, nothing changed)"),
    ]:
        land([file], "wms_stock")
        assert said in capsys.readouterr().out
    with pytest.raises(UsageError, match="both wms_stock of 2026-01-05"):
        land([right, wrong], "wms_stock")
