"""Units are conserved and the ledger stays sound over any sequence of decisions, dispatches and warehouse reports.

5,000 steps: 500 on a real ledger with a real outbox, 4,500 folded reports; the soak runs 100,000. Both print the count reached.
"""

import json
import tempfile
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pipelines.domain.errors import DecisionRefused
from pipelines.domain.outcome import ReceiptEvent, TransferEvent, fold_outcome
from pipelines.domain.transfer import LineState
from pipelines.execution.dispatch import dispatch
from pipelines.execution.reconcile import reconcile
from pipelines.store.ledger import RunRecord, open_ledger
from tests.outcome_identities import imbalance_units

DAY = date(2016, 4, 24)
CI_STEPS, SOAK_STEPS = (500, 4_500), (10_000, 90_000)
ITEMS, LANES, PACK, SUPPLY = 4, 3, 6, 20
TRANSFERS = "transfer_id line_id item_id lot_id origin destination mode qty_requested qty_picked qty_shipped state at"
RECEIPTS = (
    "receipt_id reference_type reference_id line_id item_id location_id lot_id"
    " qty_expected qty_received qty_damaged qty_short qty_over received_at"
)

quantities = st.integers(min_value=0, max_value=12)
moments = st.integers(min_value=0, max_value=5).map(lambda n: datetime(2016, 4, 25) + timedelta(days=n))
states = st.sampled_from(["released", "picked", "shipped", "received", "closed", "cancelled"])
events = st.builds(TransferEvent, st.just("L1"), states, moments, quantities, quantities)
receipts = st.builds(
    ReceiptEvent, st.sampled_from(["R1", "R2", "R3"]), st.just("L1"), moments, quantities, quantities, quantities, quantities, quantities
)


reached: Counter[str] = Counter()


SHAPE = (
    st.lists(events, min_size=5, max_size=10),
    st.lists(receipts, min_size=5, max_size=10),
    st.integers(min_value=1, max_value=12),
    st.randoms(use_true_random=False),
)


def any_set_of_reports_conserves_units_in_any_order(reported: list, counted: list, planned: int, luck: object) -> None:
    reached["reports"] += len(reported) + len(counted)
    out = fold_outcome("L1", planned, reported, counted)
    assert imbalance_units(out) == 0
    assert out.qty_shipped_units + out.qty_over_units == (
        out.qty_received_units + out.qty_damaged_units + out.qty_short_units + out.qty_in_transit_units
    )
    assert min(value for name, value in vars(out).items() if name.startswith("qty_")) >= 0
    if out.state is LineState.CLOSED:
        assert (out.qty_in_transit_units, out.qty_lost_units) == (0, out.qty_short_units)
    shuffled, recounted = [*reported, *reported], [*counted, *counted]
    luck.shuffle(shuffled)
    luck.shuffle(recounted)
    assert fold_outcome("L1", planned, shuffled, recounted) == out


