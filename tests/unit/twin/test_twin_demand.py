"""Generated demand: seasons, slow movers, regional taste, launches; the same seed gives the same table."""

import datetime as dt

import numpy as np
import pytest

from pipelines.domain.errors import UsageError
from pipelines.twin.demand import DemandTable, generate_demand

START = dt.date(2026, 1, 5)  # a Monday


@pytest.fixture(scope="module")
def table():
    return generate_demand(4, 200, 364, 3, START)


def test_shape_ids_and_whole_units(table):
    assert table.units.shape == (364, 4, 200) and table.units.min() == 0 and table.units.dtype == np.int32
    assert table.location_ids == ("EAST_1", "EAST_2", "WEST_1", "WEST_2")
    assert list(table.item_ids) == sorted(set(table.item_ids)) and table.days == 364
    assert table.date_of(363) == dt.date(2027, 1, 3)


def test_the_seed_decides_everything(table):
    assert np.array_equal(table.units, generate_demand(4, 200, 364, 3, START).units)
    assert not np.array_equal(table.units, generate_demand(4, 200, 364, 4, START).units)


def test_a_good_share_of_items_is_slow(table):
    assert 0.3 < (table.units.mean(axis=(0, 1)) < 0.8).mean() < 0.6


def test_saturdays_sell_more_than_tuesdays(table):
    by_weekday = table.units.sum(axis=(1, 2)).reshape(52, 7).sum(axis=0)
    assert by_weekday[5] > 1.3 * by_weekday[1]


def test_regions_prefer_different_items(table):
    """Items' shares agree more within a region than across: log means correlate more."""
    means = np.log(table.units.mean(axis=0) + 0.01)
    relative = means - means.mean(axis=0)
    assert np.corrcoef(relative)[0, 1] > 0.3 and np.corrcoef(relative)[0, 2] < 0


def test_noise_is_wider_than_poisson(table):
    fast = table.units.mean(axis=(0, 1)) > 3
    week = table.units[:28, :, fast].astype(float)
    same_weekday = week.reshape(4, 7, 4, -1)
    assert (same_weekday.var(axis=0, ddof=1) / np.maximum(same_weekday.mean(axis=0), 0.1)).mean() > 1.3


def test_some_items_are_launched_mid_history(table):
    launched = table.launch_days()
    late = np.flatnonzero(launched)
    assert 8 <= len(late) <= 40
    for item in late:
        assert table.units[: launched[item], :, item].sum() == 0
    assert launched.max() < 0.8 * 364


def test_early_first_sale_is_no_launch():
    units = np.zeros((40, 1, 2), dtype=np.int32)
    units[28, 0, 0] = units[29, 0, 1] = 1
    assert DemandTable(("A",), ("X", "Y"), START, units).launch_days().tolist() == [0, 29]


@pytest.mark.parametrize("counts", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_empty_demand_is_a_usage_error(counts):
    with pytest.raises(UsageError, match="at least one"):
        generate_demand(*counts, 1, START)


@pytest.mark.parametrize("locations", [1, 2, 3, 9, 20])
def test_any_number_of_locations_gets_distinct_names(locations):
    assert len(set(generate_demand(locations, 2, 3, 1, START).location_ids)) == locations
