"""Curves against a unit-by-unit simulation of the stock they value."""

import itertools

import numpy as np
import pytest

from pipelines.planning import curves
from pipelines.planning.segments import flatten, gain_segments, loss_segments


def simulate_lost(on_hand, inbound, demand, window, extra=0.0, arrival=0):
    """Lost units per week of one location on one path, the slow and obvious way."""
    stock, lost = on_hand, []
    for week in range(window):
        stock += inbound[week] + (extra if week == arrival else 0.0)
        served = min(stock, demand[week])
        lost.append(demand[week] - served)
        stock -= served
    return np.array(lost)


def random_rows(seed, rows=40, paths=3, weeks=7):
    rng = np.random.default_rng(seed)
    available = rng.integers(0, 25, rows).astype(float)
    inbound = np.where(rng.random((rows, weeks)) < 0.25, rng.integers(0, 15, (rows, weeks)), 0).astype(float)
    demand = rng.gamma(1.5, 3.0, (rows, paths, weeks))
    window = rng.integers(1, weeks + 1, rows)
    return available, inbound, demand, window


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_receiver_gain_is_the_discounted_loss_avoided(seed, gamma):
    available, inbound, demand, window = random_rows(seed)
    arrival = np.random.default_rng(seed + 99).integers(0, 5, len(available))
    lost = curves.project_stock(available, inbound, demand, window).lost_units
    quantity = np.tile(np.array([0.0, 0.7, 3.0, 6.5, 18.0, 90.0]), (len(available), 1))
    gain = curves.receiver_gain(lost, arrival, quantity, gamma)
    for row, first in enumerate(arrival):
        weights = np.array([gamma ** (week - first) if week >= first else 0.0 for week in range(window[row])])
        for column, extra in enumerate(quantity[row]):
            saved = [
                simulate_lost(available[row], inbound[row], path, window[row])
                - simulate_lost(available[row], inbound[row], path, window[row], extra, first)
                for path in demand[row]
            ]
            assert gain[row, column] == pytest.approx(np.mean(saved, axis=0) @ weights, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_donor_loss_is_the_extra_demand_lost(seed):
    available, inbound, demand, window = random_rows(seed)
    floor = curves.project_stock(available, inbound, demand, window).floor_units
    quantity = np.linspace(0.0, 1.0, 9)[None, :] * available[:, None]
    loss = curves.donor_loss(floor, quantity)
    for row in range(len(available)):
        for column, taken in enumerate(quantity[row]):
            extra = [
                simulate_lost(available[row] - taken, inbound[row], path, window[row]).sum()
                - simulate_lost(available[row], inbound[row], path, window[row]).sum()
                for path in demand[row]
            ]
            assert loss[row, column] == pytest.approx(np.mean(extra), abs=1e-9)


def test_gains_are_concave_and_losses_convex():
    available, inbound, demand, window = random_rows(11, rows=200)
    paths = curves.project_stock(available, inbound, demand, window)
    quantity = np.tile(np.arange(60.0), (200, 1))
    gain = curves.receiver_gain_between(paths.lost_units, np.full(200, 1.4), quantity, 0.5)
    assert np.diff(gain, n=2, axis=1).max() <= 1e-9
    assert np.diff(gain, axis=1).min() >= -1e-9
    assert np.diff(curves.donor_loss(paths.floor_units, quantity), n=2, axis=1).min() >= -1e-9


@pytest.mark.parametrize("seed", range(3))
def test_units_that_arrive_in_several_weeks_are_valued_together(seed):
    available, inbound, demand, window = random_rows(seed, rows=25)
    lost = curves.project_stock(available, inbound, demand, window).lost_units
    weeks, quantity = np.array([1, 2, 4]), np.random.default_rng(seed).integers(0, 9, (25, 3)).astype(float)
    together = curves.nested_gain(lost, weeks, quantity, 0.5)
    for row in range(25):
        more = inbound[row].copy()
        more[weeks] += quantity[row]
        saved = [
            simulate_lost(available[row], inbound[row], path, window[row]) - simulate_lost(available[row], more, path, window[row])
            for path in demand[row]
        ]
        weights = [0.5 ** (week - 1) if week >= 1 else 0.0 for week in range(window[row])]
        assert together[row] == pytest.approx(np.mean(saved, axis=0) @ weights, abs=1e-9)
    alone = [0.5 ** (week - 1) * curves.receiver_gain(lost, np.full(25, week), quantity[:, [n]], 0.5)[:, 0] for n, week in enumerate(weeks)]
    assert (together <= sum(alone) + 1e-9).all()
    assert (together < sum(alone) - 0.1).any(), "counted one by one, the same loss is saved twice"
    one = curves.nested_gain(lost, np.array([2]), quantity[:, [1]], 0.5)
    assert one == pytest.approx(curves.receiver_gain(lost, np.full(25, 2), quantity[:, [1]], 0.5)[:, 0], abs=1e-12)
    assert (curves.nested_gain(lost, weeks, quantity + 1.0, 0.5) - together >= -1e-9).all()


@pytest.mark.parametrize("paths", [1, 3])
def test_segments_are_the_curve_pack_by_pack(paths):
    available, inbound, demand, window = random_rows(2, rows=120, paths=paths)
    course = curves.project_stock(available, inbound, demand, window)
    arrival, pack = np.random.default_rng(1).uniform(0, 3, 120), np.random.default_rng(2).choice([1, 4], 120)
    price, peak = np.linspace(0.5, 9.0, 120), demand.max(axis=(1, 2))
    found = gain_segments(course.lost_units, arrival, peak, pack, price, 0.5, 400)
    given = loss_segments(course.floor_units, (available // pack).astype(int), pack, price, 400)
    assert len(found) == len(given) == 120
    for row in range(120):
        for table, worth in (
            (found, lambda x, n=row: curves.receiver_gain_between(course.lost_units[[n]], arrival[[n]], np.array([[x]]), 0.5)[0, 0]),
            (given, lambda x, n=row: -curves.donor_loss(course.floor_units[[n]], np.array([[x]]))[0, 0]),
        ):
            packs = money = 0
            for width, usd in table.listed(row):
                for _ in range(width):
                    packs, money = packs + 1, money + usd
                    assert money == pytest.approx(price[row] * worth(float(packs * pack[row])), abs=1e-5)


def test_segments_do_not_depend_on_the_chunk(monkeypatch):
    available, inbound, demand, window = random_rows(4, rows=90, paths=1)
    lost = curves.project_stock(available, inbound, demand, window).lost_units
    given = (lost, np.full(90, 0.4), demand.max(axis=(1, 2)), np.full(90, 2), np.full(90, 3.0), 0.5, 12)
    whole = gain_segments(*given)
    monkeypatch.setattr("pipelines.planning.segments.CHUNK_ROWS", 7)
    for mine, theirs in zip(vars(gain_segments(*given)).values(), vars(whole).values(), strict=True):
        assert mine.tolist() == theirs.tolist()
    assert len(gain_segments(*(part[:0] if isinstance(part, np.ndarray) else part for part in given))) == 0


def test_a_fractional_arrival_moves_the_curve_continuously():
    available, inbound, demand, window = random_rows(5, rows=100)
    lost = curves.project_stock(available, inbound, demand, window).lost_units
    quantity = np.tile(np.arange(0.0, 60.0, 3.0), (100, 1))
    steps = [curves.receiver_gain_between(lost, np.full(100, weeks), quantity, 0.5) for weeks in np.arange(0.0, 3.0, 0.01)]
    scale = demand.max() * 2
    assert max(np.abs(b - a).max() for a, b in itertools.pairwise(steps)) < 0.011 * scale
    whole = curves.receiver_gain(lost, np.full(100, 2), quantity, 0.5)
    assert curves.receiver_gain_between(lost, np.full(100, 2.0), quantity, 0.5) == pytest.approx(whole)


def test_delay_grows_from_nothing_to_everything():
    available, inbound, demand, window = random_rows(7, rows=100)
    lost = curves.project_stock(available, inbound, demand, window).lost_units
    base, quantity = np.full(100, 0.3), np.full(100, 20.0)
    shares = np.array([curves.delay_share(lost, base, base + late, quantity, 0.5) for late in (0.0, 0.01, 0.5, 1.0, 2.5, 7.0)])
    assert shares[0] == pytest.approx(np.zeros(100), abs=1e-12)
    assert shares[1].max() < 0.02
    assert np.diff(shares, axis=0).min() >= -1e-12
    has_loss = lost.sum(axis=(1, 2)) > 1e-6
    assert shares[-1][has_loss] == pytest.approx(np.ones(has_loss.sum()))


@pytest.mark.parametrize("pack", [1, 6])
def test_segments_are_exact_at_every_pack_where_the_kinks_fit(pack):
    available, inbound, demand, window = random_rows(3, rows=150, paths=1, weeks=5)
    paths = curves.project_stock(available, inbound, demand, window)
    arrival, packs = np.ones(150), np.full(150, pack)
    top = curves.receiver_packs(paths.lost_units, arrival, demand.max(axis=(1, 2)), packs)
    kinks = np.cumsum(np.where(np.arange(5) >= 1, paths.lost_units[:, 0, :], 0.0), axis=1)
    points = curves.choose_breakpoints(kinks, top, packs, 12)
    usd = 2.5 * curves.receiver_gain_between(paths.lost_units, arrival, points * float(pack), 0.5)
    widths, values = curves.value_per_pack(points, usd)
    assert (widths.sum(axis=1) == top).all()
    checked = 0
    for row in range(150):
        steps = [value for width, value in flatten(widths[[row]], values[[row]]).listed(0) for _ in range(width)]
        quantity = np.arange(1, top[row] + 1)[None, :] * float(pack)
        exact = np.diff(2.5 * curves.receiver_gain(paths.lost_units[row : row + 1], np.array([1]), quantity, 0.5)[0], prepend=0.0)
        assert steps == pytest.approx(exact.tolist(), abs=1e-6)
        assert steps == sorted(steps, reverse=True)
        checked += len(steps)
    assert checked > 300 / pack


def test_too_many_kinks_give_evenly_spaced_breakpoints_and_stay_concave():
    available, inbound, demand, window = random_rows(8, rows=60, paths=30, weeks=7)
    paths = curves.project_stock(available * 3, inbound, demand, window)
    packs, cap = np.ones(60, dtype=np.int64), (available * 3).astype(np.int64)
    points = curves.choose_breakpoints(paths.floor_units, cap, packs, 12)
    assert points.shape == (60, 12)
    assert (points[:, -1] == cap).all()
    assert (np.diff(points, axis=1) >= 0).all()
    widths, values = curves.value_per_pack(points, -curves.donor_loss(paths.floor_units, points.astype(float)))
    for row in range(60):
        listed = flatten(widths[[row]], values[[row]]).listed(0)
        assert [value for _, value in listed] == sorted((value for _, value in listed), reverse=True)
        assert sum(width for width, _ in listed) == cap[row]


def test_more_stock_never_raises_a_gain_nor_a_loss():
    available, inbound, demand, window = random_rows(21, rows=100)
    quantity = np.tile(np.arange(0.0, 40.0, 2.0), (100, 1))
    poor = curves.project_stock(available, inbound, demand, window)
    rich = curves.project_stock(available + 5, inbound, demand, window)
    week = np.zeros(100, dtype=np.int64)
    before, after = (curves.receiver_gain(p.lost_units, week, quantity, 1.0) for p in (poor, rich))
    assert (after <= before + 1e-9).all()
    assert (curves.donor_loss(rich.floor_units, quantity) <= curves.donor_loss(poor.floor_units, quantity) + 1e-9).all()
