"""A home made by hand with known figures: five days of stock, a master that is a day late, a file not yet read, two frozen pairs."""

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.extracts.checking.quarantine import QUARANTINE_SCHEMA
from pipelines.flows.intake import save_verdict
from pipelines.store.home import Home
from quality.judging.gates import GateCheck, verdict

AS_OF = dt.date(2026, 3, 10)
STOCK_SHA = "a" * 64
FILE = "stock <b>& co</b>.csv"


def write_json(path: Path, body: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body), encoding="utf-8")


class HandMade:
    """Writes what landing, lake, gates and publication leave in a home, with the figures it is told."""

    as_of = AS_OF

    def __init__(self, root: Path) -> None:
        self.home = Home(root)

    def land(self, feed: str, date: dt.date, version: int = 1, **more: object) -> None:
        sidecar = {"feed": feed, "version": version, "bytes": 10, "source_name": f"{feed}.csv", "source_system": "erp", "control": None}
        body = sidecar | {"arrived_at": f"{date}T02:03:04+00:00", "business_date": str(date)} | more
        write_json(self.home.landing / feed / f"{date}.v{version:04d}.json", body)

    def check(self, feed: str, date: dt.date, rows_in: int, reasons: tuple[str, ...] = (), version: int = 1, **more: object) -> None:
        """A checked partition; each of `reasons` is one quarantined row, from line 2 on, with a hostile value."""
        left_out, merged = int(more.pop("rows_left_out", 0)), int(more.pop("rows_merged", 0))
        rows = {"rows": rows_in - len(reasons) - left_out - merged, "rows_in": rows_in, "rows_quarantined": len(reasons)}
        body = {"version": version, "sha256": STOCK_SHA, "warnings": [], "rows_left_out": left_out, "rows_merged": merged} | rows | more
        write_json(self.home.lake / feed / f"{date}.v{version:04d}-{'0' * 12}.parquet.json", body)
        file = self.home.quarantine / feed / f"{date}.v{version:04d}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            {"feed": feed, "file": FILE, "line": n + 2, "column": "on_hand", "reason": reason, "value": "=1+1", "raw": f"line {n + 2}"}
            for n, reason in enumerate(reasons)
        ]
        pq.write_table(pa.Table.from_pylist(lines, schema=QUARANTINE_SCHEMA), file)

    def judge(self, feed: str, *checks: GateCheck, about: str = STOCK_SHA) -> None:
        save_verdict(self.home, self.as_of, feed, about, verdict(feed, self.as_of, checks, 0, 0).to_json())

    def freeze(self, *pairs: dict) -> None:
        body = {
            "format": "evenstock-frozen/1",
            "business_date": str(self.as_of),
            "pairs": list(pairs),
            "says": "fix these 2 rows, worth $350",
        }
        write_json(
            self.home.gates / str(self.as_of) / "frozen.json", body | {"usd": sum(pair["usd"] for pair in pairs), "rows": len(pairs)}
        )

    def publish(self, as_of: dt.date, run_id: str = "run1") -> None:
        folder = self.home.published / run_id
        manifest = {"run_id": run_id, "as_of": str(as_of), "status": "OPTIMAL", "lines": 7, "objective_usd": 12.5, "gap_share": 0.0}
        write_json(folder / "manifest.json", manifest)
        link = self.home.published / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(folder.name)


@pytest.fixture
def hand_made(tmp_path: Path) -> HandMade:
    """The home as the module says, after a blocked run of 10 March 2026; the plan in force is of the 9th."""
    made = HandMade(tmp_path / "home")
    for n, reasons in enumerate([(), (), ("not_integer", "not_date"), ()]):
        made.check("wms_stock", AS_OF - dt.timedelta(days=4 - n), 100 + len(reasons), reasons)
    made.land("wms_stock", AS_OF, source_name=FILE, control={"rows": 103}, layout="sap_mard")
    made.check("wms_stock", AS_OF, 103, ("not_integer",) * 7 + ("not_date",) * 3, rows_left_out=2, rows_merged=1, warnings=["odd header"])
    made.land("erp_items", AS_OF - dt.timedelta(days=1))
    made.check("erp_items", AS_OF - dt.timedelta(days=1), 40)
    made.land("wms_movements", AS_OF, version=2)
    made.check("wms_movements", AS_OF, 5)
    made.judge(
        "wms_stock",
        GateCheck("quarantine_share", False, "block", "10 of 103 rows (9.71%)", "at most 5%", ("on_hand",)),
        GateCheck("row_count", False, "warn", "90 rows, -10% against the trailing median 100", "within 5%"),
        GateCheck("keys_unique", True, "block", "0 repeated keys", "0"),
    )
    made.judge(
        "reconciliation",
        GateCheck(
            "stock_replay", False, "warn", "1 of 90 location-items differ (1.11%)", "on_hand = previous on_hand + movements", ("A/1",)
        ),
        GateCheck("shipments_match_sales", True, "warn", "0 of 9 location-items differ (0.00%)", "units shipped = units of sale movements"),
    )
    pair = {"location_id": "EAST", "item_id": "I-1", "reasons": ["unit_mixup"], "plan_lines": ["L1"], "kpis": ["fill_rate"], "units": 3}
    row = {"feed": "wms_stock", "file": FILE, "line": 4}
    made.freeze(
        pair | {"usd": 50.0, "rows": [row | {"line": 3}]},
        pair | {"item_id": "I-2", "usd": 300.0, "rows": [row, row | {"line": 3}]},
    )
    made.publish(AS_OF - dt.timedelta(days=1))
    return made
