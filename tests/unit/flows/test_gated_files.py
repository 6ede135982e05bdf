"""Only what its gate and the day's reconciliation let pass is planned on, the first load included."""

import datetime as dt
import json
from pathlib import Path

import pytest

from pipelines import flows
from pipelines.domain.errors import GateBlocked
from pipelines.flows.intake import gated_files
from pipelines.store.home import Home

DAY = dt.date(2016, 4, 24)
NEXT = DAY + dt.timedelta(days=1)


def put(home: Home, feed: str, day: dt.date, version: int = 1) -> None:
    """A lake file with its sidecar, and the good verdict of its gate."""
    path = home.lake / feed / f"{day}.v{version:04d}-{'a' * 12}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    sha256 = f"{feed} {day} {version}".encode().hex()
    body = {"feed": feed, "business_date": str(day), "version": version, "rows": 1, "sha256": sha256, "content_sha256": sha256}
    path.with_name(f"{path.name}.json").write_text(json.dumps(body))
    flows.save_verdict(home, day, feed, sha256, json.dumps({"passed": True}))


def reconcile(home: Home, day: dt.date, *, passed: bool = True) -> None:
    flows.save_reconciliation(home, day, json.dumps({"passed": passed}))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two days of stock and items that passed everything."""
    home = Home(tmp_path)
    for day in (DAY, NEXT):
        for feed in ("wms_stock", "erp_items"):
            put(home, feed, day)
        reconcile(home, day)
    return home


def test_what_passed_both_is_used(home: Home) -> None:
    for feed in ("wms_stock", "erp_items"):
        assert [file.business_date for file in gated_files(home, feed, NEXT)] == [DAY, NEXT]


@pytest.mark.parametrize("day", [DAY, NEXT])
def test_a_day_that_failed_reconciliation_is_not_planned_on_later(home: Home, day: dt.date) -> None:
    reconcile(home, day, passed=False)
    with pytest.raises(GateBlocked, match=f"wms_stock of {day} was blocked by the reconciliation between feeds"):
        gated_files(home, "wms_stock", NEXT + dt.timedelta(days=1))


@pytest.mark.parametrize("day", [DAY, NEXT])
def test_a_day_that_nobody_reconciled_is_not_planned_on(home: Home, day: dt.date) -> None:
    (home.gates / str(day) / "reconciliation.lake_sha256").unlink()
    with pytest.raises(GateBlocked, match=f"erp_items of {day} has not passed the reconciliation between feeds"):
        gated_files(home, "erp_items", NEXT)


def test_a_correction_is_reconciled_again_and_only_its_own_day(home: Home) -> None:
    put(home, "wms_stock", DAY, version=2)
    with pytest.raises(GateBlocked, match=f"wms_stock of {DAY} has not passed the reconciliation between feeds"):
        gated_files(home, "wms_stock", NEXT)
    reconcile(home, DAY)
    assert [file.version for file in gated_files(home, "wms_stock", NEXT)] == [2, 1]


def test_a_feed_that_came_after_the_reconciliation_is_not_covered_by_it(home: Home) -> None:
    put(home, "wms_receipts", NEXT)
    with pytest.raises(GateBlocked, match=f"wms_receipts of {NEXT} has not passed the reconciliation"):
        gated_files(home, "wms_receipts", NEXT)
