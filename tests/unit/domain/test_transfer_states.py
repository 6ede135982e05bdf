"""The life of a line: what may follow what, and how refusals read."""

from datetime import date

import pytest

from pipelines.domain.errors import DecisionRefused
from pipelines.domain.transfer import (
    FIRM_STATES,
    TRANSITIONS,
    LineAction,
    LineState,
    allowed_actions,
    lane_id_of,
    line_id_of,
    next_state,
    path_to,
    transfer_id_of,
    whole_packs,
)

DESK = {
    "proposed": {"approve": "approved", "edit": "edited", "reject": "rejected", "expire": "expired", "cancel": "cancelled"},
    "approved": {"release": "released", "cancel": "cancelled"},
    "edited": {"release": "released", "cancel": "cancelled"},
    "released": {"pick": "picked", "cancel": "cancelled"},
    "picked": {"ship": "shipped", "cancel": "cancelled"},
    "shipped": {"receive": "received"},
    "received": {"close": "closed"},
    "closed": {},
    "rejected": {},
    "expired": {},
    "cancelled": {"correct": "shipped"},
}


@pytest.mark.parametrize("state", list(LineState))
@pytest.mark.parametrize("action", list(LineAction))
def test_only_the_transitions_of_the_desk_are_legal(state: LineState, action: LineAction) -> None:
    after = DESK[state].get(action)
    if after is not None:
        assert next_state(state, action) == after
        return
    with pytest.raises(DecisionRefused, match=f"cannot {action} a line that is {state}") as refused:
        next_state(state, action)
    for allowed in DESK[state]:
        assert allowed == "correct" or allowed in str(refused.value)


def test_a_refusal_names_the_known_actions_and_final_states() -> None:
    with pytest.raises(DecisionRefused, match="unknown action 'fly'; known actions: approve, cancel"):
        next_state("proposed", "fly")
    with pytest.raises(DecisionRefused, match="nothing: closed is final"):
        next_state("closed", "cancel")


def test_corrections_are_never_offered_to_people() -> None:
    assert all(LineAction.CORRECT not in allowed_actions(state) for state in LineState)


def test_firm_means_approved_but_not_shipped() -> None:
    assert {str(state) for state in FIRM_STATES} == {"approved", "edited", "released", "picked"}


@pytest.mark.parametrize("state", list(LineState))
@pytest.mark.parametrize("target", list(LineState))
def test_a_path_is_made_of_legal_steps_and_ends_at_its_target(state: LineState, target: LineState) -> None:
    here = state
    actions = path_to(state, target)
    for action in actions:
        here = TRANSITIONS[here][action]
    assert not actions or here == target
    assert path_to(here, target) == ()


def test_a_report_of_shipping_takes_the_skipped_steps_in_turn() -> None:
    assert path_to("approved", "received") == ("release", "pick", "ship", "receive")
    assert path_to("cancelled", "closed") == ("correct", "receive", "close")
    assert path_to("closed", "shipped") == ()
    assert path_to("proposed", "shipped") == ()


def test_identities_are_stable_and_distinct() -> None:
    lane = lane_id_of("CA_1", "TX_2", "road")
    day = date(2016, 4, 24)
    assert transfer_id_of(day, lane) == transfer_id_of(day, lane, 1)
    assert len({transfer_id_of(day, lane, wave) for wave in (1, 2, 3)}) == 3
    assert line_id_of(day, "A", lane) != line_id_of(day, "B", lane)
    assert len(line_id_of(day, "A", lane)) == len(transfer_id_of(day, lane)) == 13


@pytest.mark.parametrize(("units", "pack", "expected"), [(17, 6, 12), (5, 6, 0), (-3, 6, 0), (12, 6, 12), (7, 1, 7)])
def test_whole_packs_never_exceed_the_units(units: int, pack: int, expected: int) -> None:
    assert whole_packs(units, pack) == expected
