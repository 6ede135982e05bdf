"""Value of a unit that arrives at, or leaves, an item-location: concave receiver gains, convex donor losses.

Arrays over N item-locations, K demand paths and W weeks; quantities in units, results in units of demand saved or lost. Money, lanes and
the choice of arcs are not here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SNAP = 1e-9  # a quantity this close to a whole pack counts as whole
REACH_WEEKS = 3.0  # curves reach three times the largest weekly mean


@dataclass(frozen=True)
class StockPaths:
    """Course of stock if nothing moves: closing stock and lost units `(N, K, W)`, lowest closing stock `floor_units (N, K)`."""

    closing_units: Floats
    lost_units: Floats
    floor_units: Floats


def project_stock(available_units: Floats, inbound_units: Floats, demand_units: Floats, window_weeks: Ints) -> StockPaths:
    """Run stock down week by week with lost sales: I_h = (I_h-1 + r_h - d_h)+, l_h = (d_h - I_h-1 - r_h)+, M = min over h < window of I_h.

    `available_units (N,)`, `inbound_units (N, W)` at week starts, `demand_units (N, K, W)`, `window_weeks (N,)` from 1 to W. Weeks beyond
    an item's window lose nothing and do not lower the floor.

    >>> paths = project_stock(np.array([10.0]), np.array([[0.0, 0.0, 5.0]]), np.array([[[6.0, 6.0, 1.0]]]), np.array([3]))
    >>> paths.closing_units.tolist(), paths.lost_units.tolist(), paths.floor_units.tolist()
    ([[[4.0, 0.0, 4.0]]], [[[0.0, 2.0, 0.0]]], [[0.0]])
    """
    closing, lost = np.zeros_like(demand_units), np.zeros_like(demand_units)
    stock = np.repeat(available_units[:, None], demand_units.shape[1], axis=1).astype(float)
    for week in range(demand_units.shape[2]):
        balance = stock + inbound_units[:, None, week] - demand_units[:, :, week]
        stock = np.maximum(balance, 0.0)
        closing[:, :, week] = stock
        lost[:, :, week] = np.maximum(-balance, 0.0)
    inside = np.arange(demand_units.shape[2])[None, None, :] < window_weeks[:, None, None]
    floor = np.where(inside, closing, np.inf).min(axis=2)
    return StockPaths(closing, np.where(inside, lost, 0.0), floor)


def receiver_gain(lost_units: Floats, arrival_week: Ints, quantity_units: Floats, gamma: float) -> Floats:
    """Discounted demand saved by x more units arriving at the start of week b: G_b(x), concave in x.

    G_b(x) = 1/K sum_k sum_{h >= b} gamma^(h-b) [min(x, A_h) - min(x, A_h-1)] with A_h the units lost from week b to h. A unit that saves a
    loss in the first week it can reach counts 1, each later week gamma less: a later plan could still have covered it.
    `lost_units (N, K, W)`, `arrival_week (N,)`, `quantity_units (N, S)`; returns `(N, S)`.

    >>> receiver_gain(np.array([[[0.0, 2.0, 4.0]]]), np.array([1]), np.array([[1.0, 2.0, 5.0, 9.0]]), 0.5).tolist()
    [[1.0, 2.0, 3.5, 4.0]]
    """
    weeks = lost_units.shape[2]
    gain = np.zeros((lost_units.shape[0], lost_units.shape[1], quantity_units.shape[1]))
    absorbed = np.zeros(gain.shape)
    lost_so_far = np.zeros(lost_units.shape[:2])
    for week in range(weeks):
        reached = arrival_week <= week
        weight = np.where(reached, np.power(gamma, np.maximum(week - arrival_week, 0).astype(float)), 0.0)
        lost_so_far = lost_so_far + np.where(reached[:, None], lost_units[:, :, week], 0.0)
        now = np.minimum(quantity_units[:, None, :], lost_so_far[:, :, None])
        gain += weight[:, None, None] * (now - absorbed)
        absorbed = now
    return gain.mean(axis=1)


def nested_gain(lost_units: Floats, arrival_weeks: Ints, quantity_units: Floats, gamma: float) -> Floats:
    """Demand saved by units that arrive in several weeks together, discounted on one clock that starts at the first of them.

    V(x) = 1/K sum_k sum_h gamma^(h - b_1) s_h with s_h = min(e_h, l_h), e_h = e_h-1 - s_h-1 + what arrives in week h: early units serve
    early losses, and all that arrives from b on is absorbed by losses from b on. Jointly concave; with one class it is `receiver_gain`.
    Classes valued each by itself would count the same loss twice, hence V(x) <= sum of gamma^(b - b_1) G_b(x_b).
    `lost_units (N, K, W)`, `arrival_weeks (B,)` rising, `quantity_units (N, B)`; returns `(N,)`.

    >>> nested_gain(np.array([[[2.0, 4.0, 4.0]]]), np.array([0, 2]), np.array([[3.0, 5.0]]), 0.5).tolist()
    [3.5]
    """
    saved = np.zeros(lost_units.shape[:2])
    extra = np.zeros(lost_units.shape[:2])
    for week in range(int(arrival_weeks[0]), lost_units.shape[2]):
        extra += quantity_units[:, arrival_weeks == week].sum(axis=1)[:, None]
        served = np.minimum(extra, lost_units[:, :, week])
        extra -= served
        saved += gamma ** (week - int(arrival_weeks[0])) * served
    return saved.mean(axis=1)


def receiver_gain_between(lost_units: Floats, arrival_weeks: Floats, quantity_units: Floats, gamma: float) -> Floats:
    """G at a fractional arrival, linear between the two whole weeks around it, so that the curve moves continuously with the lead time.

    `arrival_weeks (N,)` is days after the first day of week 0, divided by seven. A mixture of concave curves is concave.

    >>> receiver_gain_between(np.array([[[4.0, 2.0]]]), np.array([0.25]), np.array([[6.0]]), 0.5).tolist()
    [[4.25]]
    """
    before = np.floor(arrival_weeks + SNAP).astype(np.int64)
    share = np.clip(arrival_weeks - before, 0.0, 1.0)[:, None]
    early = receiver_gain(lost_units, before, quantity_units, gamma)
    return (1.0 - share) * early + share * receiver_gain(lost_units, before + 1, quantity_units, gamma)


def delay_share(lost_units: Floats, base_weeks: Floats, arrival_weeks: Floats, quantity_units: Floats, gamma: float) -> Floats:
    """Share of the gain of x units that is missed by arriving at `arrival_weeks` and not already at `base_weeks`; all `(N,)`, x too.

    Both arrivals are valued on one clock, H_b = gamma^(b - b0) G_b with b0 the whole week of the base, because the faster lane could
    still serve a later week. H falls with b for every x, since lost units from b on are fewer and the weights fall: 0 <= share <= 1.

    >>> lost = np.array([[[4.0, 4.0]]])
    >>> delay_share(lost, np.array([0.0]), np.array([1.0]), np.array([8.0]), 0.5).round(6).tolist()
    [0.666667]
    """
    origin = np.floor(base_weeks + SNAP)

    def on_one_clock(weeks: Floats) -> Floats:
        before = np.floor(weeks + SNAP)
        share = np.clip(weeks - before, 0.0, 1.0)
        early = receiver_gain(lost_units, before.astype(np.int64), quantity_units[:, None], gamma)[:, 0]
        late = receiver_gain(lost_units, before.astype(np.int64) + 1, quantity_units[:, None], gamma)[:, 0]
        discount = np.power(gamma, before - origin)
        return discount * ((1.0 - share) * early + share * gamma * late)

    base = on_one_clock(base_weeks)
    kept = np.divide(on_one_clock(arrival_weeks), base, out=np.ones_like(base), where=base > SNAP)
    return np.clip(1.0 - kept, 0.0, 1.0)


def donor_loss(floor_units: Floats, quantity_units: Floats) -> Floats:
    """Demand lost by y units leaving now: L(y) = 1/K sum_k (y - M_k)+, convex, at full weight. `floor_units (N, K)`, y and result `(N, S)`.

    >>> donor_loss(np.array([[3.0, 5.0]]), np.array([[2.0, 4.0, 6.0]])).tolist()
    [[0.0, 0.5, 2.0]]
    """
    return np.maximum(quantity_units[:, None, :] - floor_units[:, :, None], 0.0).mean(axis=1)


def receiver_packs(lost_units: Floats, arrival_weeks: Floats, weekly_mean_units: Floats, pack_units: Ints) -> Ints:
    """Packs that a curve covers: all that can be saved from the arrival on, at most three times the largest weekly mean, rounded up."""
    first = np.floor(arrival_weeks + SNAP)
    weeks = np.arange(lost_units.shape[2])
    useful = np.where(weeks[None, None, :] >= first[:, None, None], lost_units, 0.0).sum(axis=2).max(axis=1)
    reach = np.minimum(useful, REACH_WEEKS * weekly_mean_units)
    return np.ceil(reach / pack_units - SNAP).clip(min=0).astype(np.int64)


def choose_breakpoints(kink_units: Floats | None, top_packs: Ints, pack_units: Ints, max_segments: int) -> Ints:
    """Breakpoints in packs, `(N, max_segments)`, rising to `top_packs` and then repeating it.

    Where the whole packs on both sides of every kink of the curve `(N, J)` fit into `max_segments`, they are the breakpoints and the
    piecewise curve is exact at every pack; elsewhere, and without kinks, the breakpoints are evenly spaced.

    >>> choose_breakpoints(np.array([[7.0]]), np.array([4]), np.array([6]), 3).tolist()
    [[1, 2, 4]]
    >>> choose_breakpoints(np.array([[1.0, 3.0, 5.0, 7.0]]), np.array([9]), np.array([1]), 3).tolist()
    [[3, 6, 9]]
    """
    top = top_packs[:, None]
    even = -(-top * np.arange(1, max_segments + 1)[None, :] // max_segments)
    if kink_units is None:
        return even
    # In 32 bits: sorting these is most of the work, and packs beyond two thousand million are refused elsewhere.
    small = np.minimum(top, np.iinfo(np.int32).max).astype(np.int32)
    scaled = kink_units / pack_units[:, None]
    sides = np.concatenate([np.floor(scaled + SNAP), np.ceil(scaled - SNAP)], axis=1)
    marks = np.where((sides <= 0) | (sides > small), small, np.minimum(sides, small)).astype(np.int32)
    marks = np.sort(np.concatenate([marks, small], axis=1), axis=1)
    repeated = np.zeros(marks.shape, dtype=bool)
    repeated[:, 1:] = marks[:, 1:] == marks[:, :-1]
    order = np.cumsum(~repeated, axis=1, dtype=np.int32) - 1
    exact = np.repeat(top, max_segments, axis=1)
    row, column = np.nonzero(~repeated & (order < max_segments))
    exact[row, order[row, column]] = marks[row, column]
    return np.where(order[:, -1:] < max_segments, exact, even)


def value_per_pack(breakpoint_packs: Ints, curve_usd: Floats) -> tuple[Ints, Floats]:
    """Widths in packs and USD per pack of the segments between breakpoints, both `(N, S)`; empty segments have width 0.

    The curve is zero at zero packs. Rounding noise is removed so that values never rise along the curve.

    >>> value_per_pack(np.array([[2, 5, 5]]), np.array([[20.0, 35.0, 35.0]]))[1].tolist()
    [[10.0, 5.0, 5.0]]
    """
    widths = np.diff(breakpoint_packs, axis=1, prepend=0)
    steps = np.diff(curve_usd, axis=1, prepend=0.0)
    values = np.divide(steps, widths, out=np.full(steps.shape, np.inf), where=widths > 0)
    return widths, np.minimum.accumulate(values, axis=1)
