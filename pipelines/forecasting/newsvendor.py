"""Textbook stock targets: the newsvendor under normal and Poisson demand. Published figures hold them; no run reads them."""

import math
from statistics import NormalDist


def normal_loss(z: float) -> float:
    """Standard normal loss E[(Z - z)+] = pdf(z) - z (1 - cdf(z)). Source: Snyder and Shen, Fundamentals of Supply Chain Theory, C.3.

    >>> [round(normal_loss(z), 10) for z in (0, 0.5, 1, 2)]
    [0.3989422804, 0.1977965574, 0.0833154706, 0.0084907026]
    """
    standard = NormalDist()
    return standard.pdf(z) - z * (1.0 - standard.cdf(z))


def newsvendor_normal(
    holding_usd: float, stockout_usd: float, mean_units: float, sd_units: float, lead_periods: float = 0, stock_units: float | None = None
) -> tuple[float, float]:
    """Optimal base stock and its expected cost under normal demand, or the cost of `stock_units`.

    S = m + z s with z at p / (h + p), over 1 + lead periods: m = mean (L + 1), s = sd sqrt(L + 1).
    Cost = h (S - m) + (h + p) s loss((S - m) / s). Source: Snyder and Shen, section 4.3; figures of stockpyl 1.0.2.

    >>> [round(value, 6) for value in newsvendor_normal(0.18, 0.70, 50, 8)]
    [56.603956, 1.997605]
    """
    mean, sd = mean_units * (lead_periods + 1), sd_units * math.sqrt(lead_periods + 1)
    if stock_units is None:
        stock_units = mean + NormalDist().inv_cdf(stockout_usd / (holding_usd + stockout_usd)) * sd
    excess = stock_units - mean
    return stock_units, holding_usd * excess + (holding_usd + stockout_usd) * sd * normal_loss(excess / sd)


def newsvendor_poisson(holding_usd: float, stockout_usd: float, mean_units: float) -> tuple[int, float]:
    """Smallest S with P(D <= S) >= p / (h + p) under Poisson demand, and its expected cost h E[(S - D)+] + p E[(D - S)+].

    >>> newsvendor_poisson(0.18, 0.70, 50)[0]
    56
    """
    wanted = stockout_usd / (holding_usd + stockout_usd)
    mass = reached = math.exp(-mean_units)
    stock, left_over = 0, 0.0
    while reached < wanted:
        left_over += reached
        stock += 1
        mass *= mean_units / stock
        reached += mass
    return stock, holding_usd * left_over + stockout_usd * (mean_units - stock + left_over)
