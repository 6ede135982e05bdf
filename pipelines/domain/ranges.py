"""Which values a number of the policy may have. The numbers themselves are in policy.py."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Values that a number may have: from `low` to `high`, an open end not included."""

    low: float = 0.0
    high: float = math.inf
    is_low_open: bool = False
    is_high_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.is_low_open else value >= self.low
        return above and math.isfinite(value) and (value < self.high if self.is_high_open else value <= self.high)

    def __str__(self) -> str:
        low = f"{'above' if self.is_low_open else 'at least'} {self.low:.10g}"
        high = f"{'below' if self.is_high_open else 'at most'} {self.high:.10g}"
        return low if math.isinf(self.high) else f"{low} and {high}"


AMOUNT = Range()
POSITIVE = Range(0.0, is_low_open=True)
SHARE = Range(0.0, 1.0)
# A target of certainty would ask for endless stock.
PROBABILITY = Range(0.0, 1.0, is_low_open=True, is_high_open=True)
DAYS = Range(1, 3660)
WEEKS = Range(1, 520)
COUNT = Range(1, 10**9)
# A day: longer than any night, and a clock can wait for it.
SECONDS = Range(0.0, 86400.0)
RATIO_UP = Range(1.0)
