"""Customers: their lines add up to demand, come in opening hours, and are served in order of arrival."""

import numpy as np
import pytest

from pipelines.twin.customers import CustomerLines, draw_customers, serve


def lines_of(rows):
    """Rows of (location, item, units, second)."""
    array = np.array(rows, dtype=np.int64).reshape(-1, 4)
    count = len(array)
    zeros = np.zeros(count, dtype=np.int64)
    return CustomerLines(np.arange(count), array[:, 0], array[:, 1], array[:, 2], array[:, 3], zeros.astype(bool), zeros)


def test_lines_add_up_to_the_demand_of_every_cell():
    units = np.random.default_rng(1).poisson(1.5, (4, 30)).astype(np.int32)
    lines = draw_customers(units, 1, 0, 0.3)
    total = np.zeros_like(units)
    np.add.at(total, (lines.location, lines.item), lines.units.astype(np.int32))
    assert np.array_equal(total, units) and lines.units.min() >= 1


def test_an_order_belongs_to_one_location_and_channel_and_has_at_most_five_lines():
    units = np.random.default_rng(2).poisson(3.0, (3, 40)).astype(np.int32)
    lines = draw_customers(units, 1, 0, 0.3)
    for order in np.unique(lines.order):
        chosen = lines.order == order
        assert chosen.sum() <= 5
        for values in (lines.location, lines.is_web, lines.second, lines.transit_days):
            assert len(np.unique(values[chosen])) == 1
    sizes = np.bincount(lines.order)
    assert sizes.min() >= 1 and sizes.max() >= 3


def test_customers_come_in_opening_hours_in_order_and_three_in_ten_by_web():
    units = np.full((2, 1000), 3, dtype=np.int32)
    lines = draw_customers(units, 4, 9, 0.3)
    assert lines.second.min() >= 8 * 3600 and lines.second.max() < 20 * 3600
    assert (np.diff(lines.second) >= 0).all() and len(np.unique(lines.second)) > 500
    assert lines.is_web.mean() == pytest.approx(0.3, abs=0.03)


def test_customers_depend_on_seed_and_day_only():
    units = np.full((2, 20), 2, dtype=np.int32)
    first, again = draw_customers(units, 4, 9, 0.3), draw_customers(units, 4, 9, 0.3)
    other = draw_customers(units, 4, 10, 0.3)
    assert np.array_equal(first.second, again.second) and not np.array_equal(first.second[:10], other.second[:10])


def test_no_demand_brings_no_customers():
    lines = draw_customers(np.zeros((2, 3), dtype=np.int32), 1, 0, 0.3)
    served = serve(lines, np.array([[0, 1, 2], [3, 0, 5]]))
    assert lines.count == 0 and served.in_stock_share.tolist() == [[0, 1, 1], [1, 0, 1]]


def test_first_come_first_served_by_hand():
    """Five units for lines of 2, 2, 3 and 1: 2, 2, 1 and nothing; the last unit goes at 14:00, half the opening hours."""
    noon = 14 * 3600
    lines = lines_of([(0, 0, 2, 9 * 3600), (0, 0, 2, 10 * 3600), (0, 0, 3, noon), (0, 0, 1, 15 * 3600), (0, 1, 4, 16 * 3600)])
    served = serve(lines, np.array([[5, 10]]))
    assert served.units.tolist() == [2, 2, 1, 0, 4]
    assert served.in_stock_share.tolist() == [[0.5, 1.0]]


def test_serving_equals_a_plain_loop():
    luck = np.random.default_rng(7)
    for _ in range(50):
        rows = [(luck.integers(2), luck.integers(3), luck.integers(1, 5), 30_000 + 10 * n) for n in range(luck.integers(1, 30))]
        stock = luck.integers(0, 12, (2, 3))
        left, expected = stock.copy(), []
        for location, item, units, _second in rows:
            got = min(units, left[location, item])
            left[location, item] -= got
            expected.append(got)
        assert serve(lines_of(rows), stock).units.tolist() == expected
