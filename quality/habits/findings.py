"""What a habit finds, and how many earlier rows it takes: shared by the rooms that learn habits, which judge nothing here."""

from collections.abc import Iterable, Iterator

import numpy as np

# Earlier rows of a kind from which a habit names what breaks it, and from which it freezes.
MIN_ROWS = 20
ALWAYS_ROWS = 60
# What is said, of which rows, and whether they are wrong (true) or may be something new.
Finding = tuple[str, np.ndarray, bool]


def spread(rows: np.ndarray, found: Iterable[Finding]) -> Iterator[Finding]:
    """Findings of some rows as findings of all."""
    for text, wrong, is_wrong in found:
        whole = np.zeros(len(rows), dtype=bool)
        whole[rows] = wrong
        yield text, whole, is_wrong
