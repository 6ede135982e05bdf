"""One global LightGBM over all series: what the combined level leaves unexplained, as a factor on its mean. Needs the extra `ml`."""

from typing import Any

import numpy as np

from pipelines.domain.errors import UsageError
from pipelines.forecasting.level import LevelEstimate
from pipelines.forecasting.pooling import Pools
from pipelines.forecasting.seasonality import weekday_of

METHOD_NAME = "half each: core, one global LightGBM on its errors"
ROWS = 600_000
ROUNDS = 120
SEED = 20260101
WINDOW_WEEKS = (1, 2, 4, 8, 16)
POOLED_WEEKS = (1, 4)
LARGEST_RATIO = 10.0
FACTOR_LIMITS = (0.1, 10.0)
PREDICTED_AT_ONCE = 4096
SETTINGS = {
    "objective": "tweedie",
    "tweedie_variance_power": 1.2,
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 300,
    "feature_fraction": 0.7,
    "lambda_l2": 10.0,
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
CATEGORICAL = ("location", "category", "weekday")


def boosted_path(estimate: LevelEstimate, pools: Pools, dates: np.ndarray, per_week: int, threads: int) -> np.ndarray:
    """Mean units (N, H) of the periods ahead: the core's mean x exp(trees), averaged half and half with the core's.

    The trees (Tweedie, log link, offset log of the core's mean at each past origin) see the level, recent sums over it per series, item
    and group, days without a sale, the horizon, weekday, location and category. `dates` (T + H,): all periods. Rows are drawn by
    a fixed seed, so nothing depends on their order. Raises `UsageError` without LightGBM.
    """
    lightgbm = _load()
    frame = _Features(estimate, pools, dates, per_week)
    x, y, offset = frame.training_rows(estimate.factors_ahead.shape[1])
    core = estimate.path
    if not len(y) or not y.sum() > 0:
        return core
    data = lightgbm.Dataset(x, y, init_score=offset, feature_name=frame.names, categorical_feature=list(CATEGORICAL), free_raw_data=True)
    trees = lightgbm.train(SETTINGS | {"num_threads": threads}, data, num_boost_round=ROUNDS)
    made = np.empty(core.shape)
    for start in range(0, len(core), PREDICTED_AT_ONCE):
        part = slice(start, min(start + PREDICTED_AT_ONCE, len(core)))
        raw = trees.predict(frame.rows_ahead(part), raw_score=True, num_threads=threads).reshape(core[part].shape)
        made[part] = core[part] * np.clip(np.exp(raw), *FACTOR_LIMITS)
    return (core + made) / 2.0


def _load() -> Any:
    try:
        import lightgbm
    except ImportError:
        raise UsageError("--method ml needs LightGBM; install Evenstock with its extra: pip install 'evenstock[ml]'") from None
    return lightgbm


class _Features:
    """Rows of features at an origin, from running sums; the same columns for past origins and for today's."""

    def __init__(self, estimate: LevelEstimate, pools: Pools, dates: np.ndarray, per_week: int) -> None:
        self.estimate, self.pools, self.per_week = estimate, pools, per_week
        self.history, self.weekday = estimate.history, weekday_of(dates)
        pooled = [f"{kind} {w}w" for kind in ("item", "group") for w in POOLED_WEEKS]
        own = ["level", "selling share", "since sale", *(f"own {w}w" for w in WINDOW_WEEKS), *pooled]
        self.names = [name.replace(" ", "_") for name in [*own, "location", "category", "horizon", "factor", "weekday"]]
        sold = estimate.demand > 0
        self.sale_count = np.vstack([np.zeros((1, sold.shape[1]), dtype=np.int32), sold.cumsum(axis=0, dtype=np.int32)])
        last = np.where(sold, np.arange(1, len(sold) + 1, dtype=np.int32)[:, None], 0)
        self.last_sale = np.vstack([np.zeros((1, sold.shape[1]), dtype=np.int32), np.maximum.accumulate(last, axis=0)])
        self.at_end = self._at(len(sold), estimate.level)

    def _at(self, end: int, level: np.ndarray) -> np.ndarray:
        """What is known of every series after `end` periods, (N, F) in float32."""
        history, month = self.history, 4 * self.per_week
        columns = [np.log(np.maximum(level, 1e-6))]
        columns.append((self.sale_count[end] - self.sale_count[max(end - month, 0)]) / month)
        columns.append(np.minimum(end - self.last_sale[end], 16 * self.per_week))
        windows = {}
        for weeks in sorted({*WINDOW_WEEKS, *POOLED_WEEKS}):
            start = max(end - weeks * self.per_week, 0)
            windows[weeks] = (
                history.demand_sum[end] - history.demand_sum[start],
                (history.effort_sum[end] - history.effort_sum[start]) * level,
            )
        columns += [_ratio(*windows[weeks]) for weeks in WINDOW_WEEKS]
        for code in (self.pools.item, self.pools.group):
            for weeks in POOLED_WEEKS:
                sold, expected = (np.bincount(code, values)[code] for values in windows[weeks])
                columns.append(_ratio(sold, expected))
        columns += [self.pools.location, self.pools.category]
        return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)

    def training_rows(self, horizon: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features, demand and log of the core's mean at drawn series and horizons of every past origin."""
        estimate, periods = self.estimate, len(self.estimate.demand)
        luck = np.random.default_rng(SEED)
        each = ROWS // max(len(self.history.origins), 1)
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for column, origin in enumerate(self.history.origins.tolist()):
            level = np.nan_to_num(self.history.levels[:, column])
            series = luck.integers(0, len(level), each)
            ahead = luck.integers(0, min(horizon, periods - origin), each)
            effort = estimate.effort[origin + ahead, series]
            known = (effort > 0) & (level[series] > 0)
            series, ahead, effort = series[known], ahead[known], effort[known]
            features = np.column_stack([self._at(origin, level)[series], ahead, effort, self.weekday[origin + ahead]])
            parts.append((features.astype(np.float32), estimate.demand[origin + ahead, series], np.log(level[series] * effort)))
        if not parts:
            return np.empty((0, len(self.names))), np.empty(0), np.empty(0)
        x, y, offset = (np.concatenate(values) for values in zip(*parts, strict=True))
        return x, y, offset

    def rows_ahead(self, part: slice) -> np.ndarray:
        """Features of every period ahead of a slice of series, (n x H, F), series by series."""
        factors = self.estimate.factors_ahead[part]
        horizon, periods = factors.shape[1], len(self.estimate.demand)
        known = np.repeat(self.at_end[part], horizon, axis=0)
        ahead = np.tile(np.arange(horizon), len(factors))
        return np.column_stack([known, ahead, factors.ravel(), self.weekday[periods + ahead]]).astype(np.float32)


def _ratio(sold: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.clip(np.divide(sold, expected, out=np.ones_like(sold), where=expected > 1e-9), 0.0, LARGEST_RATIO)
