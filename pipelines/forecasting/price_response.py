"""How demand answers its price: one elasticity per category, learnt inside each series. Events and the calendar are not known here."""

import numpy as np

from pipelines.domain.demand import DemandRows, PriceRows
from pipelines.forecasting.pooling import Pools

REACH_DAYS = 56
PASSES = 4
STRONGEST = 5.0
PRIOR_SQUARE = 0.5
FACTOR_LIMITS = (0.2, 5.0)


def price_leans(prices: PriceRows, rows: DemandRows, begin: np.datetime64, periods: int) -> np.ndarray:
    """log(price / its mean over the last 56 days) of `periods` periods from `begin` for every series, (periods, N) in float32.

    A price holds until the next; where none is known yet the lean is 0. Prices of days ahead are as the file knows them.
    """
    grid = np.full((periods, len(rows.series_item)), np.nan, dtype=np.float32)
    place = np.full((len(rows.location_ids), len(rows.item_ids)), -1, dtype=np.int64)
    place[rows.series_location, rows.series_item] = np.arange(len(rows.series_item))
    period = np.maximum((prices.day - begin).astype(np.int64) // rows.freq.days, 0)
    inside = period < periods
    period, location, item, price = period[inside], prices.location[inside], prices.item[inside], np.log(prices.price[inside])
    everywhere = location < 0
    series = place[np.maximum(location, 0), item]
    for row in np.flatnonzero(everywhere):
        columns = place[:, item[row]]
        grid[period[row], columns[columns >= 0]] = price[row]
    named = ~everywhere & (series >= 0)
    grid[period[named], series[named]] = price[named]
    for now in range(1, periods):
        np.copyto(grid[now], grid[now - 1], where=np.isnan(grid[now]))
    return _over_recent_mean(grid, max(REACH_DAYS // rows.freq.days, 1))


def _over_recent_mean(grid: np.ndarray, reach: int) -> np.ndarray:
    known = ~np.isnan(grid)
    total, count = (np.zeros(grid.shape[1]) for _ in range(2))
    filled = np.nan_to_num(grid)
    lean = np.zeros_like(grid)
    for now in range(len(grid)):
        total += filled[now]
        count += known[now]
        if now >= reach:
            total -= filled[now - reach]
            count -= known[now - reach]
        lean[now] = np.where(known[now], filled[now] - total / np.maximum(count, 1.0), 0.0)
    return lean


def apply_prices(lean: np.ndarray, demand: np.ndarray, effort: np.ndarray, ahead: np.ndarray, pools: Pools) -> None:
    """Multiply `effort` (T, N) and the pattern `ahead` (H, N) by exp(-elasticity x lean), in place; elasticity by category."""
    periods = len(demand)
    answer = _elasticities(lean[:periods], demand, effort, pools)[pools.category]
    for rows, values in ((lean[:periods], effort), (lean[periods:], ahead)):
        for now in range(len(rows)):
            values[now] *= np.clip(np.exp(-answer * rows[now]), *FACTOR_LIMITS)


def _elasticities(lean: np.ndarray, demand: np.ndarray, effort: np.ndarray, pools: Pools) -> np.ndarray:
    """Newton's steps of a Poisson regression with a level per series, drawn to 0 by the price changes there were, within 0 to 5."""
    categories = int(pools.category.max()) + 1
    found = np.zeros(categories)
    for _ in range(PASSES):
        factor = np.exp(-found[pools.category] * lean) * effort
        total = factor.sum(axis=0)
        level = np.divide(demand.sum(axis=0), total, out=np.zeros_like(total), where=total > 1e-9)
        expected = factor * level
        weight = expected.sum(axis=0)
        mean = np.divide((lean * expected).sum(axis=0), weight, out=np.zeros_like(weight), where=weight > 1e-9)
        cross = np.bincount(pools.category, ((lean - mean) * (demand - expected)).sum(axis=0), categories)
        square = np.bincount(pools.category, ((lean - mean) ** 2 * expected).sum(axis=0), categories)
        volume = np.bincount(pools.category, weight, categories)
        prior = PRIOR_SQUARE * volume / max(len(lean), 1) / 1000.0
        found = np.clip(found - (cross + prior * found) / np.maximum(square + prior, 1e-12), 0.0, STRONGEST)
    return found
