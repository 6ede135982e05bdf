"""Real demand and prices of Walmart's M5 data, read in place: ten stores stand for ten warehouses.

Stock, lanes and lead times are not real and not here.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.twin.demand import DemandEvent, DemandTable
from pipelines.twin.luck import stream

# 59 whole weeks of the 419 days on file: with these ends the rule of `eligible_items` gives the published 1,637 items.
FIRST_DAY = dt.date(2015, 3, 4)
LAST_DAY = dt.date(2016, 4, 19)
EDGE_DAYS = 42
ORIGINS = {
    "m5/units_daily.parquet": "github.com/functime-org/functime at 71e11992",
    "m5/sell_prices.parquet": "github.com/Adredes-weslee/agentive-inventory at aba0648d",
    "m5/calendar.parquet": "github.com/Adredes-weslee/agentive-inventory at aba0648d",
    "geo/us_zip_centroids.parquet": "the PyPI package zipcodes 3.0.0",
}


def real_file(real_data_dir: Path, name: str) -> Path:
    """Path of one real data file; raises `InputRefused` that says where the data comes from when it is not there."""
    path = Path(real_data_dir) / name
    if not path.is_file():
        raise InputRefused(
            f"{path}: not found; set EVENSTOCK_REAL_DATA to a folder that holds {name} as Parquet, made from {ORIGINS[name]} "
            "(the licence of M5 allows benchmarking only)"
        )
    return path


def read_m5_demand(real_data_dir: Path, items: int, days: int, warmup_days: int, seed: int) -> DemandTable:
    """Demand of `items` M5 items in all ten stores over the first `warmup_days + days` days from 2015-03-04.

    Items come from those sold in all ten stores in the first and the last six weeks of the history (1,637). Seeds 0, 1, 2, ... take
    disjoint samples of one shuffle; after the last full sample the next shuffle begins. Raises `InputRefused` where the data is
    missing and `UsageError` where more days or items are asked for than there are.
    """
    span = warmup_days + days
    history = (LAST_DAY - FIRST_DAY).days + 1
    if not 1 <= span <= history:
        raise UsageError(f"M5 covers {history} days from {FIRST_DAY}; {warmup_days} warm-up days and {days} days do not fit in it")
    path = real_file(real_data_dir, "m5/units_daily.parquet")
    sample = choose_items(eligible_items(path), items, seed)
    frame = _read_units(path, sample, FIRST_DAY + dt.timedelta(days=span - 1))
    stores = sorted(frame["store_id"].unique())
    units = np.zeros((span, len(stores), len(sample)), dtype=np.int32)
    day = (pd.to_datetime(frame["date"]) - pd.Timestamp(FIRST_DAY)).dt.days.to_numpy()
    at_store = frame["store_id"].map({name: i for i, name in enumerate(stores)}).to_numpy()
    at_item = frame["item_id"].map({name: i for i, name in enumerate(sample)}).to_numpy()
    units[day, at_store, at_item] = frame["units"].to_numpy()
    events = read_m5_holidays(real_data_dir, stores, FIRST_DAY + dt.timedelta(days=span - 1))
    return DemandTable(tuple(stores), tuple(sample), FIRST_DAY, units, events)


def choose_items(eligible: list[str], items: int, seed: int) -> list[str]:
    """The seed's sample of the eligible items, sorted.

    >>> sorted(choose_items(list("abcdef"), 3, 0) + choose_items(list("abcdef"), 3, 1))
    ['a', 'b', 'c', 'd', 'e', 'f']
    """
    if not 1 <= items <= len(eligible):
        raise UsageError(f"{items} items asked for; {len(eligible)} M5 items are sold in all ten stores at both ends of the history")
    samples = len(eligible) // items
    shuffled = stream(0, "m5_sample", seed // samples).permutation(np.array(sorted(eligible), dtype=object))
    first = (seed % samples) * items
    return sorted(shuffled[first : first + items].tolist())


def eligible_items(path: Path) -> list[str]:
    """Items with at least one unit sold in every store in both the first and the last six weeks."""
    early, late = FIRST_DAY + dt.timedelta(days=EDGE_DAYS - 1), LAST_DAY - dt.timedelta(days=EDGE_DAYS - 1)
    sold: dict[str, set[tuple[str, str]]] = {"early": set(), "late": set()}
    for table in _row_groups(path, ["store_id", "item_id", "date", "units"]):
        for name, first, last in (("early", FIRST_DAY, early), ("late", late, LAST_DAY)):
            rows = table.filter((pc.field("units") > 0) & _between(first, last))
            pairs = rows.group_by(["store_id", "item_id"]).aggregate([])
            sold[name].update(zip(pairs["store_id"].to_pylist(), pairs["item_id"].to_pylist(), strict=True))
    stores_of: dict[str, set[str]] = {}
    for store, item in sold["early"] & sold["late"]:
        stores_of.setdefault(item, set()).add(store)
    every = {store for store, _ in sold["early"]}
    return sorted(item for item, stores in stores_of.items() if stores == every)


def read_m5_prices(real_data_dir: Path, item_ids: tuple[str, ...], first: dt.date, last: dt.date) -> pd.Series:
    """Mean sell price in USD of each item over all stores and the weeks of the period, indexed by item_id."""
    calendar = pq.read_table(real_file(real_data_dir, "m5/calendar.parquet"), columns=["date", "wm_yr_wk"]).to_pandas()
    weeks = calendar.loc[(calendar["date"] >= first) & (calendar["date"] <= last), "wm_yr_wk"].unique().tolist()
    path = real_file(real_data_dir, "m5/sell_prices.parquet")
    wanted = pc.field("item_id").isin(list(item_ids)) & pc.field("wm_yr_wk").isin(weeks)
    parts = [table.filter(wanted).to_pandas() for table in _row_groups(path, ["item_id", "wm_yr_wk", "sell_price"])]
    prices = pd.concat(parts)
    return prices["sell_price"].astype(float).groupby(prices["item_id"].astype(str)).mean()


def read_m5_holidays(real_data_dir: Path, stores: list[str], last: dt.date) -> tuple[DemandEvent, ...]:
    """The calendar's events of every store from the first day to `last`; what each does to demand is not on file."""
    frame = pq.read_table(real_file(real_data_dir, "m5/calendar.parquet"), columns=["date", "event_name_1", "event_name_2"]).to_pandas()
    named = frame[(frame["date"] >= FIRST_DAY) & (frame["date"] <= last)].dropna(how="all", subset=["event_name_1", "event_name_2"])
    return tuple(DemandEvent("holiday", "location", store, day, day) for store in stores for day in named["date"])


