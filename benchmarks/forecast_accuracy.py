"""Forecast accuracy on real demand (M5, item x store); `run()` returns rows for a table.

Real demand is read in place from EVENSTOCK_REAL_DATA. Defaults were chosen on the tuning half below; `run` reports the other half:
other items and later windows. Asserts nothing.
"""

import datetime as dt
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.domain.policy import Policy
from pipelines.forecasting.forecast import make_forecast
from pipelines.forecasting.level import estimate_level
from pipelines.forecasting.methods import moving_average
from pipelines.forecasting.panel import Panel, build_panel
from pipelines.forecasting.pooling import make_pools

LAST_DAY = dt.date(2016, 4, 24)
SAMPLE_SEED = 20260101
SAMPLE_ITEMS = 300
HORIZON_DAYS = 28
QUANTILES = {"q50_units": 0.50, "q90_units": 0.90, "q95_units": 0.95, "q98_units": 0.98}
TUNING_PART, TUNING_DAYS_BACK = 0, (168, 140, 112, 84)
REPORTED_PART, REPORTED_DAYS_BACK = 1, (56, 28)
REPORTED_SUMS_DAYS_BACK = (56, 49, 42, 35, 28, 21, 14)


def run() -> list[dict]:
    """Rows {benchmark, case, measure, value} on the reported half; none without real data."""
    if not os.environ.get("EVENSTOCK_REAL_DATA"):
        return []
    demand = load_sample(Path(os.environ["EVENSTOCK_REAL_DATA"]), REPORTED_PART)
    return accuracy_rows(demand, REPORTED_DAYS_BACK) + sum_rows(demand, REPORTED_SUMS_DAYS_BACK)


def load_sample(folder: Path, part: int) -> pd.DataFrame:
    """Demand rows of the seeded sample number `part`: 300 items in ten stores; parts are disjoint."""
    import pyarrow.parquet as pq

    path = folder / "m5" / "units_daily.parquet"
    names = np.array(sorted(pq.read_table(path, columns=["item_id"]).column("item_id").unique().to_pylist()))
    chosen = np.random.default_rng(SAMPLE_SEED).permutation(names)[part * SAMPLE_ITEMS : (part + 1) * SAMPLE_ITEMS]
    rows = pq.read_table(path, filters=[("item_id", "in", chosen.tolist())]).to_pandas()
    rows = rows.rename(columns={"store_id": "location_id", "units": "qty_sold_units"})
    return rows.assign(in_stock_share=1.0, location_id=rows["location_id"].astype(str), item_id=rows["item_id"].astype(str))


