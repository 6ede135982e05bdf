"""Calendar factors shared by many series: weekday and day of the month by location x category, and items' own. No level is made here."""

from dataclasses import dataclass

import numpy as np

from pipelines.forecasting.calendar_shrinkage import shrink_effects
from pipelines.forecasting.pooling import Pools, pool_sums
from pipelines.forecasting.seasonality import weekday_of
from pipelines.forecasting.unusual_days import centred_mean

SHRINK_SALE_DAYS = 100.0
PASSES = 3
MONTH_DAYS = 31
LEAST_MONTHS = 3.0
LEAST_FACTOR = 0.05
LEAST_ITEM_UNITS = 50.0
# The variance of 31 estimated effects is itself uncertain; only what exceeds their noise by a quarter counts as signal.
NOISE_MARGIN = 1.25


@dataclass(frozen=True)
class Evidence:
    """What the pattern is learnt from: demand and exposure (T, N), 0 on days that are unknown or unusual, and the days themselves (T,)."""

    demand: np.ndarray
    exposure: np.ndarray
    days: np.ndarray


def month_day_of(days: np.ndarray) -> np.ndarray:
    """Day of the month of datetime64[D] values, the first = 0.

    >>> month_day_of(np.array(["2026-02-28"], dtype="datetime64[D]")).tolist()
    [27]
    """
    return (days - days.astype("datetime64[M]")).astype(np.int64)


