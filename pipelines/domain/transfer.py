"""Transfer lines and transfer orders: their identity, their states and what may follow what.

Quantities after shipping are in `outcome.py`; storing decisions is the ledger's business, thresholds are approval's.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pipelines.domain.errors import DecisionRefused


class LineState(StrEnum):
    """Where a planned line stands in its life."""

    PROPOSED = "proposed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    APPROVED = "approved"
    EDITED = "edited"
    RELEASED = "released"
    PICKED = "picked"
    SHIPPED = "shipped"
    RECEIVED = "received"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class LineAction(StrEnum):
    """What people, the policy, dispatch or the warehouse do to a line."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    EXPIRE = "expire"
    RELEASE = "release"
    PICK = "pick"
    SHIP = "ship"
    RECEIVE = "receive"
    CLOSE = "close"
    CANCEL = "cancel"
    CORRECT = "correct"


TRANSITIONS: dict[LineState, dict[LineAction, LineState]] = {
    LineState.PROPOSED: {
        LineAction.APPROVE: LineState.APPROVED,
        LineAction.EDIT: LineState.EDITED,
        LineAction.REJECT: LineState.REJECTED,
        LineAction.EXPIRE: LineState.EXPIRED,
        LineAction.CANCEL: LineState.CANCELLED,
    },
    LineState.APPROVED: {LineAction.RELEASE: LineState.RELEASED, LineAction.CANCEL: LineState.CANCELLED},
    LineState.EDITED: {LineAction.RELEASE: LineState.RELEASED, LineAction.CANCEL: LineState.CANCELLED},
    LineState.RELEASED: {LineAction.PICK: LineState.PICKED, LineAction.CANCEL: LineState.CANCELLED},
    LineState.PICKED: {LineAction.SHIP: LineState.SHIPPED, LineAction.CANCEL: LineState.CANCELLED},
    LineState.SHIPPED: {LineAction.RECEIVE: LineState.RECEIVED},
    LineState.RECEIVED: {LineAction.CLOSE: LineState.CLOSED},
    LineState.CLOSED: {},
    LineState.REJECTED: {},
    LineState.EXPIRED: {},
    # Goods that left although the line was cancelled are in transit: the ledger posts a correction instead of denying them.
    LineState.CANCELLED: {LineAction.CORRECT: LineState.SHIPPED},
}

FIRM_STATES: frozenset[LineState] = frozenset({LineState.APPROVED, LineState.EDITED, LineState.RELEASED, LineState.PICKED})
IN_TRANSIT_STATES: frozenset[LineState] = frozenset({LineState.SHIPPED})
ENDED_STATES: frozenset[LineState] = frozenset({LineState.REJECTED, LineState.EXPIRED, LineState.CANCELLED, LineState.CLOSED})
SERVING_STATES: frozenset[LineState] = FIRM_STATES | {LineState.SHIPPED, LineState.RECEIVED, LineState.CLOSED}

_EXECUTION_CHAIN: tuple[tuple[LineState, LineAction], ...] = (
    (LineState.RELEASED, LineAction.RELEASE),
    (LineState.PICKED, LineAction.PICK),
    (LineState.SHIPPED, LineAction.SHIP),
    (LineState.RECEIVED, LineAction.RECEIVE),
    (LineState.CLOSED, LineAction.CLOSE),
)


def allowed_actions(state: LineState | str) -> tuple[LineAction, ...]:
    """Actions that are legal in `state`, in alphabetical order; corrections belong to reconciliation and are left out.

    >>> [str(a) for a in allowed_actions("approved")]
    ['cancel', 'release']
    """
    return tuple(sorted(a for a in TRANSITIONS[LineState(state)] if a is not LineAction.CORRECT))


def next_state(current: LineState | str, action: LineAction | str) -> LineState:
    """The state after `action` in `current`.

    Raises `DecisionRefused` naming the state, the action and what is allowed instead.

    >>> str(next_state("proposed", "approve"))
    'approved'
    """
    state = LineState(current)
    try:
        wanted = LineAction(action)
    except ValueError:
        raise DecisionRefused(f"unknown action {action!r}; known actions: {', '.join(sorted(LineAction))}") from None
    after = TRANSITIONS[state].get(wanted)
    if after is None:
        allowed = ", ".join(allowed_actions(state)) or f"nothing: {state} is final"
        raise DecisionRefused(f"cannot {wanted} a line that is {state}; allowed now: {allowed}")
    return after