class TransferLife(RuleBasedStateMachine):
    """People, the policy, dispatch and a clumsy warehouse act in any order on one ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.home = Path(self.folder.name)
        self.ledger = open_ledger(self.home)
        self.runs = 0
        self.transfers: list[dict] = []
        self.receipts: list[dict] = []
        self.days = 0
        self.new_day()
        self.propose()

    def teardown(self) -> None:
        self.folder.cleanup()

    def new_day(self) -> None:
        """Every day brings SUPPLY units of each item; what was sent has left, what is approved is firm."""
        self.days += 1
        self.day = DAY + timedelta(days=self.days)
        taken, waiting = self.taken(), self.ledger.lines_to_dispatch()
        firm = waiting.groupby("item_id")["qty_now_units"].sum()
        items = [f"I{item}" for item in range(ITEMS)]
        on_hand = [SUPPLY * self.days - taken[item] for item in items]
        kept = [int(firm.get(item, 0)) for item in items]
        parts = {"on_hand_units": on_hand, "reserved_units": 0, "blocked_units": 0, "firm_out_units": kept}
        self.stock = pd.DataFrame({"location_id": "A", "item_id": items, **parts})

    def taken(self) -> Counter[str]:
        bodies = [json.loads(path.read_text()) for path in (self.home / "outbox").rglob("*.json")]
        return sum((Counter({line["item_id"]: line["units"]}) for body in bodies for line in body["lines"]), Counter())

    def propose(self) -> None:
        self.runs += 1
        rows = []
        for item in range(ITEMS):
            for lane in range(LANES):
                lane_id = f"A>B{lane}:road"
                own = {
                    "line_id": f"L{self.day:%m%d}-{item}-{lane}",
                    "item_id": f"I{item}",
                    "lane_id": lane_id,
                    "packs": 2,
                    "units": 2 * PACK,
                }
                dates = {"ship_date": self.day, "arrival_date": self.day + timedelta(days=3)}
                money = {"benefit_usd": 9.0 + item, "cost_usd": 1.0, "net_usd": 8.0 + item}
                rows.append(own | dates | money | {"origin": "A", "destination": f"B{lane}", "mode": "road"})
        self.ledger.propose(RunRecord(f"run{self.runs}", self.day), pd.DataFrame(rows), f"digest{self.runs}", f"t{self.runs}")

    @property
    def digest(self) -> str:
        return f"digest{self.runs}"

    @rule(repeat_the_day=st.booleans())
    def night(self, repeat_the_day: bool) -> None:
        self.reconcile()
        if not repeat_the_day:
            self.new_day()
        self.propose()

    @rule(
        action=st.sampled_from(["approve", "approve", "edit", "reject", "cancel"]),
        picks=st.sets(st.integers(0, ITEMS * LANES - 1), min_size=1, max_size=6),
        packs=st.integers(1, 3),
        is_stale=st.integers(0, 9),
    )
    def decide(self, action: str, picks: set[int], packs: int, is_stale: int) -> None:
        lines = self.ledger.current_lines(f"run{self.runs}")
        ids = [lines["line_id"].iloc[pick] for pick in picks]
        before = self.ledger.decisions()
        digest = "another" if is_stale == 0 else self.digest
        try:
            self.ledger.decide(ids, action, "ana", "", digest, "t", units=dict.fromkeys(ids, packs * PACK))
        except DecisionRefused:
            assert len(self.ledger.decisions()) == len(before)
        else:
            assert len(self.ledger.decisions()) == len(before) + len(ids)
            assert digest == self.digest or action == "cancel"

    @rule()
    def send(self) -> None:
        dispatch(self.ledger, self.home / "outbox", self.stock, self.day, "t")
        again = dispatch(self.ledger, self.home / "outbox", self.stock, self.day, "t")
        assert (again.sent, again.healed, again.refused) == ((), (), {})

    @precondition(lambda self: len(self.ledger.dispatched_lines()))
    @rule(pick=st.integers(0, 10**6), state=states, units=quantities, days=st.integers(0, 6))
    def report(self, pick: int, state: str, units: int, days: int) -> None:
        line = self._line(pick)
        row = {"transfer_id": line.transfer_id, "line_id": line.line_id, "item_id": line.item_id, "state": state, "qty_shipped": units}
        at = pd.Timestamp(self.day) + pd.Timedelta(days=days - 3)
        self.transfers.append(dict.fromkeys(TRANSFERS.split()) | row | {"qty_picked": units, "at": at})

    @precondition(lambda self: len(self.ledger.dispatched_lines()))
    @rule(pick=st.integers(0, 10**6), counts=st.tuples(*[quantities] * 5), copies=st.integers(1, 2), names_its_line=st.booleans())
    def receive(self, pick: int, counts: tuple[int, ...], copies: int, names_its_line: bool) -> None:
        line = self._line(pick)
        names = ("qty_expected", "qty_received", "qty_damaged", "qty_short", "qty_over")
        row = {"receipt_id": f"R{len(self.receipts) % 7}-{line.line_id}", "reference_type": "transfer", "reference_id": line.transfer_id}
        row |= {"line_id": line.line_id if names_its_line else None, "item_id": line.item_id}
        row |= {"received_at": pd.Timestamp(self.day)} | dict(zip(names, counts, strict=True))
        self.receipts += [dict.fromkeys(RECEIPTS.split()) | row] * copies

    @rule()
    def reconcile(self) -> None:
        frames = pd.DataFrame(self.transfers, columns=TRANSFERS.split()), pd.DataFrame(self.receipts, columns=RECEIPTS.split())
        reconcile(self.ledger, *frames, self.day, "t")
        again = reconcile(self.ledger, *(frame.iloc[::-1] for frame in frames), self.day, "later")
        assert (again.moved, again.outcomes_written) == ((), 0)
        for row in self.ledger.outcomes(self.day).itertuples():
            moved = row.qty_shipped_units + row.qty_cancelled_units + row.qty_waiting_units
            assert row.qty_planned_units + row.qty_extra_units == moved
            arrived = row.qty_received_units + row.qty_damaged_units + row.qty_short_units + row.qty_in_transit_units
            assert row.qty_shipped_units + row.qty_over_units == arrived

    @rule()
    def reopen(self) -> None:
        self.ledger = open_ledger(self.home)

    @invariant()
    def the_trail_is_sound(self) -> None:
        reached["steps"] += 1
        assert self.ledger.verify_chain().problems == ()

    @invariant()
    def no_line_is_sent_twice_and_no_donor_goes_below_zero(self) -> None:
        sent: Counter[str] = Counter()
        for path in (self.home / "outbox").rglob("*.json"):
            body = json.loads(path.read_text())
            for line in body["lines"]:
                sent[line["line_id"]] += 1
                assert line["units"] % PACK == 0
                assert line["units"] > 0
        assert max(sent.values(), default=1) == 1
        assert max(self.taken().values(), default=0) <= SUPPLY * self.days

    def _line(self, pick: int) -> object:
        lines = list(self.ledger.dispatched_lines().itertuples())
        return lines[pick % len(lines)]


def run_until(wanted: tuple[int, int], first_seed: int) -> None:
    """Run both properties with ever new seeds until the wanted (ledger steps, reports) are reached."""
    reached.clear()
    number = first_seed
    quiet = settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    while reached["reports"] < wanted[1]:
        number += 1
        quiet(seed(number)(given(*SHAPE)(any_set_of_reports_conserves_units_in_any_order)))()
    lives = settings(quiet, max_examples=5, stateful_step_count=50)
    while reached["steps"] < wanted[0]:
        number += 1
        run_state_machine_as_test(seed(number)(TransferLife), settings=lives)
    print(f"\n{reached['steps']} ledger steps and {reached['reports']} reports, seeds {first_seed + 1} to {number}")


def test_units_are_conserved_over_any_life_of_transfers() -> None:
    run_until(CI_STEPS, 0)


@pytest.mark.soak
def test_units_are_conserved_over_very_many_lives_of_transfers(soak_seed: int) -> None:
    run_until(SOAK_STEPS, soak_seed)
