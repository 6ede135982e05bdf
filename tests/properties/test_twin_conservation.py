"""Whatever is dispatched, the twin creates and destroys no unit, and its extracts replay to its stock.

The stock it keeps is put through 5,000 steps, 100,000 in the soak; both print the count reached. Transfers' own lives are walked in
test_transfer_lifecycle.py.
"""

import datetime as dt
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pipelines.domain.stock import StockState
from pipelines.twin.demand import DemandTable, generate_demand
from pipelines.twin.simulate import Twin
from pipelines.twin.world import build_generated_world, truth_frame

START = dt.date(2026, 1, 6)
SMALL = settings(max_examples=25, deadline=None, derandomize=True)


def make_order(name, origin, destination, item, units):
    """A sound dispatch of one line for the first day."""
    return {
        "format": "evenstock-dispatch/1",
        "transfer_id": name,
        "origin": origin,
        "destination": destination,
        "mode": "road",
        "ship_date": START.isoformat(),
        "idempotency_key": name,
        "lines": [{"line_id": "L", "item_id": item, "units": units}],
    }


@st.composite
def worlds(draw):
    """A few locations and items with any demand, lossy lanes and short suppliers."""
    locations, items, days = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(4, 12))
    cells = days * locations * items
    units = np.array(draw(st.lists(st.integers(0, 9), min_size=cells, max_size=cells)), dtype=np.int32).reshape(days, locations, items)
    names = tuple(f"EAST_{n}" for n in range(locations))
    demand = DemandTable(names, tuple(f"I{n}" for n in range(items)), START, units)
    world = build_generated_world(demand, draw(st.integers(0, 3)))
    shares = draw(st.tuples(st.sampled_from([0.0, 0.2, 1.0]), st.sampled_from([0.0, 0.3, 1.0])))
    truth = truth_frame([(lane, 1.0, 1.0, *shares) for lane in world.lane_truth["lane_id"]])
    object.__setattr__(world, "lane_truth", truth)
    object.__setattr__(world, "items", world.items.assign(supplier_lead_time_days=draw(st.integers(1, 4))))
    return world.with_parameters(po_short_share=draw(st.sampled_from([0.0, 0.5]))), demand


@st.composite
def dispatches(draw):
    """Sound, greedy, repeated and impossible requests."""
    number = draw(st.integers(0, 4))
    return {
        "format": "evenstock-dispatch/1",
        "transfer_id": f"T{number}",
        "origin": draw(st.sampled_from(["EAST_0", "EAST_1", "EAST_2", "NOWHERE"])),
        "destination": draw(st.sampled_from(["EAST_0", "EAST_1", "EAST_2"])),
        "mode": "road",
        "ship_date": (START + dt.timedelta(days=draw(st.integers(-2, 8)))).isoformat(),
        "idempotency_key": f"k{number}",
        "lines": [
            {"line_id": f"L{n}", "item_id": draw(st.sampled_from(["I0", "I1", "I9"])), "units": draw(st.sampled_from([1, 3, 50, 0]))}
            for n in range(draw(st.integers(0, 2)))
        ],
    }


@SMALL
@given(worlds(), st.lists(st.lists(dispatches(), max_size=3), min_size=12, max_size=12), st.integers(0, 5))
def test_units_are_conserved_and_extracts_replay(case, released, seed):
    world, demand = case
    twin = Twin(world, demand, seed)
    balance, received, states = Counter(), Counter(), Counter()
    for day in range(demand.days):
        events = twin.play_day(released[day])
        twin.assert_conserved()
        for row in events.frames["wms_movements"].to_dict("records"):
            assert row["qty_units"] != 0 and row["at"][:10] == events.date.isoformat()
            balance[row["location_id"], row["item_id"]] += row["qty_units"]
        assert min(balance.values(), default=0) >= 0
        for row in events.frames["wms_stock"].to_dict("records"):
            assert balance[row["location_id"], row["item_id"]] == row["on_hand"] >= row["reserved"] + row["blocked"]
        for row in events.frames["wms_receipts"].to_dict("records"):
            assert row["qty_expected"] == row["qty_received"] + row["qty_damaged"] + row["qty_short"] - row["qty_over"]
            received[row["receipt_id"]] += 1
        for row in events.frames["wms_transfers"].to_dict("records"):
            assert row["qty_shipped"] <= row["qty_picked"] <= row["qty_requested"]
            states[row["transfer_id"], row["line_id"], row["state"]] += 1
    assert set(received.values()) <= {1} and set(states.values()) <= {1}
    assert int(twin.stock.on_hand.sum()) == sum(balance.values())


@SMALL
@given(st.integers(0, 10_000), st.integers(0, 6))
def test_luck_does_not_depend_on_the_order_of_calls(seed, count):
    """Dispatches in any order, and a second twin played in between, change nothing."""
    demand = generate_demand(3, 4, 12, seed, START)
    world = build_generated_world(demand, seed)
    names = demand.location_ids
    orders = [make_order(f"T{n}", names[n % 3], names[(n + 1) % 3], demand.item_ids[n % 4], 5) for n in range(count)]
    one, two = Twin(world, demand, seed), Twin(world, demand, seed)
    for day in range(12):
        a = one.play_day(orders if day == 1 else [])
        b = two.play_day(orders[::-1] if day == 1 else [])
        assert all(a.frames[feed].equals(b.frames[feed]) for feed in a.frames)


