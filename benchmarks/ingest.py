"""What taking extracts in costs: a manifest drop of stock and sales landed, checked and in the lake, against bare DuckDB, which reads the
same files into typed columns without a check and writes them to zstd Parquet. Each side runs in a process of its own, start-up included.

EVENSTOCK_BENCH_SCALE=0.1 makes a tenth of 1 M stock rows and 10 M sales rows (50 locations, 20,000 items). At full scale on two shared
cores: 1.8 to 2.0 times the CPU of bare DuckDB for rows by key, 2.5 for shuffled ones, which must be sorted; 380,000 and 280,000 rows per
CPU second; at most 2.6 GB.
"""

import datetime
import hashlib
import json
import os
import shutil
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STOCK_ROWS, SALES_ROWS, LOCATIONS, ITEMS, SEED = 1_000_000, 10_000_000, 50, 20_000, 0
DAY = datetime.date(2026, 1, 5)
ORDERS = {"by key": "i", "shuffled": "luck(i, 9, 4294967291), i"}
FEEDS = ("wms_stock", "erp_sales_orders")
STOCK = """
    SELECT DATE '2026-01-05' AS date, format('L{:02}', i // $items) AS location_id, format('I{:05}', i % $items) AS item_id,
        if(luck(i, 0, 10) = 0, format('LOT-{:06}', luck(i, 1, 999983)), NULL) AS lot_id, luck(i, 2, 500) AS on_hand,
        luck(i, 2, 500) // 10 AS reserved, luck(i, 2, 500) // 50 AS blocked,
        if(luck(i, 0, 10) = 0, DATE '2026-06-01' + CAST(luck(i, 3, 300) AS INTEGER), NULL) AS expiry_date
    FROM range($rows) AS t(i) ORDER BY $order"""
SALES = """
    SELECT format('O{:09}', i // 3) AS order_id, i % 3 + 1 AS line_no, format('I{:05}', luck(i, 0, $items)) AS item_id,
        format('L{:02}', luck(i, 1, $locations)) AS location_id, ['CA', 'TX', 'NY', 'WA'][1 + luck(i // 3, 2, 4)] AS ship_to_region,
        format('{:05}', luck(i // 3, 3, 99999)) AS ship_to_zip, ['store', 'web', 'b2b'][1 + luck(i // 3, 4, 3)] AS channel,
        1 + luck(i, 5, 9) AS qty_units, CAST(99 + luck(i, 6, 20000) AS DECIMAL(18, 0)) / 100 AS unit_price_usd,
        strftime(TIMESTAMP '2025-12-29' + to_seconds(i * 604800 // $rows), '%Y-%m-%dT%H:%M:%S') AS ordered_at,
        DATE '2026-01-07' + CAST(luck(i, 7, 5) AS INTEGER) AS requested_date, DATE '2026-01-09' AS promised_date,
        ['open', 'shipped', 'part_shipped', 'cancelled'][1 + luck(i, 8, 4)] AS status
    FROM range($rows) AS t(i) ORDER BY $order"""
LUCK = f"CREATE TEMP MACRO luck(i, n, m) AS CAST(hash(i, n, {SEED}) % m AS BIGINT)"


def run() -> list[dict]:
    """One row per side and order of the rows: rows, cpu_s, wall_s, peak RSS in GB, rows per CPU second, and the CPU ratio to DuckDB."""
    rows = []
    for how in ORDERS:
        with tempfile.TemporaryDirectory(prefix="evenstock-bench-") as scratch:
            measure("make", Path(scratch), how)
            count = sum(file["rows"] for file in json.loads((Path(scratch) / "drop" / "manifest.json").read_text())["files"])
            sides = {side: measure(side, Path(scratch)) for side in ("bare", "ours")}
            for side, name in (("bare", "bare DuckDB"), ("ours", "land, check, lake")):
                cost = sides[side] | {
                    "rows_per_cpu_s": count / sides[side]["cpu_s"],
                    "ratio": sides[side]["cpu_s"] / sides["bare"]["cpu_s"],
                }
                rows.append({"rows": f"{count} {how}", "side": name, **cost})
    return rows


