"""Bias on the real stock-outs of FreshRetailNet, in two views: days in stock, and all days with the cut-off hours inferred.

Share in stock: hours 6 to 22 of `stockout_bits`. Developed on the cities whose number four divides, reported on the ten others.
Intervals: 95 %, stores drawn with replacement. Asserts nothing.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.domain.demand import DemandRows, Frequency, KnownBeside
from pipelines.forecasting.period_forecast import forecast_periods
from pipelines.forecasting.pooling import pool_sums
from pipelines.forecasting.rolling_origins import cut_rows

DAYS, OPEN_HOURS = 90, range(6, 23)
HORIZON, CUTS = 14, (48, 62, 76)
LEAST_SHARE = 0.25
RESAMPLES, RESAMPLE_SEED = 400, 7


def run() -> list[dict]:
    """Rows {case, evidence, measure, value, low, high} of the reported cities; none without real data."""
    folder = os.environ.get("EVENSTOCK_REAL_DATA")
    return real_rows(Path(folder), is_reported=True) if folder else []


def load_panel(folder: Path, is_reported: bool) -> tuple[DemandRows, KnownBeside, np.ndarray]:
    """Demand rows of the reported or the other cities, their items by category, and each series' city."""
    places = pd.read_parquet(folder / "freshretail" / "stores.parquet").set_index("store_id")["city_id"]
    frame = pd.read_parquet(folder / "freshretail" / "daily.parquet")
    city = places.loc[frame["store_id"]].to_numpy()
    frame, city = frame[(city % 4 != 0) == is_reported], city[(city % 4 != 0) == is_reported]
    order = np.lexsort((frame["dt"].to_numpy().astype("datetime64[D]"), frame["product_id"].to_numpy(), frame["store_id"].to_numpy()))
    frame, city = frame.iloc[order], city[order]
    bits = frame["stockout_bits"].to_numpy()
    share = np.mean([1 - (bits >> hour & 1) for hour in OPEN_HOURS], axis=0)
    stores, items = (np.unique(frame[name].to_numpy()[::DAYS], return_inverse=True) for name in ("store_id", "product_id"))
    count = len(frame) // DAYS
    rows = DemandRows(
        freq=Frequency.D,
        first=np.datetime64(frame["dt"].iloc[0], "D"),
        periods=DAYS,
        location_ids=stores[0].astype(np.int64),
        item_ids=items[0].astype(np.int64),
        series_location=stores[1],
        series_item=items[1],
        series=np.repeat(np.arange(count), DAYS),
        period=np.tile(np.arange(DAYS), count),
        units=frame["sale_amount"].to_numpy().astype(float).round(4),
        in_stock_share=share,
    )
    kinds = pd.read_parquet(folder / "freshretail" / "products.parquet").set_index("product_id")["first_category_id"]
    return rows, KnownBeside({"category": kinds.loc[items[0]].astype(str).to_numpy(dtype=object)}), city[::DAYS]


def real_rows(folder: Path, is_reported: bool) -> list[dict]:
    """Bias of the estimates of all 90 days, and of forecasts 14 days ahead from three origins, beside plain sales."""
    rows, beside, city = load_panel(folder, is_reported)
    units, share = (values.reshape(-1, DAYS) for values in (rows.units, rows.in_stock_share))
    inferred = infer_truths(units, share, rows.series_item, city)
    made = forecast_periods(rows, beside, 1, "core", 0)
    told = made.estimates(slice(0, len(units)))
    whole = share >= 1
    store, code = rows.series_location, "hours"
    found = [_row("estimate", code, "in stock", told["estimate"], units, whole, store)]
    for name, truth in inferred.items():
        found.append(_row("estimate", code, name, told["estimate"], truth, None, store))
        found.append(_row("sales", code, name, units, truth, None, store))
    found.append(_row("bounds", code, "above 95 % / pace", told["upper"], inferred["all days, pace"], None, store))
    return found + _forecast_rows(rows, beside, units, share, inferred)


def infer_truths(units: np.ndarray, share: np.ndarray, item: np.ndarray, city: np.ndarray) -> dict[str, np.ndarray]:
    """Demand of all days (N, T) with the hours out of stock inferred in two ways that bracket it.

    Usual: what the series sells in as many hours in stock, over all 90 days, times what the product sold that day in the other
    stores of its city over their usual (days before a stock-out were no busier than that). Pace: sales / share in stock, as if the rest
    of the day went on as fast as it began (all of a fast start is habit, none luck); below a share of a quarter, as usual.
    """
    rate = (units.sum(axis=1) / np.maximum(share.sum(axis=1), 1e-9))[:, None]
    code = np.unique(city.astype(np.int64) * 10_000 + item, return_inverse=True)[1]
    groups = int(code.max()) + 1
    sold, usual = (pool_sums(values.T, code, groups).T[code] - values for values in (units, rate * share))
    draw = 5.0 * rate
    factor = (np.maximum(sold, 0.0) + draw) / (np.maximum(usual, 0.0) + draw + 1e-12)
    completed = units + (1.0 - share) * rate * factor
    pace = np.where(share >= LEAST_SHARE, units / np.maximum(share, LEAST_SHARE), completed)
    return {"all days, usual": completed, "all days, pace": pace, "all days, between": (completed + pace) / 2.0}


def _forecast_rows(
    rows: DemandRows, beside: KnownBeside, units: np.ndarray, share: np.ndarray, inferred: dict[str, np.ndarray]
) -> list[dict]:
    """Forecasts of 14 days from three origins: on days in stock, on all days, and while in stock (forecast x share against sales)."""
    parts = []
    for cut in CUTS:
        made = forecast_periods(cut_rows(rows, cut), beside, HORIZON, "core", 0)
        parts.append(made.mean_units)
    ahead = [slice(cut, cut + HORIZON) for cut in CUTS]
    mean = np.concatenate(parts, axis=1)
    pick = lambda values: np.concatenate([values[:, window] for window in ahead], axis=1)  # noqa: E731
    sold, f, store = pick(units), pick(share), rows.series_location
    found = [
        _row("forecast", "hours", "in stock", mean, sold, f >= 1, store),
        _row("forecast", "hours", "while in stock", mean * f, sold, None, store),
    ]
    return found + [_row("forecast", "hours", name, mean, pick(truth), None, store) for name, truth in inferred.items()]


def _row(case: str, evidence: str, measure: str, made: np.ndarray, truth: np.ndarray, kept: np.ndarray | None, store: np.ndarray) -> dict:
    """Total over total - 1, with the interval of totals of stores drawn with replacement."""
    chosen = np.ones(made.shape, dtype=bool) if kept is None else kept
    sums = [np.bincount(store, np.where(chosen, values, 0.0).sum(axis=1)) for values in (made, truth)]
    drawn = np.random.default_rng(RESAMPLE_SEED).integers(0, len(sums[0]), (RESAMPLES, len(sums[0])))
    biases = sums[0][drawn].sum(axis=1) / sums[1][drawn].sum(axis=1) - 1.0
    low, high = np.quantile(biases, [0.025, 0.975])
    value = sums[0].sum() / sums[1].sum() - 1.0
    figures = {"value": round(float(value), 4), "low": round(float(low), 4), "high": round(float(high), 4)}
    return {"case": case, "evidence": evidence, "measure": measure, **figures}
