"""Landing: bytes unchanged, the same bytes once, other bytes as a new version, and a drop kept whole or not at all."""

import datetime
import hashlib
import json

import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.landing.handed_over import infer_business_date
from pipelines.extracts.landing.landing_zone import land_drop, list_landed
from tests.landed import land_file

DAY = datetime.date(2026, 1, 5)


@pytest.fixture
def stock(good_row, write_feed):
    return write_feed("wms_stock", [good_row("wms_stock"), good_row("wms_stock", item_id="I2", on_hand="32")])


@pytest.fixture
def drop(tmp_path, good_row, csv_text):
    """A drop folder of two feeds; drop(change) lets `change` edit the manifest before it is written."""

    def build(change=lambda manifest: None):
        folder = tmp_path / "inbox" / "2026-01-05"
        folder.mkdir(parents=True, exist_ok=True)
        entries = []
        for feed, column, total in [("wms_stock", "on_hand", 10), ("erp_items", "unit_cost_usd", "4.5")]:
            data = csv_text(feed, [good_row(feed)]).encode()
            (folder / f"{feed}.csv").write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            entries.append({"feed": feed, "file": f"{feed}.csv", "rows": 1, "bytes": len(data), "sha256": digest, "sums": {column: total}})
        manifest = {"format": "evenstock-extract/1", "source_system": "twin", "business_date": "2026-01-05", "files": entries}
        change(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    return build


def test_bytes_land_unchanged_under_their_sha256(tmp_path, stock):
    landed = land_file(tmp_path / "landing", stock, "wms_stock", DAY, arrived_at="2026-01-06T01:00:00")
    assert landed.path.read_bytes() == stock.read_bytes()
    assert landed.path.name == f"{hashlib.sha256(stock.read_bytes()).hexdigest()}.csv"
    assert (landed.version, landed.bytes, landed.source_name, landed.arrived_at) == (
        1,
        stock.stat().st_size,
        "wms_stock.csv",
        "2026-01-06T01:00:00",
    )
    assert list_landed(tmp_path / "landing") == [landed]


def test_the_same_bytes_again_are_a_no_op_even_renamed_or_late(tmp_path, stock, good_row, write_feed):
    landing = tmp_path / "landing"
    first = land_file(landing, stock, "wms_stock", DAY)
    other = land_file(landing, write_feed("wms_stock", [good_row("wms_stock")], "later.csv"), "wms_stock", DAY)
    renamed = tmp_path / "again.csv"
    renamed.write_bytes(stock.read_bytes())
    assert (first.version, other.version) == (1, 2)
    assert land_file(landing, renamed, "wms_stock", DAY, arrived_at="2026-01-09T00:00:00") == first
    assert [file.version for file in list_landed(landing, "wms_stock", DAY)] == [1, 2]
    assert list_landed(landing, "wms_stock", DAY + datetime.timedelta(days=1)) == []


def test_another_date_has_versions_of_its_own(tmp_path, stock):
    landing = tmp_path / "landing"
    land_file(landing, stock, "wms_stock", DAY)
    assert land_file(landing, stock, "wms_stock", datetime.date(2026, 1, 6)).version == 1
    assert len(list(landing.glob("wms_stock/*.csv"))) == 1


def test_damaged_landed_bytes_are_replaced_when_they_come_again(tmp_path, stock):
    landed = land_file(tmp_path / "landing", stock, "wms_stock", DAY)
    landed.path.write_text("half")
    assert land_file(tmp_path / "landing", stock, "wms_stock", DAY).path.read_bytes() == stock.read_bytes()


def test_unknown_feed_and_missing_file_are_refused(tmp_path, stock):
    with pytest.raises(UsageError, match="unknown feed"):
        land_file(tmp_path / "landing", stock, "wms_stok", DAY)
    with pytest.raises(InputRefused, match="no such file"):
        land_file(tmp_path / "landing", tmp_path / "none.csv", "wms_stock", DAY)


def test_a_drop_lands_whole_with_the_senders_figures(tmp_path, drop):
    landed = land_drop(tmp_path / "landing", drop(), arrived_at="2026-01-06T01:00:00")
    assert [(file.feed, file.business_date, file.source_system) for file in landed] == [
        ("wms_stock", DAY, "twin"),
        ("erp_items", DAY, "twin"),
    ]
    assert landed[0].control["sums"] == {"on_hand": 10}
    assert landed[1].control["sums"] == {"unit_cost_usd": "4.5"}
    assert land_drop(tmp_path / "landing", drop()) == landed


def entry(manifest, **changes):
    manifest["files"][1].update(changes)


MISMATCHES = {
    "sha256": (lambda m: entry(m, sha256="0" * 64), f"erp_items.csv: the manifest says sha256 {'0' * 64}, the file has [0-9a-f]{{64}}"),
    "bytes": (lambda m: entry(m, bytes=7), r"erp_items.csv: the manifest says bytes 7, the file has \d+"),
    "rows": (lambda m: entry(m, rows=2), "erp_items.csv: the manifest says 2 rows, the file has 1"),
    "sum": (
        lambda m: entry(m, sums={"unit_cost_usd": 4.6}),
        "erp_items.csv: the manifest says unit_cost_usd sums to 4.6, the file has 4.5",
    ),
}
UNSAFE = {
    "path": (lambda m: entry(m, file="../erp_items.csv"), "not a plain file name"),
    "absolute": (lambda m: entry(m, file="/etc/passwd"), "not a plain file name"),
    "hidden": (lambda m: entry(m, file=".erp_items.csv"), "not a plain file name"),
    "nul": (lambda m: entry(m, file="erp_items\0.csv"), "not a plain file name"),
    "link": (lambda m: entry(m, file="link.csv"), "is a link"),
    "missing": (lambda m: entry(m, file="none.csv"), "announced but missing"),
    "unknown feed": (lambda m: entry(m, feed="erp_item"), "unknown feed 'erp_item'"),
    "feed as path": (lambda m: entry(m, feed="../../x"), "unknown feed"),
    "announced twice": (lambda m: m["files"].append(m["files"][0]), "announced twice"),
    "stray file": (lambda m: m["files"].pop(), "does not announce erp_items.csv"),
    "wrong format": (lambda m: m.update(format="evenstock-extract/9"), "'format' must be"),
    "wrong date": (lambda m: m.update(business_date="05/01/2026"), "not a date"),
    "impossible date": (lambda m: m.update(business_date="2026-02-30"), "not a date"),
    "date as path": (lambda m: m.update(business_date="../2026-01-05"), "not a date"),
    "odd source": (lambda m: m.update(source_system="a/b"), "source_system"),
    "rows as text": (lambda m: entry(m, rows="1"), "'rows' must be int"),
    "rows as truth": (lambda m: entry(m, rows=True), "'rows' must be a count"),
    "short sha": (lambda m: entry(m, sha256="abc"), "64 hex digits"),
    "sum of text": (lambda m: entry(m, sums={"item_id": 1}), "cannot sum 'item_id'"),
    "sum no number": (lambda m: entry(m, sums={"unit_cost_usd": "x"}), "must be a number"),
    "sum not finite": (lambda m: entry(m, sums={"unit_cost_usd": float("nan")}), "must be a number"),
    "files no list": (lambda m: m.update(files={}), "'files' must be list"),
    "entry no object": (lambda m: m.update(files=[1]), "expected an object"),
}


@pytest.mark.parametrize("case", MISMATCHES | UNSAFE)
def test_a_wrong_drop_is_refused_and_nothing_of_it_lands(case, tmp_path, drop):
    change, message = (MISMATCHES | UNSAFE)[case]
    (tmp_path / "secret.csv").write_text("secret")
    folder = drop()
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    drop(change)
    with pytest.raises(InputRefused, match=message):
        land_drop(tmp_path / "landing", folder)
    assert [path for path in (tmp_path / "landing").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"{", "not valid JSON"), (b"[]", "'format' must be"), (b"\xff", "not valid JSON"), (b" " * 2_000_000, "this is no manifest")],
)
def test_an_unreadable_manifest_is_refused(data, message, tmp_path, drop):
    folder = drop()
    (folder / "manifest.json").write_bytes(data)
    with pytest.raises(InputRefused, match=message):
        land_drop(tmp_path / "landing", folder)