def write_drop(scratch: Path, how: str) -> None:
    """A drop folder with manifest of both feeds, seeded, the rows in one of `ORDERS`."""
    folder, order, scale = scratch / "drop", ORDERS[how], float(os.environ.get("EVENSTOCK_BENCH_SCALE", "1"))
    folder.mkdir(parents=True)
    stock = write_feed(folder / f"{FEEDS[0]}.csv", STOCK, round(STOCK_ROWS * scale), order, "on_hand")
    sales = write_feed(folder / f"{FEEDS[1]}.csv", SALES, round(SALES_ROWS * scale), order, "qty_units")
    manifest = {"format": "evenstock-extract/1", "source_system": "benchmark", "business_date": DAY.isoformat(), "files": [stock, sales]}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def write_feed(path: Path, query: str, rows: int, order: str, column: str) -> dict:
    """One file and its entry in the manifest; `column` is summed."""
    import duckdb

    sql = string.Template(query).substitute(rows=rows, items=ITEMS, locations=LOCATIONS, order=order)
    with duckdb.connect(config={"threads": 2, "memory_limit": "4GB"}) as connection:
        connection.execute(LUCK)
        connection.execute(f"COPY ({sql}) TO '{path}' (HEADER, DELIMITER ',')")
        ((total,),) = connection.execute(f"SELECT sum({column}) FROM read_csv('{path}')").fetchall()
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    size = path.stat().st_size
    return {"feed": path.stem, "file": path.name, "rows": rows, "bytes": size, "sha256": digest, "sums": {column: int(total)}}


def measure(side: str, *arguments: Path | str) -> dict[str, float]:
    """CPU and wall seconds and peak RSS of one side in a fresh process. This process stays small: a child inherits its peak."""
    began = time.monotonic()
    child = subprocess.Popen([sys.executable, "-m", "benchmarks.ingest", side, *map(str, arguments)])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    shutil.rmtree(Path(arguments[0]) / side, ignore_errors=True)
    if child.returncode:
        raise RuntimeError(f"{side} ended with {child.returncode}")
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "wall_s": time.monotonic() - began, "peak_rss_gb": usage.ru_maxrss / 1024**2}


def read_and_write(scratch: Path) -> None:
    """Bare DuckDB: typed columns by the contract's types, no check, zstd Parquet."""
    import duckdb

    from pipelines.extracts.contracts.contract import load_contract

    (scratch / "bare").mkdir()
    with duckdb.connect(config={"threads": 2, "memory_limit": "2GB"}) as connection:
        for feed in FEEDS:
            types = ", ".join(f"'{column.name}': '{column.sql_type}'" for column in load_contract(feed).columns)
            read = f"read_csv('{scratch}/drop/{feed}.csv', auto_detect=false, header=true, delim=',', quote='\"', columns={{{types}}})"
            connection.execute(f"COPY (SELECT * FROM {read}) TO '{scratch}/bare/{feed}.parquet' (FORMAT parquet, COMPRESSION zstd)")


def take_in(scratch: Path) -> None:
    """The same files landed with their manifest, checked and in the lake."""
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import ingest
    from pipelines.extracts.landing.landing_zone import land_drop

    home = scratch / "ours"
    for landed in land_drop(home / "landing", scratch / "drop"):
        result = ingest(landed, load_contract(landed.feed), home / "lake", home / "quarantine")
        if result.rows_accepted != landed.control["rows"]:
            raise RuntimeError(f"{landed.feed}: {result.rows_accepted} of {landed.control['rows']} rows accepted")


if __name__ == "__main__":
    {"make": write_drop, "bare": read_and_write, "ours": take_in}[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