def path_to(current: LineState | str, target: LineState | str) -> tuple[LineAction, ...]:
    """Legal actions that lead from `current` to `target` in execution; empty when the line is already there or beyond.

    Reports of a warehouse arrive late or skip steps (shipped without picked): every skipped step is taken in turn, so that
    the trail of decisions has no holes. A cancellation after shipping leads nowhere: the goods are on the road.

    >>> [str(a) for a in path_to("released", "shipped")]
    ['pick', 'ship']
    >>> path_to("shipped", "cancelled")
    ()
    """
    state, goal = LineState(current), LineState(target)
    if goal is LineState.CANCELLED:
        return (LineAction.CANCEL,) if LineAction.CANCEL in TRANSITIONS[state] else ()
    order = [s for s, _ in _EXECUTION_CHAIN]
    if goal not in order:
        return ()
    goal_rank = order.index(goal)
    if state is LineState.CANCELLED:
        if goal_rank < order.index(LineState.SHIPPED):
            return ()
        return (LineAction.CORRECT, *(a for s, a in _EXECUTION_CHAIN[order.index(LineState.SHIPPED) + 1 : goal_rank + 1]))
    if state in (LineState.APPROVED, LineState.EDITED):
        start = 0
    elif state in order:
        start = order.index(state) + 1
    else:
        return ()
    return tuple(a for _, a in _EXECUTION_CHAIN[start : goal_rank + 1])


def lane_id_of(origin: str, destination: str, mode: str) -> str:
    """The identity of a lane.

    >>> lane_id_of("CA_1", "TX_2", "road")
    'CA_1>TX_2:road'
    """
    return f"{origin}>{destination}:{mode}"


def line_id_of(as_of: date, item_id: str, lane_id: str) -> str:
    """One line per plan date, item and lane: "L" and 12 hex digits of sha256("as_of|item_id|lane_id").

    >>> line_id_of(date(2016, 4, 24), "FOODS_1_001", "CA_1>TX_2:road")
    'Lf72420662c70'
    """
    return "L" + hashlib.sha256(f"{as_of.isoformat()}|{item_id}|{lane_id}".encode()).hexdigest()[:12]


def transfer_id_of(as_of: date, lane_id: str, wave: int = 1) -> str:
    """One transfer order per plan date and lane: "T" and 12 hex digits of sha256("as_of|lane_id").

    A document once sent never changes, so lines approved later travel in a further wave with a suffix.

    >>> transfer_id_of(date(2016, 4, 24), "CA_1>TX_2:road", wave=2)[-2:]
    '-2'
    """
    base = "T" + hashlib.sha256(f"{as_of.isoformat()}|{lane_id}".encode()).hexdigest()[:12]
    return base if wave == 1 else f"{base}-{wave}"


@dataclass(frozen=True)
class TransferLine:
    """Units of one item on one lane, as planned and as approved."""

    line_id: str
    run_id: str
    as_of: date
    item_id: str
    origin: str
    destination: str
    mode: str
    qty_planned_units: int
    qty_approved_units: int
    units_per_pack: int
    ship_date: date
    arrival_date: date
    net_usd: float
    state: LineState

    @property
    def lane_id(self) -> str:
        """The lane the line travels on."""
        return lane_id_of(self.origin, self.destination, self.mode)


@dataclass(frozen=True)
class TransferOrder:
    """What one lane ships for one plan: the document a warehouse gets."""

    transfer_id: str
    as_of: date
    origin: str
    destination: str
    mode: str
    ship_date: date
    expected_arrival_date: date
    lines: tuple[TransferLine, ...]

    @property
    def lane_id(self) -> str:
        """The lane of every line of this order."""
        return lane_id_of(self.origin, self.destination, self.mode)

    @property
    def units(self) -> int:
        """Units over all lines."""
        return sum(line.qty_approved_units for line in self.lines)


def whole_packs(units: int, units_per_pack: int) -> int:
    """The largest multiple of `units_per_pack` not above `units`, never below zero.

    >>> whole_packs(17, 6)
    12
    """
    return max(0, units) // units_per_pack * units_per_pack


def states_text(states: Iterable[LineState]) -> list[str]:
    """Plain sorted state names, as stored."""
    return sorted(str(s) for s in states)
