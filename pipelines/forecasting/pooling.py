"""Which series learn together, and sums over them. What is learnt is decided elsewhere."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.domain.demand import KnownBeside
from pipelines.forecasting.exposure import SeriesGroups

ITEMS_PER_GROUP = 20


@dataclass(frozen=True)
class Pools:
    """Integer codes (N,) of each series' item, location, category and location x category `group`; codes follow the order of names."""

    item: np.ndarray
    location: np.ndarray
    category: np.ndarray
    group: np.ndarray

    @property
    def borrowing(self) -> SeriesGroups:
        """What a rate is borrowed by."""
        return SeriesGroups(self.item, self.group)


def make_pools(keys: pd.DataFrame, category: pd.Series | np.ndarray) -> Pools:
    """Pools of the series `keys` (location_id, item_id), with the `category` (N,) of each."""
    item, location, names = (pd.factorize(values, sort=True)[0] for values in (keys["item_id"], keys["location_id"], category))
    pair = location.astype(np.int64) * (int(names.max()) + 1 if len(names) else 1) + names
    return Pools(item, location, names, np.unique(pair, return_inverse=True)[1])


def finest_category(beside: KnownBeside, items: int) -> np.ndarray:
    """The item group to pool by, one text per item: the one with the most names that still hold 20 items each on average.

    Of equals the first by name. Without any, all items are one group.
    """
    fitting = {name: len(np.unique(values.astype(str))) for name, values in sorted(beside.item_groups.items())}
    fitting = {name: count for name, count in fitting.items() if count * ITEMS_PER_GROUP <= items}
    if not fitting:
        return np.full(items, "", dtype=object)
    return beside.item_groups[max(fitting, key=lambda name: fitting[name])]


def pool_sums(values: np.ndarray, code: np.ndarray, groups: int) -> np.ndarray:
    """Sums over the series of each group: (T, N) -> (T, groups) in float64.

    >>> pool_sums(np.array([[1.0, 2.0, 4.0]]), np.array([0, 1, 0]), 2).tolist()
    [[5.0, 2.0]]
    """
    from scipy.sparse import csr_matrix

    members = csr_matrix((np.ones(len(code)), (np.arange(len(code)), code)), shape=(len(code), groups))
    return np.asarray(values @ members, dtype=float)
