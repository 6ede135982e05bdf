"""Rows of interchange frames, typed for the rules that walk them. No computation on columns lives here."""

from collections.abc import Iterator
from typing import Any

import pandas as pd


def each_row(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of `frame` as named tuples without the index, in order.

    >>> [row.units for row in each_row(pd.DataFrame({"units": [3, 5]}))]
    [3, 5]
    """
    return iter(frame.itertuples(index=False))
