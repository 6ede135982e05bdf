"""Purchase orders and receipts that have no document in common, or none yet, are judged as feeds that do not meet; no night fails on it."""

import datetime as dt

import pandas as pd
import pytest

from quality.reconciliation.fulfilment import check_fulfilment

DAY = dt.date(2026, 1, 6)
BEFORE = DAY - dt.timedelta(days=1)
LINE = {"line_no": 1, "item_id": "I0", "location_id": "A", "qty_ordered": 2}


def purchases(received):
    at = pd.Series([received], dtype="datetime64[us]")
    state = {"qty_received": 2, "status": "received"} if received else {"qty_received": 0, "status": "open"}
    return pd.DataFrame({"po_id": [f"P-{received}"], "ordered_at": pd.Timestamp(2026, 1, 2), "received_at": at} | LINE | state)


def receipts(day, kind="po"):
    named = {"receipt_id": [f"R-{day}"], "reference_id": f"ASN-{day}", "reference_type": kind, "line_id": "1"}
    return pd.DataFrame(named | {"item_id": "I0", "location_id": "A", "qty_received": 2, "received_at": pd.Timestamp(day)})


@pytest.mark.parametrize(
    ("frames", "before"),
    [
        ({"erp_purchase_orders": purchases(DAY)}, purchases(BEFORE)),
        ({"wms_receipts": receipts(DAY)[:0]}, purchases(BEFORE)),
        ({"wms_receipts": receipts(DAY, "transfer")}, purchases(None)),
        ({"wms_receipts": receipts(DAY), "erp_purchase_orders": purchases(None)}, purchases(None)),
    ],
    ids=["receipts by advice and none today", "a header alone", "nothing bought has come yet", "nothing bought that came is known"],
)
def test_feeds_that_do_not_meet_are_left_alone(frames, before):
    (check,), failing = check_fulfilment(frames, {"erp_purchase_orders": before, "wms_receipts": receipts(BEFORE)}, DAY)
    assert (check.passed, check.observed, failing) == (True, "the feeds tell of lines in ways that do not meet", [])
