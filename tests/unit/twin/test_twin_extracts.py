"""Drops: complete, canonical, honest about their bytes, and replayable to the closing stock."""

import csv
import datetime as dt
import hashlib
import json
import re

import pandas as pd
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract, load_contracts
from pipelines.extracts.landing.landing_zone import land_drop
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin


def read_feed(folder, feed):
    return pd.read_csv(folder / f"{feed}.csv", dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A history of 35 days as one drop, then seven daily drops with a transfer among them."""
    from pipelines.twin.demand import generate_demand
    from pipelines.twin.world import build_generated_world

    demand = generate_demand(3, 12, 60, 5, dt.date(2026, 1, 6))
    twin = Twin(build_generated_world(demand, 5), demand, 5)
    inbox = tmp_path_factory.mktemp("twin") / "inbox"
    history = write_history_drop(twin.warm_up(35), twin.world, inbox)
    origin, destination = demand.location_ids[:2]
    item = demand.item_ids[int(twin.stock.available()[0].argmax())]
    order = {
        "format": "evenstock-dispatch/1", "transfer_id": "T1", "origin": origin, "destination": destination, "mode": "road",
        "ship_date": "2026-02-10", "idempotency_key": "k1", "lines": [{"line_id": "L1", "item_id": item, "units": 3}],
    }  # fmt: skip
    days = [write_drop(twin.play_day([order] if n == 0 else []), twin.world, inbox) for n in range(7)]
    return twin, history, days


def test_every_feed_with_rows_is_there_with_its_columns(run):
    _, history, days = run
    assert {path.stem for path in history.glob("*.csv")} == set(load_contracts())
    assert len(read_feed(history, "wms_transfers")) == 0 and len(read_feed(days[0], "wms_transfers")) == 3
    for folder in (history, *days):
        for path in folder.glob("*.csv"):
            with path.open(newline="", encoding="utf-8") as file:
                assert next(csv.reader(file)) == [column.name for column in load_contract(path.stem).columns]


def test_keys_are_unique_in_every_file(run):
    _, history, days = run
    for folder in (history, *days):
        for path in folder.glob("*.csv"):
            frame = read_feed(folder, path.stem)
            assert not frame.duplicated(list(load_contract(path.stem).key)).any(), path


def test_manifest_tells_the_truth_about_every_file(run):
    _, history, days = run
    for folder in (history, *days):
        manifest = json.loads((folder / "manifest.json").read_text())
        assert (manifest["format"], manifest["source_system"], manifest["business_date"]) == ("evenstock-extract/1", "twin", folder.name)
        assert sorted(entry["file"] for entry in manifest["files"]) == sorted(path.name for path in folder.glob("*.csv"))
        for entry in manifest["files"]:
            data = (folder / entry["file"]).read_bytes()
            frame = read_feed(folder, entry["feed"])
            assert (entry["bytes"], entry["sha256"], entry["rows"]) == (len(data), hashlib.sha256(data).hexdigest(), len(frame))
            control = load_contract(entry["feed"]).control_sum_column
            assert entry["sums"] == ({control: int(frame[control].astype(int).sum())} if control else {})


def test_every_drop_lands_and_keeps_its_contracts(run, tmp_path):
    """The other side reads what the twin writes: manifests hold and not one row is quarantined."""
    _, history, days = run
    for folder in (history, days[0]):
        for landed in land_drop(tmp_path, folder):
            checked = check_file(landed.path, load_contract(landed.feed))
            assert checked.quarantined.num_rows == 0 and checked.accepted.num_rows == checked.rows_in


def test_text_is_canonical(run):
    _, history, days = run
    plain = re.compile(r"-?\d+(\.\d+)?|")
    for folder in (history, *days):
        for path in folder.glob("*.csv"):
            data = path.read_bytes()
            assert b"\r" not in data and data.endswith(b"\n")
            frame = read_feed(folder, path.stem)
            for name in frame.columns:
                if name.endswith(("_at", "at")) and name != "lat" and path.stem != "erp_purchase_orders":
                    assert frame[name].str.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|").all(), (path, name)
                if name.endswith("date"):
                    assert frame[name].str.fullmatch(r"\d{4}-\d\d-\d\d|").all(), (path, name)
                if name.startswith("qty_") or name in ("on_hand", "reserved", "blocked", "line_no"):
                    assert frame[name].str.fullmatch(r"-?\d+").all(), (path, name)
                if "cost" in name or "price" in name or name.endswith(("_kg", "_m3", "_share", "mean", "sd")):
                    assert frame[name].map(lambda text: bool(plain.fullmatch(text))).all(), (path, name)
    assert set(read_feed(history, "tms_lanes")["allowed"]) == {"true"}


def test_the_ledger_replays_to_every_closing_stock(run):
    """Sum of movements up to a date = on hand at its close, for every item-location and day."""
    _, history, days = run
    moved = pd.concat([read_feed(folder, "wms_movements") for folder in (history, *days)])
    moved["date"], moved["units"] = moved["at"].str[:10], moved["qty_units"].astype(int)
    stock = pd.concat([read_feed(folder, "wms_stock") for folder in (history, *days)])
    daily = moved.pivot_table(index="date", columns=["location_id", "item_id"], values="units", aggfunc="sum", fill_value=0)
    dates = sorted(stock["date"].unique())
    assert len(dates) == 42
    balance = daily.reindex(dates, fill_value=0).cumsum()
    shown = stock.assign(on_hand=stock["on_hand"].astype(int)).pivot(index="date", columns=["location_id", "item_id"], values="on_hand")
    shown = shown.astype(float)
    assert balance.reindex(columns=shown.columns).astype(float).where(shown.notna()).equals(shown)
    assert moved["event_id"].is_unique


def test_shipments_equal_sale_movements_and_the_final_orders(run):
    _, history, days = run
    folders = (history, *days)
    shipments = pd.concat([read_feed(folder, "wms_shipments") for folder in folders]).drop_duplicates("shipment_id", keep="last")
    orders = pd.concat([read_feed(folder, "erp_sales_orders") for folder in folders]).drop_duplicates(["order_id", "line_no"], keep="last")
    moved = pd.concat([read_feed(folder, "wms_movements") for folder in folders]).query("type == 'sale'")
    sold = -moved["qty_units"].astype(int)
    assert shipments["qty_units"].astype(int).groupby(shipments["order_id"]).sum().equals(sold.groupby(moved["reference"]).sum())
    both = orders.merge(shipments, on=["order_id", "line_no"], how="left", suffixes=("", "_shipped"))
    shipped = both["qty_units_shipped"].fillna("0").astype(int)
    ordered = both["qty_units"].astype(int)
    status = both["status"]
    assert (shipped[status == "shipped"] == ordered[status == "shipped"]).all()
    part = status == "part_shipped"
    assert part.any() and (shipped[part] > 0).all() and (shipped[part] < ordered[part]).all()
    assert (status == "cancelled").any() and (shipped[status.isin(["cancelled", "open"])] == 0).all()
    assert set(orders.query("status == 'cancelled'")["channel"]) == {"web"}


def test_reserved_units_are_the_open_orders(run):
    """At the end of the day, what is reserved is what late web orders still wait for."""
    twin, _, days = run
    waiting = sum(int(book["got"].sum()) for book in twin.parcels.waiting)
    shown = read_feed(days[-1], "wms_stock")["reserved"].astype(int).sum()
    assert shown == waiting > 0
    assert set(read_feed(days[-1], "erp_sales_orders").query("status == 'open'")["order_id"].str[:11]) == {"SO-20260216"}


def test_nothing_from_the_future_is_reported(run):
    _, history, days = run
    for folder in (history, *days):
        for feed, column in (("wms_shipments", "delivered_at"), ("wms_receipts", "received_at"), ("wms_movements", "at")):
            if (folder / f"{feed}.csv").is_file():
                assert read_feed(folder, feed)[column].str[:10].max() <= folder.name
    delivered = pd.concat([read_feed(folder, "wms_shipments") for folder in days])
    assert (delivered["delivered_at"] == "").any()


def test_some_web_orders_arrive_late(run):
    _, history, _ = run
    orders = read_feed(history, "erp_sales_orders").query("channel == 'web' and status == 'shipped'")
    parcels = orders.merge(read_feed(history, "wms_shipments").query("delivered_at != ''"), on=["order_id", "line_no"])
    late = (parcels["delivered_at"].str[:10] > parcels["promised_date"]).mean()
    assert 0.03 < late < 0.35


def test_a_product_not_yet_launched_has_no_stock_row(generated, tmp_path):
    twin = generated(items=40, days=200)
    late = [name for name, day in zip(twin.demand.item_ids, twin.replenishment.launch_day, strict=True) if day > 5]
    folder = write_history_drop(twin.warm_up(5), twin.world, tmp_path)
    assert late and not set(late) & set(read_feed(folder, "wms_stock")["item_id"])
    items = read_feed(folder, "erp_items").set_index("item_id")
    assert set(items.loc[late, "lifecycle"]) == {"new"} and (items.loc[late, "launch_date"] > "2026-01-11").all()
    twin.warm_up(195)
    assert twin.served_units[:, :, list(twin.demand.item_ids).index(late[0])].sum() > 0


def test_the_same_day_again_is_a_no_op_and_another_is_refused(generated, tmp_path):
    twin = generated()
    events = twin.play_day([])
    folder = write_drop(events, twin.world, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert write_drop(events, twin.world, tmp_path) == folder
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    other = generated(seed=6).play_day([])
    with pytest.raises(InputRefused, match="with other content"):
        write_drop(other, twin.world, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["2026-01-06"]


def test_a_broken_off_drop_leaves_no_folder_and_is_repaired(generated, tmp_path, monkeypatch):
    twin = generated()
    events = twin.play_day([])
    columns = {name: column for name, column in events.tables["wms_stock"].items() if name != "on_hand"}
    broken = dict(events.tables, wms_stock=columns)
    with pytest.raises((KeyError, TypeError, ValueError)):
        write_drop(type(events)(events.date, broken), twin.world, tmp_path)
    assert not (tmp_path / "2026-01-06").exists()
    assert sorted(path.name for path in write_drop(events, twin.world, tmp_path).parent.iterdir()) == ["2026-01-06"]


def test_an_empty_history_is_refused(generated, tmp_path):
    with pytest.raises(InputRefused, match="history is empty"):
        write_history_drop([], generated().world, tmp_path)


def test_two_runs_write_the_same_bytes(generated, tmp_path):
    for name in ("one", "two"):
        twin = generated()
        write_history_drop(twin.warm_up(15), twin.world, tmp_path / name)
    one, two = ((tmp_path / name / "2026-01-20" / "manifest.json").read_bytes() for name in ("one", "two"))
    assert one == two