def calendar_factors(evidence: Evidence, pools: Pools, ahead: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factors around 1 for the days of the evidence (T, N) and for the days `ahead` (H, N), in float32.

    factor = weekday(location x category) x day of month(location x category, by the item's own response) x weekday(item). The day of
    the month (paydays, benefits) counts from three months of history. Every effect is shrunk by its signal to noise.
    """
    weekdays = _group_weekdays(evidence, pools)
    months = _group_month_days(evidence, pools, weekdays)
    response = _item_response(evidence, pools, weekdays, months)
    past, future = (_join(days, pools, weekdays, months, response) for days in (evidence.days, ahead))
    own = _item_weekdays(evidence, pools, past)
    for days, factors in ((evidence.days, past), (ahead, future)):
        weekday = weekday_of(days)
        for day in range(7):
            factors[weekday == day] *= own[day][pools.item][None, :]
    return past, future


def _join(days: np.ndarray, pools: Pools, weekdays: np.ndarray, months: np.ndarray, response: np.ndarray) -> np.ndarray:
    effect = (months[month_day_of(days)] - 1.0).astype(np.float32)[:, pools.group]
    effect *= response[pools.item].astype(np.float32)[None, :]
    factors = np.maximum(effect + np.float32(1.0), np.float32(LEAST_FACTOR))
    factors *= weekdays[weekday_of(days)].astype(np.float32)[:, pools.group]
    return factors


def _group_weekdays(evidence: Evidence, pools: Pools) -> np.ndarray:
    """Weekday factors (7, G) with mean 1: units over trend, shrunk to the pool of all by 100 days with sales."""
    groups = int(pools.group.max()) + 1
    sold, known = (pool_sums(values, pools.group, groups) for values in (evidence.demand, evidence.exposure))
    weekday = weekday_of(evidence.days)
    sale_days = np.bincount(pools.group, weights=(evidence.demand > 0).sum(axis=0), minlength=groups)
    overall = _weekday_ratios(sold.sum(axis=1, keepdims=True), known.sum(axis=1, keepdims=True), weekday, np.ones((7, 1)))
    own = _weekday_ratios(sold, known, weekday, overall)
    weight = sale_days / (sale_days + SHRINK_SALE_DAYS)
    return weight * own + (1.0 - weight) * overall


def _weekday_ratios(sold: np.ndarray, known: np.ndarray, weekday: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """Sums of units over sums of trend x exposure per weekday (7, G), mean 1; the fallback where a weekday was never seen."""
    factors = np.ones((7, sold.shape[1]))
    seen = np.stack([known[weekday == day].sum(axis=0) > 0 for day in range(7)])
    usable = seen.all(axis=0) & (sold.sum(axis=0) > 0)
    for _ in range(PASSES):
        expected = known * centred_mean(sold, known * factors[weekday])
        for day in range(7):
            rows = weekday == day
            total = expected[rows].sum(axis=0)
            factors[day] = np.divide(sold[rows].sum(axis=0), total, out=np.ones_like(total), where=total > 1e-9)
        factors = np.maximum(factors, LEAST_FACTOR)
        factors /= factors.mean(axis=0)
    return np.where(usable[None, :], factors, fallback)


def _group_month_days(evidence: Evidence, pools: Pools, weekdays: np.ndarray) -> np.ndarray:
    """Factors of the days of the month (31, G), shrunk to 1; all 1 with less than three months."""
    groups = weekdays.shape[1]
    if len(evidence.days) < LEAST_MONTHS * 30.4:
        return np.ones((MONTH_DAYS, groups))
    sold, known = (pool_sums(values, pools.group, groups) for values in (evidence.demand, evidence.exposure))
    effort = known * weekdays[weekday_of(evidence.days)]
    month_day = month_day_of(evidence.days)
    factors = np.ones((MONTH_DAYS, groups))
    for _ in range(PASSES):
        expected = effort * centred_mean(sold, effort * factors[month_day])
        factors = _month_day_effects(sold, expected, month_day)
    return factors


def _month_day_effects(sold: np.ndarray, expected: np.ndarray, month_day: np.ndarray) -> np.ndarray:
    members = (month_day[None, :] == np.arange(MONTH_DAYS)[:, None]).astype(float)
    total = members @ expected
    count = members @ (expected > 1e-9)
    effect = np.divide(members @ sold, total, out=np.ones_like(total), where=total > 1e-9) - 1.0
    effect -= (effect * count).sum(axis=0) / np.maximum(count.sum(axis=0), 1.0)
    ratio = np.divide(sold, expected, out=np.ones_like(sold), where=expected > 1e-9) - 1.0
    rest = np.where(expected > 1e-9, ratio - effect[month_day], 0.0)
    noise = (rest**2).sum(axis=0) / np.maximum((expected > 1e-9).sum(axis=0) - MONTH_DAYS, 1.0)
    return np.maximum(1.0 + shrink_effects(effect, noise / np.maximum(count, 1e-9), NOISE_MARGIN), LEAST_FACTOR)


def _item_response(evidence: Evidence, pools: Pools, weekdays: np.ndarray, months: np.ndarray) -> np.ndarray:
    """How strongly each item follows its groups' days of the month: 1 + s, s by weighted regression over all its locations, shrunk to 0."""
    items = int(pools.item.max()) + 1
    effect = (months[month_day_of(evidence.days)] - 1.0).astype(np.float32)
    if not effect.any():
        return np.ones(items)
    usual = weekdays[weekday_of(evidence.days)].astype(np.float32)
    cross, square, surprise, volume = (np.zeros(len(pools.item)) for _ in range(4))
    base = usual * (1.0 + effect)
    total = (base[:, pools.group] * evidence.exposure).sum(axis=0)
    level = np.divide(evidence.demand.sum(axis=0), total, out=np.zeros_like(total), where=total > 1e-9)
    for day in range(len(evidence.days)):
        expected = level * base[day][pools.group] * evidence.exposure[day]
        lean = (effect[day] / (1.0 + effect[day]))[pools.group]
        rest = evidence.demand[day] - expected
        cross += lean * rest
        square += lean * lean * expected
        surprise += rest * rest
        volume += expected
    cross, square = (np.bincount(pools.item, values, items) for values in (cross, square))
    return 1.0 + _shrink_over_items(cross, square, _dispersion(surprise, volume))


def _shrink_over_items(cross: np.ndarray, square: np.ndarray, dispersion: float) -> np.ndarray:
    slope = np.divide(cross, square, out=np.zeros_like(cross), where=square > 1e-12)
    error = np.divide(dispersion, square, out=np.full_like(square, np.inf), where=square > 1e-12)
    clear = error <= np.median(error)
    signal = max(float((slope[clear] ** 2 - error[clear]).mean()), 0.0) if clear.any() else 0.0
    return np.where(np.isfinite(error), slope * signal / (signal + np.where(np.isfinite(error), error, 1.0) + 1e-12), 0.0)


def _dispersion(surprise: np.ndarray, volume: np.ndarray) -> float:
    """Median over series of squared surprise per unit expected: in units of measure, so that weights do not depend on them."""
    known = volume > 1e-9
    return float(np.median(surprise[known] / volume[known])) if known.any() else 1.0


def _item_weekdays(evidence: Evidence, pools: Pools, factors: np.ndarray) -> np.ndarray:
    """Weekday factors of items (7, I) over those of their groups, pooled over locations, mean 1, shrunk to 1."""
    items = int(pools.item.max()) + 1
    weekday = weekday_of(evidence.days)
    total = np.einsum("tn,tn->n", factors, evidence.exposure)
    level = np.divide(evidence.demand.sum(axis=0), total, out=np.zeros(len(total)), where=total > 1e-9)
    sold, expected = np.zeros((7, items)), np.zeros((7, items))
    surprise = 0.0
    for day in range(7):
        rows = np.flatnonzero(weekday == day)
        made = np.einsum("tn,tn->n", factors[rows], evidence.exposure[rows]) * level
        seen = evidence.demand[rows].sum(axis=0)
        sold[day], expected[day] = np.bincount(pools.item, seen, items), np.bincount(pools.item, made, items)
        surprise = surprise + np.square(evidence.demand[rows] - factors[rows] * evidence.exposure[rows] * level).sum(axis=0)
    dispersion = _dispersion(np.asarray(surprise), np.bincount(np.arange(len(level)), level * total))
    ratio = np.divide(sold, expected, out=np.ones_like(sold), where=expected > 1e-9) - 1.0
    error = np.divide(dispersion, expected, out=np.full_like(expected, np.inf), where=expected > 1e-9)
    enough = expected > LEAST_ITEM_UNITS * dispersion
    signal = max(float((ratio[enough] ** 2 - error[enough]).mean()), 0.0) if enough.any() else 0.0
    own = 1.0 + ratio * signal / (signal + error + 1e-12)
    own = np.maximum(np.where(np.isfinite(own), own, 1.0), LEAST_FACTOR)
    return own / own.mean(axis=0)
