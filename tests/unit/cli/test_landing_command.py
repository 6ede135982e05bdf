"""`evenstock land` says which version is in force and why, and holds a file against the manifest beside it."""

import hashlib
import json
from pathlib import Path

import pytest

from cli.landing import land
from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.landing.landed import list_landed


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


@pytest.fixture
def announced(tmp_path, monkeypatch):
    """announced(text, **told): a stock file of that text beside the manifest of the whole one, which says of it what is `told` as well."""
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    header = ",".join(column.name for column in load_contract("wms_stock").columns)
    whole = f"{header}\n2026-01-05,CA_1,I1,,10,2,1,\n2026-01-05,CA_1,I2,,5,0,0,\n"

    def build(end: int | None = None, data: str = whole, **told: object) -> Path:
        folder = tmp_path / "handed"
        folder.mkdir(exist_ok=True)
        (folder / "wms_stock.csv").write_text(data[:end])
        sha256 = hashlib.sha256(data.encode()).hexdigest()
        entry = {"feed": "wms_stock", "file": "wms_stock.csv", "rows": 2, "bytes": len(data), "sha256": sha256} | told
        body = {"format": "evenstock-extract/1", "source_system": "wms", "business_date": "2026-01-05", "files": [entry]}
        (folder / "manifest.json").write_text(json.dumps(body))
        return folder / "wms_stock.csv"

    return build


def test_a_file_lands_as_the_manifest_beside_it_announces(announced, tmp_path, capsys):
    land([announced(sums={"on_hand": 15})], "wms_stock", business_date="2026-01-05")
    assert "wms_stock 2026-01-05 version 1 is in force (new)" in capsys.readouterr().out
    (landed,) = list_landed(tmp_path / "home" / "landing")
    assert (landed.source_system, landed.control["rows"], landed.control["sums"]) == ("wms", 2, {"on_hand": 15})


@pytest.mark.parametrize("date", ["", "2026-01-05", "2026-01-06"])
@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"end": -30}, "the manifest says sha256 [0-9a-f]{64}, the file has"),
        ({"rows": 3}, "the manifest says 3 rows, the file has 2"),
        ({"sums": {"on_hand": 16}}, "the manifest says on_hand sums to 16, the file has 15"),
    ],
)
def test_a_file_that_is_not_what_the_manifest_beside_it_announces_is_refused(file, said, date, announced, tmp_path):
    with pytest.raises(InputRefused, match=said):
        land([announced(**file)], "wms_stock", business_date=date or None)
    assert list_landed(tmp_path / "home" / "landing") == []


def test_a_file_is_not_landed_as_something_else_than_its_manifest_says(announced, tmp_path):
    with pytest.raises(UsageError, match=r"manifest.json says feed wms_stock, not erp_items; .*land a copy that lies elsewhere"):
        land([announced()], "erp_items")
    with pytest.raises(UsageError, match=r"manifest.json says layout sap_mard, not odoo_stock_quant"):
        land([announced(layout="sap_mard")], layout="odoo_stock_quant")
    assert list_landed(tmp_path / "home" / "landing") == []


def test_the_manifest_names_layout_and_companions(announced, tmp_path):
    (tmp_path / "handed").mkdir()
    (tmp_path / "handed" / "sites.csv").write_text("code,site\n1,CA_1\n")
    (tmp_path / "home" / "layouts").mkdir(parents=True)
    (tmp_path / "home" / "layouts" / "acme.yaml").write_text(
        "layout: acme\nsystem: acme\nfeed: wms_stock\ndescription: Stock of Acme.\nlookups: {sites: {file: SITES, on: {place: code}}}\n"
        "columns: {date: business_date, location_id: lookup.sites.site, item_id: sku, on_hand: qty, reserved: 0, blocked: 0}\n"
    )
    sites = {"file": "sites.csv", "sha256": hashlib.sha256(b"code,site\n1,CA_1\n").hexdigest()}
    told = {"layout": "acme", "companions": {"SITES": sites}, "sums": {"qty": 12}}
    land([announced(data="place,sku,qty\n1,A,5\n1,B,7\n", **told)], "wms_stock")
    (landed,) = list_landed(tmp_path / "home" / "landing")
    assert (landed.layout, landed.companions[0].name) == ("acme", "SITES")
    (tmp_path / "handed" / "sites.csv").write_text("code,site\n1,CA_2\n")
    with pytest.raises(InputRefused, match=r"sites\.csv: the manifest says sha256"):
        land([announced(data="place,sku,qty\n1,A,5\n1,B,7\n", **told)], "wms_stock")
