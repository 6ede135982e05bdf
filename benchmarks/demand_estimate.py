"""Bias of the demand behind simulated stock-outs, whose truth is known, by rate class, severity and evidence; `run()` returns rows.

Estimators were chosen on other seeds than the reported ones. Real stock-outs have a benchmark of their own. Asserts nothing.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.forecast_accuracy import LAST_DAY, REPORTED_PART, load_sample
from pipelines.forecasting.completion import Completion, complete_demand
from pipelines.forecasting.exposure import SeriesGroups, estimate_rate
from pipelines.forecasting.panel import build_panel

RATES = {"fast": (3.0, 12.0), "mid": (0.8, 3.0), "slow": (0.1, 0.8)}
COVER_DAYS = {"mild": {"fast": 12.0, "mid": 12.0, "slow": 12.0}, "heavy": {"fast": 6.7, "mid": 7.0, "slow": 8.4}}
REPORTED_SEEDS = (501, 502, 503, 504, 505)
EVIDENCE = ("hours", "flags", "weeks, shares", "weeks, flags")


def run() -> list[dict]:
    """Rows {case, evidence, measure, value, low, high} of the reported seeds, and of real demand where there is any."""
    folder = os.environ.get("EVENSTOCK_REAL_DATA")
    return simulated_rows(REPORTED_SEEDS) + (real_demand_rows(Path(folder), REPORTED_SEEDS) if folder else [])


def simulated_rows(seeds: tuple[int, ...], series: int = 2000, days: int = 56) -> list[dict]:
    """Bias of total demand over all series and periods by rate class, severity and evidence: mean and 95 % interval over `seeds`.

    Periods out of stock throughout count. `inside`: share of the truths within the bounds.
    """
    rows = []
    alone = SeriesGroups(np.arange(series), np.zeros(series, dtype=np.int64))
    for severity, covers in COVER_DAYS.items():
        for name, (low, high) in RATES.items():
            found: dict[tuple[str, str], list[float]] = {}
            for seed in seeds:
                rng = np.random.default_rng(seed)
                truth, sales, exposure = simulate_censoring(rng.uniform(low, high, series), covers[name], days, rng)
                for key, value in _biases(truth, sales, exposure, alone).items():
                    found.setdefault(key, []).append(value)
            rows += [_row(f"{name}, {severity}", *key, np.array(values)) for key, values in found.items()]
    return rows


def real_demand_rows(folder: Path, seeds: tuple[int, ...], days: int = 112) -> list[dict]:
    """The same on real demand (M5, the reported items of the forecast's benchmark) under simulated stock of 14 or 8 days of cover.

    Items pool over their stores, seeds draw the stock alone.
    """
    panel = build_panel(load_sample(folder, REPORTED_PART), LAST_DAY, days)
    kept = ~np.isnan(panel.units).any(axis=1)
    units, rate = panel.units[kept].T, panel.units[kept].mean(axis=1)
    rows = []
    for name, least, below in (("fast", 3.0, np.inf), ("mid", 0.8, 3.0), ("slow", 0.05, 0.8)):
        chosen = (rate >= least) & (rate < below)
        codes = [pd.factorize(panel.keys[key][kept][chosen])[0] for key in ("item_id", "location_id")]
        for severity, cover in (("mild", 14.0), ("heavy", 8.0)):
            found: dict[tuple[str, str], list[float]] = {}
            for seed in seeds:
                truth = units[:, chosen].astype(int)
                sales, exposure = simulate_stock(truth, np.round(rate[chosen] * cover), np.random.default_rng(seed))
                for key, value in _biases(truth, sales, exposure, SeriesGroups(*codes)).items():
                    found.setdefault(key, []).append(value)
            rows += [_row(f"M5 {name}, {severity}", *key, np.array(values)) for key, values in found.items()]
    return rows


def _biases(truth: np.ndarray, sales: np.ndarray, exposure: np.ndarray, groups: SeriesGroups) -> dict[tuple[str, str], float]:
    ratio = estimate_rate(sales, exposure, groups).daily_units * len(truth)
    found = {
        ("none", "bias of sales"): sales.sum() / truth.sum() - 1.0,
        ("hours", "bias of the ratio of sums"): ratio.sum() / truth.sum() - 1.0,
    }
    for kind in EVIDENCE:
        units, share = degrade(sales, exposure, kind)
        actual = truth.reshape(len(units), -1, truth.shape[1]).sum(axis=1)
        periods = 7 if kind.startswith("weeks") else 1
        made = complete_demand(units, share, groups, periods)
        estimate, low, high = as_told(units, made)
        short = share < 1
        found[kind, "bias"] = estimate.sum() / actual.sum() - 1.0
        found[kind, "inside"] = float(((actual >= low) & (actual <= high))[short].mean())
    return found


def degrade(sales: np.ndarray, exposure: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Units and share as evidence of that kind tells them: by hours, only the fact of a stock-out (share 0), and both by week."""
    if kind.startswith("weeks"):
        sales, exposure = (values.reshape(-1, 7, values.shape[1]) for values in (sales, exposure))
        sales, exposure = sales.sum(axis=1), exposure.mean(axis=1)
    return sales, np.where(exposure < 1, 0.0, 1.0) if kind.endswith("flags") else exposure


def as_told(units: np.ndarray, made: Completion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimate, lower and upper bound (T, N) of a completion of whole numbers."""
    flat = [units.T.ravel().astype(float) for _ in range(3)]
    if made.incomplete is not None:
        place = made.incomplete.position
        low, high = made.incomplete.bounds(slice(0, len(place)), flat[0][place], len(units), True)
        for values, found in zip(flat, (made.incomplete.estimate, low, high), strict=True):
            values[place] = found
    estimate, lower, upper = (values.reshape(units.shape[1], -1).T for values in flat)
    return estimate, lower, upper


def simulate_censoring(rate: np.ndarray, cover_days: float, days: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Demand, sales and exposure (T, N): negative binomial days (k = 2), weekly order-up-to `cover_days` of demand, lead 2-5 days."""
    demand = rng.poisson(rng.gamma(2.0, rate / 2.0, size=(days, len(rate))))
    return (demand, *simulate_stock(demand, np.round(rate * cover_days), rng))


def simulate_stock(demand: np.ndarray, level: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sales and exposure (T, N) of `demand` (T, N) under a weekly order up to `level` (N,) that arrives 2 to 5 days later.

    The stock-out comes with the sale of the last unit; sales of a day fall on uniform times.
    """
    days, series = demand.shape
    sales, exposure = np.zeros((days, series)), np.ones((days, series))
    stock, arriving = level.copy(), np.zeros((days + 8, series))
    for day in range(days):
        stock += arriving[day]
        sold = np.minimum(demand[day], stock)
        ran_out = rng.beta(np.maximum(stock, 1e-9), np.maximum(demand[day] - stock + 1, 1e-9))
        exposure[day] = np.where(stock <= 0, 0.0, np.where(demand[day] >= stock, ran_out, 1.0))
        sales[day] = sold
        stock = stock - sold
        if day % 7 == 0:
            order = np.maximum(level - stock - arriving[day + 1 :].sum(axis=0), 0.0)
            arriving[day + rng.integers(2, 6, series), np.arange(series)] += order
    return sales, exposure


def _row(case: str, evidence: str, measure: str, values: np.ndarray) -> dict:
    spread = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    mean = float(values.mean())
    figures = {"value": round(mean, 4), "low": round(mean - spread, 4), "high": round(mean + spread, 4)}
    return {"case": case, "evidence": evidence, "measure": measure, **figures}