def read_state_centroids(real_data_dir: Path) -> dict[str, tuple[float, float]]:
    """Latitude and longitude of every US state: the mean of its active ZIP centroids."""
    path = real_file(real_data_dir, "geo/us_zip_centroids.parquet")
    frame = pq.read_table(path, columns=["state", "lat", "long", "active"]).to_pandas()
    means = frame[frame["active"]].astype({"lat": float, "long": float}).groupby("state")[["lat", "long"]].mean()
    return {str(state): (float(lat), float(lon)) for state, lat, lon in means.itertuples()}


def _read_units(path: Path, sample: list[str], last: dt.date) -> pd.DataFrame:
    wanted = pc.field("item_id").isin(sample) & _between(FIRST_DAY, last)
    parts = [table.filter(wanted) for table in _row_groups(path, ["store_id", "item_id", "date", "units"])]
    frame = pa.concat_tables(parts, promote_options="default").to_pandas()
    return frame.astype({"store_id": str, "item_id": str})


def _between(first: dt.date, last: dt.date) -> pc.Expression:
    return (pc.field("date") >= pa.scalar(first)) & (pc.field("date") <= pa.scalar(last))


def _row_groups(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    file = pq.ParquetFile(path)
    for group in range(file.metadata.num_row_groups):
        yield file.read_row_group(group, columns=columns)