def test_a_drop_without_manifest_is_refused(tmp_path, drop):
    folder = drop()
    (folder / "manifest.json").unlink()
    with pytest.raises(InputRefused, match="no manifest"):
        land_drop(tmp_path / "landing", folder)


def test_rows_that_will_be_quarantined_still_count_as_rows(tmp_path, drop):
    folder = drop()
    data = (folder / "wms_stock.csv").read_bytes() + b"2026-01-05,CA_1\n2026-01-05,CA_1,I2,,x,0,0,\n2026-01-05,CA_1,I3,,5,0,0,\n"
    (folder / "wms_stock.csv").write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][0].update(rows=4, bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), sums={"on_hand": 15})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert land_drop(tmp_path / "landing", folder)[0].control["rows"] == 4


def test_the_business_date_comes_from_manifest_or_name(tmp_path, drop):
    folder = drop()
    assert infer_business_date(folder) == DAY
    assert infer_business_date(folder / "wms_stock.csv") == DAY
    assert infer_business_date(tmp_path / "stock_2026-02-03_final.csv") == datetime.date(2026, 2, 3)
    assert infer_business_date(tmp_path / "stock_2026-02-03_2026-02-04.csv") is None
    assert infer_business_date(tmp_path / "stock_2026-02-30.csv") is None
    assert infer_business_date(tmp_path / "stock.csv") is None
