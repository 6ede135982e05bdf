"""False alarms and detection of the demand detector by simulation, alone and together; `run()` returns rows for a table.

Weekly counts, negative binomial with weekly k (0: Poisson); nothing is tuned here and nothing asserted.
"""

import numpy as np
import pandas as pd

from pipelines.forecasting.demand_alarms import WeeklyDemand, demand_alarms
from pipelines.forecasting.detector import find_alarms

WARM_UP_WEEKS, WATCHED_WEEKS, SERIES, PLACES = 52, 104, 4000, 10
RATES = {"fast": (20.0, 80.0), "mid": (4.0, 10.0), "slow": (0.2, 0.8, 2.0)}
SPREADS = (0.0, 14.0, 4.0)


def run() -> list[dict]:
    """Rows by rate class, units per week and k: false alarms per item-year with their standard error, changes seen in time."""
    rows = []
    for name, means in RATES.items():
        for mean in means:
            rows += [measure(name, mean, k, np.random.default_rng([20260401, int(10 * mean), int(k)])) for k in SPREADS]
    return rows


def measure(name: str, mean: float, k: float, rng: np.random.Generator) -> dict:
    """One row: two years watched without a change; then a doubling for four weeks, alone and in ten places, and a fall to 0.3 for eight."""
    quiet = _draw(rng, mean, k, (WARM_UP_WEEKS + WATCHED_WEEKS, SERIES))
    years = SERIES * WATCHED_WEEKS / 52
    false = int((find_alarms(quiet, np.ones_like(quiet)).sign[WARM_UP_WEEKS:] != 0).sum())
    before = quiet[: WARM_UP_WEEKS + 4]
    doubled = np.vstack([before, _draw(rng, 2 * mean, k, (4, SERIES))])
    fallen = np.vstack([before, _draw(rng, 0.3 * mean, k, (8, SERIES))])
    return {
        "class": name,
        "units_per_week": mean,
        "k": k,
        "false_per_item_year": false / years,
        "standard_error": np.sqrt(max(false, 1)) / years,
        "doubling_in_4_weeks": float((find_alarms(doubled, np.ones_like(doubled)).sign[-4:] > 0).any(axis=0).mean()),
        "doubling_in_10_places": _seen_together(doubled),
        "fall_to_0.3_in_8_weeks": float((find_alarms(fallen, np.ones_like(fallen)).sign[-8:] < 0).any(axis=0).mean()),
    }


def _seen_together(units: np.ndarray) -> float:
    """Share of items, each in ten places that all double, of which an event tells at any place or over all."""
    items = units.shape[1] // PLACES
    keys = pd.DataFrame({"location_id": np.tile([f"L{n}" for n in range(PLACES)], items), "item_id": np.repeat(np.arange(items), PLACES)})
    starts = np.datetime64("2024-01-01") + 7 * np.arange(len(units))
    weekly = WeeklyDemand(keys.assign(category=keys["item_id"].astype(str)), starts, units, np.ones_like(units))
    found = demand_alarms(weekly, starts[-4])
    return float(found.loc[(found["type"] == "demand_spike") & (found["item_id"] != ""), "item_id"].nunique() / items)


def _draw(rng: np.random.Generator, mean: float, k: float, shape: tuple[int, int]) -> np.ndarray:
    return rng.poisson(mean * rng.gamma(k, 1.0 / k, shape) if k else mean, shape).astype(float)
