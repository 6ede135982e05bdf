"""The demand panel: series by days, as arrays. Only shaping lives here; no estimate is made.

A day without a row is unknown (NaN), which is not the same as a day without sales.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.domain.demand import DemandRows, Frequency

REQUIRED_COLUMNS = ("location_id", "item_id", "date", "qty_sold_units", "in_stock_share")


@dataclass(frozen=True)
class Panel:
    """N series by T days, ordered by (location_id, item_id) and by date.

    `keys`: N rows of location_id, item_id. `dates`: first days (datetime64[D]) of T periods; of days the last one is as_of.
    `units` (N, T): units sold, NaN where nothing is known. `exposure` (N, T): share of the period in stock in [0, 1], NaN where unknown.
    """

    keys: pd.DataFrame
    dates: np.ndarray
    units: np.ndarray
    exposure: np.ndarray
    freq: Frequency = Frequency.D


def build_panel(demand: pd.DataFrame, as_of: dt.date, history_days: int | None = None) -> Panel:
    """Shape the rows of `fct_demand_daily` into a `Panel` that ends on `as_of`.

    Rows after `as_of` are ignored, as are rows older than `history_days` days. A null `in_stock_share` counts as in stock all day,
    since nothing says otherwise. Raises ValueError on missing columns, negative units, or two rows for one key.
    """
    missing = [name for name in REQUIRED_COLUMNS if name not in demand.columns]
    if missing:
        raise ValueError(f"demand lacks the columns {', '.join(missing)}")
    days = pd.to_datetime(demand["date"]).to_numpy().astype("datetime64[D]")
    last = np.datetime64(as_of, "D")
    keep = days <= last
    if history_days is not None:
        keep &= days > last - np.timedelta64(history_days, "D")
    rows = demand.loc[keep, list(REQUIRED_COLUMNS)]
    days = days[keep]
    series, keys = _number_series(rows)
    first = days.min() if len(days) else last
    dates = np.arange(first, last + 1, dtype="datetime64[D]")
    column = (days - first).astype(np.int64)
    _refuse_duplicates(series, column, len(dates))
    sold = rows["qty_sold_units"].to_numpy(dtype=float, na_value=np.nan)
    if np.any(sold < 0):
        raise ValueError("demand holds negative qty_sold_units; returns are not demand")
    share = np.clip(rows["in_stock_share"].to_numpy(dtype=float, na_value=np.nan), 0.0, 1.0)
    units = np.full((len(keys), len(dates)), np.nan)
    exposure = np.full((len(keys), len(dates)), np.nan)
    units[series, column] = sold
    exposure[series, column] = np.where(np.isnan(sold), np.nan, np.where(np.isnan(share), 1.0, share))
    return Panel(keys, dates, units, exposure)


def panel_of_rows(rows: DemandRows, longest: int) -> Panel:
    """Shape the rows of a demand file, at most the last `longest` periods of them.

    From a series' first row on a period without a row is 0 units in stock throughout; before it nothing is known. A share that is not given
    counts as in stock. The arrays are laid out period by period.
    """
    cut = max(rows.periods - longest, 0)
    shape = (rows.periods - cut, len(rows.series_item))
    begins = np.full(shape[1], rows.periods, dtype=np.int64)
    np.minimum.at(begins, rows.series, rows.period)
    is_before = np.arange(cut, rows.periods)[:, None] < begins[None, :]
    units, exposure = np.zeros(shape), np.ones(shape)
    kept = rows.period >= cut
    place = (rows.period[kept] - cut, rows.series[kept])
    units[place] = rows.units[kept]
    if rows.in_stock_share is not None:
        share = rows.in_stock_share[kept]
        exposure[place] = np.where(np.isnan(share), 1.0, share)
    units[is_before] = np.nan
    exposure[is_before] = np.nan
    dates = rows.first + np.arange(cut, rows.periods) * np.timedelta64(rows.freq.days, "D")
    keys = pd.DataFrame(
        {
            "location_id": rows.location_ids.astype(object)[rows.series_location],
            "item_id": rows.item_ids.astype(object)[rows.series_item],
        }
    )
    return Panel(keys, dates, units.T, exposure.T, rows.freq)


def _number_series(rows: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Number the series in the order of (location_id, item_id), whatever the order of the rows."""
    location_code, locations = pd.factorize(rows["location_id"], sort=True)
    item_code, items = pd.factorize(rows["item_id"], sort=True)
    pair = location_code.astype(np.int64) * max(len(items), 1) + item_code
    present = np.zeros(len(locations) * max(len(items), 1), dtype=bool)
    present[pair] = True
    distinct = np.flatnonzero(present)
    series = (np.cumsum(present) - 1)[pair]
    keys = pd.DataFrame(
        {
            "location_id": pd.Series(np.asarray(locations, dtype=object)[distinct // max(len(items), 1)], dtype=str),
            "item_id": pd.Series(np.asarray(items, dtype=object)[distinct % max(len(items), 1)], dtype=str),
        }
    )
    return series, keys


def _refuse_duplicates(series: np.ndarray, column: np.ndarray, days: int) -> None:
    cell = series.astype(np.int64) * max(days, 1) + column
    if len(cell) and np.bincount(cell).max() > 1:
        raise ValueError("demand holds two rows for one location, item and date")
