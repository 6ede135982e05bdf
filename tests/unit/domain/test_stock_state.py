"""Stock state: available never below zero, and no unit appears or vanishes unnoticed."""

import numpy as np
import pytest

from pipelines.domain.stock import ConservationError, StockState, available_units


def test_available_takes_reserved_blocked_and_firm_off_and_stops_at_zero():
    assert available_units([10, 10, 3], [4, 0, 2], [1, 0, 2], [2, 15, 0]).tolist() == [3, 0, 0]


def test_available_broadcasts_over_locations_and_items():
    on_hand = np.array([[5, 6], [7, 8]])
    assert available_units(on_hand, 1, 0, np.array([0, 10])).tolist() == [[4, 0], [6, 0]]


def make_state() -> StockState:
    state = StockState((2, 1))
    state.open_with(np.array([[10], [2]]))
    return state


def test_a_transfer_with_short_and_damage_is_conserved():
    state = make_state()
    state.send(0, 1, 0, 6)
    state.assert_conserved()
    assert (state.on_hand.ravel().tolist(), state.in_transit.ravel().tolist()) == ([4, 2], [0, 6])
    state.receive_transfer(1, 0, good=3, damaged=2, short=1)
    state.assert_conserved()
    assert state.on_hand[1, 0] == 7 and state.blocked[1, 0] == 2 and state.lost[0] == 1
    assert state.available()[1, 0] == 5
    assert state.scrap_blocked()[1, 0] == 2
    state.assert_conserved()
    assert state.on_hand[1, 0] == 5 and state.scrapped[0] == 2


def test_reserved_units_are_sold_when_they_ship():
    state = make_state()
    state.reserve(np.array([[3], [0]]))
    assert state.available()[0, 0] == 7
    state.ship_reserved(np.array([[3], [0]]))
    state.assert_conserved()
    assert state.on_hand[0, 0] == 7 and state.reserved.sum() == 0 and state.sold[0] == 3


def test_a_unit_from_nowhere_is_noticed():
    state = make_state()
    state.on_hand[0, 0] += 1
    with pytest.raises(ConservationError, match="item 0: 12 units by the events, 13 on hand"):
        state.assert_conserved()


@pytest.mark.parametrize("field", ["reserved", "blocked"])
def test_more_held_than_on_hand_is_noticed(field):
    state = make_state()
    getattr(state, field)[1, 0] = 3
    with pytest.raises(ConservationError, match="location 1, item 0"):
        state.assert_conserved()


def test_negative_stock_is_noticed():
    state = make_state()
    state.sell(np.array([[0], [3]]))
    with pytest.raises(ConservationError, match="on hand -1"):
        state.assert_conserved()
