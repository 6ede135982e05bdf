"""Three days of a world without luck, every event and every dollar computed by hand.

Demand A 2, 3, 1 and B 1, 0, 4. Prior means 2 and 5/3, cover 4 days, so opening stock is ceil(8) = 8 and ceil(20/3) = 7. On day one A
sends 5 units of its 6 to B; on day two A has one left and loses two customers; the supplier's 7 units come on day three.
"""

import datetime as dt

import pytest

from pipelines.domain.errors import UsageError
from pipelines.domain.stock import ConservationError
from pipelines.twin.metrics import summarise
from pipelines.twin.simulate import Twin

DEMAND = [[2, 1], [3, 0], [1, 4]]
D1, D2, D3 = dt.date(2026, 1, 6), dt.date(2026, 1, 7), dt.date(2026, 1, 8)


@pytest.fixture
def played(small_world, dispatch):
    world, demand = small_world(DEMAND)
    twin = Twin(world, demand, 1)
    return twin, [twin.play_day([dispatch(5)]), twin.play_day([]), twin.play_day([])]


def moves(events):
    frame = events.frames["wms_movements"]
    grouped = frame.assign(qty_units=frame["qty_units"].astype(int)).groupby(["type", "location_id"])["qty_units"].sum()
    return {key: int(units) for key, units in grouped.items()}


def test_movements_of_each_day(played):
    _, (one, two, three) = played
    assert moves(one) == {("opening", "A"): 8, ("opening", "B"): 7, ("sale", "A"): -2, ("sale", "B"): -1, ("transfer_out", "A"): -5}
    assert moves(two) == {("transfer_in", "B"): 5, ("sale", "A"): -1}
    assert moves(three) == {("po_receipt", "A"): 7, ("sale", "A"): -1, ("sale", "B"): -4}


def test_closing_stock_of_each_day(played):
    _, days = played
    closing = [dict(zip(day.frames["wms_stock"]["location_id"], day.frames["wms_stock"]["on_hand"], strict=True)) for day in days]
    assert closing == [{"A": 1, "B": 6}, {"A": 0, "B": 11}, {"A": 6, "B": 7}]


def test_walk_ins_without_stock_leave_no_order(played):
    _, days = played
    ordered = [int(day.frames["erp_sales_orders"].query("location_id == 'A'")["qty_units"].sum()) for day in days]
    assert ordered == [2, 1, 1]


def test_purchase_orders_see_the_transfer(played):
    """Day one: position of A = 6 - 5 = 1 of 8, so 7 are ordered; B at 6 + 5 = 11 of 7 orders nothing. Day three: A at 6 of 8 orders 2."""
    _, (one, two, three) = played
    orders = one.frames["erp_purchase_orders"]
    assert orders[["location_id", "qty_ordered", "qty_received", "status", "expected_date"]].to_numpy().tolist() == [
        ["A", 7, 0, "open", "2026-01-08"]
    ]
    assert len(two.frames["erp_purchase_orders"]) == 0
    rows = three.frames["erp_purchase_orders"]
    assert rows[["qty_ordered", "qty_received", "received_at", "status"]].to_numpy().tolist() == [
        [7, 7, "2026-01-08", "received"],
        [2, 0, None, "open"],
    ]
    receipt = three.frames["wms_receipts"].iloc[0]
    assert (receipt["qty_expected"], receipt["qty_received"], receipt["qty_short"]) == (7, 7, 0)


def test_transfer_states_are_reported_on_their_days(played):
    _, (one, two, three) = played
    assert one.frames["wms_transfers"].sort_values("at")[
        ["state", "at", "qty_requested", "qty_picked", "qty_shipped"]
    ].to_numpy().tolist() == [
        ["released", "2026-01-06T05:30:00", 5, 0, 0],
        ["picked", "2026-01-06T20:30:00", 5, 5, 0],
        ["shipped", "2026-01-06T21:00:00", 5, 5, 5],
    ]
    assert two.frames["wms_transfers"].sort_values("at")[["state", "at"]].to_numpy().tolist() == [
        ["received", "2026-01-07T06:00:00"],
        ["closed", "2026-01-07T06:30:00"],
    ]
    assert len(three.frames["wms_transfers"]) == 0
    receipt = two.frames["wms_receipts"].iloc[0]
    assert (receipt["reference_id"], receipt["line_id"], receipt["location_id"], receipt["qty_received"]) == ("T1", "L-T1", "B", 5)


def test_money_by_hand(played):
    """Lost 2 x 4; freight 50 + 10 + 5 x 0.10 + 0.25; holding of 12 + 11 + 13 unit-days at cost 6 and 25 % a year."""
    twin, _ = played
    result = summarise(twin, D1, D3)
    assert (result["demand_units"], result["sold_units"], result["lost_units"]) == (11, 9, 2)
    assert result["fill_rate"] == pytest.approx(9 / 11)
    assert result["lost_margin_usd"] == pytest.approx(8.0)
    assert result["transfer_cost_usd"] == pytest.approx(60.75)
    assert result["holding_cost_usd"] == pytest.approx(36 * 6 * 0.25 / 365)
    assert result["total_cost_usd"] == pytest.approx(8 + 60.75 + 36 * 6 * 0.25 / 365)
    assert summarise(twin, D2, D3)["transfer_cost_usd"] == 0


def test_days_that_were_not_played_are_refused(played, small_world):
    twin, _ = played
    with pytest.raises(UsageError, match="nothing is left"):
        twin.play_day([])
    with pytest.raises(UsageError, match="not within the days played"):
        summarise(twin, D1, D3 + dt.timedelta(days=1))
    world, demand = small_world(DEMAND)
    with pytest.raises(UsageError, match="no day was played"):
        summarise(Twin(world, demand, 1), D1, D1)


def test_a_lost_transfer_line_is_noticed(small_world, dispatch):
    world, demand = small_world(DEMAND)
    twin = Twin(world, demand, 1)
    twin.play_day([dispatch(5)])
    twin.transport.travelling.clear()
    with pytest.raises(ConservationError, match="0 units on transfer lines, 5 in transit"):
        twin.play_day([])


def test_without_the_transfer_a_day_is_saved_but_nothing_else_changes(small_world):
    """The shadow: 8 - 2 - 3 leaves A with 3, nothing is lost, no freight."""
    world, demand = small_world(DEMAND)
    shadow = Twin(world, demand, 1)
    shadow.warm_up(3)
    result = summarise(shadow, D1, D3)
    assert (result["lost_units"], result["transfer_cost_usd"], result["transfer_units"]) == (0, 0.0, 0)
