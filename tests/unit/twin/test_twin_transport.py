"""Transfers in the twin: executed once, never more than is there, late on closed days, short and damaged as the lane is."""

import datetime as dt

import pytest

from pipelines.twin.simulate import Twin

D1 = dt.date(2026, 1, 6)  # a Tuesday
# Nobody buys until the last day, whose demand makes the opening stock: means 2 and 1 a day, cover 4, so A 8 and B 4.
QUIET_THEN_BUSY = [[0, 0]] * 13 + [[28, 14]]


def transfer_rows(days, state):
    return [row for day in days for row in day.frames["wms_transfers"].to_dict("records") if row["state"] == state]


@pytest.fixture
def stocked(small_world):
    """A starts with 8 units, B with 4; nobody buys for two weeks."""

    def build(**changes):
        world, demand = small_world(QUIET_THEN_BUSY, **changes)
        return Twin(world, demand, 3)

    return build


def test_the_same_transfer_twice_is_executed_once(stocked, dispatch):
    twin = stocked()
    days = [
        twin.play_day([dispatch(1), dispatch(1)]),
        twin.play_day([dispatch(1)]),
        twin.play_day([dispatch(1, "T9", idempotency_key="key-T1")]),
    ]
    assert len(transfer_rows(days, "shipped")) == 1
    assert int(twin.transport.departures[0].units) == 1 and len(twin.transport.departures) == 1
    assert twin.stock.on_hand.ravel().tolist() == [7, 5]


def test_a_pick_never_takes_more_than_is_available(stocked, dispatch):
    twin = stocked()
    twin.play_day([])
    events = twin.play_day([dispatch(58)])
    shipped = transfer_rows([events], "shipped")[0]
    assert (shipped["qty_requested"], shipped["qty_picked"], shipped["qty_shipped"]) == (58, 8, 8)
    assert twin.stock.on_hand[0, 0] == 0


def test_nothing_to_pick_cancels_the_line(stocked, dispatch):
    twin = stocked()
    twin.play_day([])
    twin.play_day([dispatch(1000)])
    events = twin.play_day([dispatch(3, "T2")])
    assert [row["transfer_id"] for row in transfer_rows([events], "cancelled")] == ["T2"]
    assert not transfer_rows([events], "shipped")


def test_a_transfer_waits_for_its_ship_date_and_the_lanes_weekday(small_world, dispatch):
    world, demand = small_world(QUIET_THEN_BUSY)
    object.__setattr__(world, "lanes", world.lanes.assign(weekdays="5"))
    twin = Twin(world, demand, 3)
    days = [twin.play_day([dispatch(1, ship=D1 + dt.timedelta(days=1))]), *twin.warm_up(4)]
    assert [row["at"][:10] for row in transfer_rows(days, "released")] == ["2026-01-06"]
    assert [row["at"][:10] for row in transfer_rows(days, "shipped")] == ["2026-01-09"]


def test_short_units_are_lost_and_damaged_ones_blocked_then_scrapped(small_world, dispatch):
    world, demand = small_world(QUIET_THEN_BUSY, damage=1.0)
    twin = Twin(world, demand, 3)
    twin.play_day([dispatch(5)])
    assert int(twin.stock.in_transit[1, 0]) == 5
    events = twin.play_day([])
    receipt = events.frames["wms_receipts"].query("reference_type == 'transfer'").iloc[0]
    assert (receipt["qty_expected"], receipt["qty_received"], receipt["qty_damaged"], receipt["qty_short"]) == (5, 0, 5, 0)
    assert int(events.frames["wms_stock"].query("location_id == 'B'")["blocked"].iloc[0]) == 5
    later = twin.warm_up(6)  # until Monday 12 January
    scrapped = later[-2].frames["wms_movements"].query("type == 'scrap'")
    assert later[-2].date.isoweekday() == 1 and scrapped["qty_units"].tolist() == [-5]
    assert int(twin.stock.blocked.sum()) == 0


def test_a_lane_that_loses_everything(small_world, dispatch):
    world, demand = small_world(QUIET_THEN_BUSY, short=1.0)
    twin = Twin(world, demand, 3)
    twin.play_day([dispatch(5)])
    events = twin.play_day([])
    receipt = events.frames["wms_receipts"].query("reference_type == 'transfer'").iloc[0]
    assert (receipt["qty_received"], receipt["qty_damaged"], receipt["qty_short"]) == (0, 0, 5)
    assert not len(events.frames["wms_movements"].query("type == 'transfer_in'"))
    assert int(twin.stock.lost[0]) == 5


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"destination": "C"}, "lane A>C:road does not exist"),
        ({"destination": "A"}, "lane A>A:road does not exist"),
        ({"mode": "sea"}, "lane A>B:sea does not exist"),
        ({"format": "evenstock-dispatch/9"}, "is not evenstock-dispatch/1"),
        ({"transfer_id": None}, "no transfer_id"),
        ({"ship_date": "soon"}, "Invalid isoformat"),
        ({"lines": []}, "no lines"),
        ({"lines": [{"line_id": "L", "item_id": "Y", "units": 1}]}, "item 'Y' is unknown"),
        ({"lines": [{"line_id": "L", "item_id": "X", "units": 0}]}, "not a whole number"),
        ({"lines": [{"line_id": "L", "item_id": "X", "units": 1.5}]}, "not a whole number"),
        ({"lines": [{"line_id": "L", "item_id": "X", "units": True}]}, "not a whole number"),
        ({"lines": [{"line_id": "L", "item_id": "X", "units": 1}] * 2}, "appears twice"),
    ],
)
def test_an_impossible_dispatch_is_refused_whole(stocked, dispatch, changes, reason):
    twin = stocked()
    events = twin.play_day([dispatch(1, **changes)])
    assert len(events.refused) == 1 and reason in events.refused[0]
    assert len(events.frames["wms_transfers"]) == 0


def test_a_refused_dispatch_may_be_corrected_and_sent_again(stocked, dispatch):
    twin = stocked()
    assert twin.play_day([dispatch(1, mode="sea")]).refused
    events = twin.play_day([dispatch(1)])
    assert not events.refused and len(transfer_rows([events], "shipped")) == 1


def test_lane_luck_is_the_same_for_two_policies(generated, dispatch):
    """Two twins send different transfers on one lane and day: the truck takes the same number of days."""
    arrivals = []
    for units, name in ((1, "T1"), (4, "T2")):
        twin = generated(locations=2)
        origin, destination = twin.demand.location_ids
        twin.warm_up(10)
        order = dispatch(units, name, origin, destination, twin.next_date)
        order["lines"][0]["item_id"] = twin.demand.item_ids[int(twin.stock.available()[0].argmax())]
        twin.play_day([order])
        arrivals.append({line.arrives for line in twin.transport.travelling})
    assert arrivals[0] == arrivals[1] and len(arrivals[0]) == 1


def test_lead_times_vary_and_are_whole_days_of_one_or_more(generated, dispatch):
    twin = generated(locations=2, items=30, days=90)
    origin, destination = twin.demand.location_ids
    days = set()
    for number in range(60):
        item = twin.demand.item_ids[int(twin.stock.available()[0].argmax())]
        order = dispatch(1, f"T{number}", origin, destination, twin.next_date)
        order["lines"][0]["item_id"] = item
        today = twin.next_date
        twin.play_day([order])
        days |= {(line.arrives - today).days for line in twin.transport.travelling if line.transfer_id == f"T{number}"}
    assert min(days) >= 1 and len(days) >= 3