@SMALL
@given(st.integers(0, 10_000))
def test_a_policy_changes_neither_demand_nor_what_others_buy(seed):
    """Items that no transfer touches have the same sales with and without transfers."""
    demand = generate_demand(2, 4, 20, seed, START)
    world = build_generated_world(demand, seed)
    origin, destination = demand.location_ids
    order = make_order("T", origin, destination, demand.item_ids[0], 6)
    moved, still = Twin(world, demand, seed), Twin(world, demand, seed)
    for day in range(20):
        moved.play_day([order] if day == 0 else [])
        still.play_day([])
    assert np.array_equal(moved.served_units[:, :, 1:], still.served_units[:, :, 1:])


PLACES, ITEMS = 3, 2
CI_STEPS, SOAK_STEPS = 5_000, 100_000
STEPS_PER_LIFE = 50
reached: Counter[str] = Counter()
cells = st.tuples(st.integers(0, PLACES - 1), st.integers(0, ITEMS - 1))


class StockLife(RuleBasedStateMachine):
    """Stock moved in any order, as far as there is any: sold, reserved, sent, received short or damaged, late or never, scrapped."""

    def __init__(self) -> None:
        super().__init__()
        self.stock = StockState((PLACES, ITEMS))
        self.stock.open_with(np.full((PLACES, ITEMS), 20))
        self.total = np.full(ITEMS, 20 * PLACES)
        self.on_the_road: list[tuple[int, int, int]] = []

    def units_at(self, cell: tuple[int, int], wanted: int) -> np.ndarray:
        """As many of the wanted units as are available there, as an array of the stock's shape."""
        units = np.zeros((PLACES, ITEMS), dtype=np.int64)
        units[cell] = min(wanted, int(self.stock.available()[cell]))
        return units

    @rule(cell=cells, units=st.integers(1, 9))
    def buy(self, cell: tuple[int, int], units: int) -> None:
        self.stock.receive_purchase(*cell, units)
        self.total[cell[1]] += units

    @rule(cell=cells, units=st.integers(1, 9))
    def sell(self, cell: tuple[int, int], units: int) -> None:
        sold = self.units_at(cell, units)
        self.stock.sell(sold)
        self.total -= sold.sum(axis=0)

    @rule(cell=cells, units=st.integers(1, 9))
    def reserve(self, cell: tuple[int, int], units: int) -> None:
        self.stock.reserve(self.units_at(cell, units))

    @rule()
    def ship_what_is_reserved(self) -> None:
        gone = self.stock.reserved.copy()
        self.stock.ship_reserved(gone)
        self.total -= gone.sum(axis=0)

    @rule(cell=cells, destination=st.integers(0, PLACES - 1), units=st.integers(1, 9))
    def send(self, cell: tuple[int, int], destination: int, units: int) -> None:
        sent = int(self.units_at(cell, units).sum())
        self.stock.send(cell[0], destination, cell[1], sent)
        self.on_the_road.append((destination, cell[1], sent))

    @rule(which=st.integers(0, 99), short=st.floats(0, 1), damaged=st.floats(0, 1))
    def receive(self, which: int, short: float, damaged: float) -> None:
        """Any load on the road, in any order; some stay on it for good."""
        if self.on_the_road:
            place, item, units = self.on_the_road.pop(which % len(self.on_the_road))
            missing = int(units * short)
            broken = int((units - missing) * damaged)
            self.stock.receive_transfer(place, item, units - missing - broken, broken, missing)
            self.total[item] -= missing

    @rule()
    def scrap(self) -> None:
        self.total -= self.stock.scrap_blocked().sum(axis=0)

    @invariant()
    def every_unit_is_somewhere(self) -> None:
        reached["steps"] += 1
        self.stock.assert_conserved()
        assert np.array_equal(self.stock.on_hand.sum(axis=0) + self.stock.in_transit.sum(axis=0), self.total)
        assert {array.dtype for array in vars(self.stock).values() if isinstance(array, np.ndarray)} == {np.dtype("int64")}


def live(steps: int, first: int) -> None:
    """Lives of fifty steps until so many steps are done; prints how many."""
    reached.clear()
    life = 0
    quiet = settings(
        max_examples=20, stateful_step_count=STEPS_PER_LIFE, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    while reached["steps"] < steps:
        run_state_machine_as_test(seed(first + life)(StockLife), settings=quiet)
        life += 1
    print(f"conservation of stock: {reached['steps']:,} steps")


def test_no_step_of_stock_creates_or_destroys_a_unit() -> None:
    live(CI_STEPS, 0)


@pytest.mark.soak
def test_very_many_steps_of_stock_create_and_destroy_no_unit(soak_seed: int) -> None:
    live(SOAK_STEPS, 1_000 + soak_seed)
