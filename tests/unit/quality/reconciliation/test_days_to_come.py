"""One row of a mistyped year in yesterday's file, which passes with a warning, silences no check of today."""

import datetime as dt

import pandas as pd

from quality.reconciliation.fulfilment import check_fulfilment
from quality.reconciliation.held import check_held

DAY = dt.date(2026, 1, 6)
BEFORE = pd.Timestamp(2026, 1, 5)
TO_COME = pd.Timestamp(2062, 1, 5)


def lines(day, count=20, units=2, **columns):
    named = {"order_id": [f"O{day:%y%m%d}-{n}" for n in range(count)], "line_no": 1, "item_id": "I0", "location_id": "A"}
    return pd.DataFrame(named | {"qty_units": units} | columns)


def orders(day, count=20, status="shipped"):
    return lines(day, count, status=status, ordered_at=day)


def shipments(day, units=2):
    return lines(day, units=units, shipped_at=day, shipment_id=[f"S{day:%y%m%d}-{n}" for n in range(20)])


def test_orders_are_held_against_their_shipments():
    known = {"erp_sales_orders": pd.concat([orders(BEFORE), orders(TO_COME, 1, "open")]), "wms_shipments": shipments(BEFORE)}
    today = pd.Timestamp(DAY)
    check = check_fulfilment({"erp_sales_orders": orders(today), "wms_shipments": shipments(today, units=1)}, known, DAY)[0][0]
    assert (check.passed, check.severity, check.observed) == (False, "block", "20 of 20 lines differ")


def stock(day, blocked=0, count=20):
    rows = {"date": day, "location_id": "A", "item_id": [f"I{n}" for n in range(count)], "on_hand": 50, "reserved": 0}
    return pd.DataFrame(rows | {"blocked": blocked})


def test_units_that_nothing_blocked_are_named():
    known = pd.concat([stock(BEFORE - pd.Timedelta(days=1)), stock(BEFORE), stock(TO_COME, 7, 1)])
    checks, failing = check_held({"wms_stock": stock(pd.Timestamp(DAY), 5)}, {"wms_stock": known}, DAY)
    assert {check.name: check.passed for check in checks} == {"blocked_explained": False, "reserved_explained": True}
    assert len(failing) == 20