def accuracy_rows(demand: pd.DataFrame, days_back: tuple[int, ...]) -> list[dict]:
    """RMSSE, WAPE and bias of daily forecasts over 28 days at item x store, mean over the origins, beside two simple methods."""
    found: dict[tuple[str, str], list[float]] = {}
    full = build_panel(demand, LAST_DAY)
    for back in days_back:
        cut = len(full.dates) - back
        past = Panel(full.keys, full.dates[:cut], full.units[:, :cut], full.exposure[:, :cut])
        actual = full.units[:, cut : cut + HORIZON_DAYS]
        estimate = estimate_level(past, make_pools(past.keys, _category(full.keys["item_id"])), HORIZON_DAYS)
        units = past.units.T
        flat = moving_average(units, window_days=28)
        forecasts = {
            "evenstock": estimate.path,
            "moving average 28": np.broadcast_to(flat, actual.shape),
            "seasonal naive": np.tile(past.units[:, -7:], HORIZON_DAYS // 7),
            "zero": np.zeros(actual.shape),
        }
        scale = _mean_square_change(past.units)
        mature = (~np.isnan(past.units)).sum(axis=1) >= 56
        kept = mature & (scale > 0) & ~np.isnan(actual).any(axis=1)
        for name, forecast in forecasts.items():
            error = (forecast - actual)[kept]
            rmsse = float(np.sqrt((error**2).mean(axis=1) / scale[kept]).mean())
            total = actual[kept].sum()
            month = float(np.abs(error.sum(axis=1)).sum() / total)
            measures = {"RMSSE": rmsse, "WAPE daily": float(np.abs(error).sum() / total), "WAPE 28-day sum": month}
            for measure, value in {**measures, "bias": float(error.sum() / total)}.items():
                found.setdefault((name, measure), []).append(value)
    return [_row("m5 item x store", name, measure, float(np.mean(values))) for (name, measure), values in found.items()]


def sum_rows(demand: pd.DataFrame, days_back: tuple[int, ...]) -> list[dict]:
    """Pinball loss of 7- and 14-day sums and coverage of upper quantiles, beside a normal with daily sigma x sqrt(days).

    Scaled pinball: per series over the root mean square of its daily changes x days, then the mean over series.
    """
    rows = []
    full = build_panel(demand, LAST_DAY)
    for days in (7, 14):
        found: dict[tuple[str, str], list[float]] = {}
        for back in days_back:
            as_of = LAST_DAY - dt.timedelta(days=back)
            cut = len(full.dates) - back
            past = full.units[:, :cut]
            summary = make_forecast(demand, _items(demand, days), as_of, Policy(), seed=0).summary
            order = full.keys.merge(summary, on=["location_id", "item_id"], how="left")
            actual = full.units[:, cut : cut + days].sum(axis=1)
            kept = ((~np.isnan(past)).sum(axis=1) >= 56) & ~np.isnan(actual)
            mean, spread = order["protection_mean_units"].to_numpy(), np.nanstd(past[:, -56:], axis=1) * np.sqrt(days)
            normal = {name: np.maximum(mean + _z(share) * spread, 0.0) for name, share in QUANTILES.items()}
            ours = {name: order[name].to_numpy() for name in QUANTILES}
            scale = np.sqrt(_mean_square_change(past)) * days
            kept &= scale > 0
            for case, quantiles in {"evenstock": ours, "normal": normal}.items():
                loss = np.mean([_pinball(actual, quantiles[name], share) for name, share in QUANTILES.items()], axis=0)[kept]
                found.setdefault((case, f"scaled pinball {days} d"), []).append(float((loss / scale[kept]).mean()))
                found.setdefault((case, f"pinball per unit {days} d"), []).append(float(loss.sum() / actual[kept].sum()))
                for name in ("q90_units", "q95_units", "q98_units"):
                    covered = float((actual <= quantiles[name])[kept].mean())
                    found.setdefault((case, f"{name[:3]} coverage {days} d"), []).append(covered)
        rows += [_row("m5 sums", case, measure, float(np.mean(values))) for (case, measure), values in found.items()]
    return rows


def _category(item_ids: pd.Series) -> pd.Series:
    return item_ids.str.rsplit("_", n=2).str[0]


def _items(demand: pd.DataFrame, days: int) -> pd.DataFrame:
    names = pd.Series(sorted(demand["item_id"].unique()))
    terms = {"supplier_lead_time_days": days - 7, "review_period_days": 7, "abc_class": "B"}
    return pd.DataFrame({"item_id": names, "category": _category(names)}).assign(**terms)


def _mean_square_change(units: np.ndarray) -> np.ndarray:
    change = np.diff(units, axis=1) ** 2
    count = (~np.isnan(change)).sum(axis=1)
    return np.nansum(change, axis=1) / np.maximum(count, 1)


def _pinball(actual: np.ndarray, quantile: np.ndarray, share: float) -> np.ndarray:
    gap = actual - quantile
    return np.maximum(share * gap, (share - 1.0) * gap)


def _z(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def _row(benchmark: str, case: str, measure: str, value: float) -> dict:
    return {"benchmark": benchmark, "case": case, "measure": measure, "value": round(value, 4)}


if __name__ == "__main__":
    started = time.perf_counter()
    for line in run():
        print(f"{line['benchmark']:16s} {line['case']:18s} {line['measure']:20s} {line['value']:9.4f}")
    print(f"{time.perf_counter() - started:.1f} s")
