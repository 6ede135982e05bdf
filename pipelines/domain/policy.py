"""The planning policy: every number that people choose, in one typed, hashed value.

No defaults are hidden elsewhere. Reading a policy from a file is the shells' business.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.domain.errors import InputRefused
from pipelines.domain.ranges import AMOUNT, COUNT, DAYS, POSITIVE, PROBABILITY, RATIO_UP, SECONDS, SHARE, WEEKS, Range

# What the gates check, by the name that a verdict gives it; `suite` stands for every expectation of a feed's suite.
GATE_RULES = (
    *("rows_present", "row_count", "quarantine_share", "columns_present", "suite", "keys_unique", "references_known"),
    *("fresh", "no_future_rows", "locations_reported"),
    *("unit_mixup", "shifted_decimals", "swapped_columns", "shifted_rows", "repeated_rows"),
    *("stock_replay", "shipments_match_sales", "receipts_match_movements", "transit_matches_transfers", "frozen_share"),
    *("master_changes", "document_kept", "own_day", "sales_by_order", "receipts_by_document", "departures_by_transfer"),
    *("arrivals_by_transfer", "orders_shipped", "purchases_received", "habits", "blocked_explained", "reserved_explained"),
    *("transfer_states", "transfer_units", "transfers_dispatched", "transfers_taken_on", "counts_match_stock"),
    *("order_moments", "purchase_moments", "scopes_known", "columns_read", "counts_due"),
)
SEVERITIES = ("block", "warn", "off")
LIMITS = ("turns_per_year_lower", "turns_per_year_upper", "days_on_hand_lower", "days_on_hand_upper")


def _within(allowed: Range, default: Any) -> Any:
    return field(default=default, metadata={"range": allowed})


@dataclass(frozen=True)
class ServicePolicy:
    """Service targets by ABC class, as probability of no stock-out over the protection interval."""

    target_a_share: float = _within(PROBABILITY, 0.98)
    target_b_share: float = _within(PROBABILITY, 0.95)
    target_c_share: float = _within(PROBABILITY, 0.90)
    review_period_days: int = _within(DAYS, 7)
    default_supplier_lead_time_days: int = _within(DAYS, 21)


@dataclass(frozen=True)
class FinancePolicy:
    """Yearly rates on inventory value; see the carrying cost KPI."""

    capital_rate: float = _within(AMOUNT, 0.12)
    insurance_rate: float = _within(AMOUNT, 0.03)
    obsolescence_rate: float = _within(AMOUNT, 0.10)


@dataclass(frozen=True)
class PlanningPolicy:
    """The objective and its limits.

    `gamma` discounts losses that a later plan could still avoid, `eta` scales all curve values against costs. `time_limit_s` is a net
    over the solver, set by the size of the problem where it is null; a large problem starts from the prices of the last plan unless
    `start_from_last_plan` is off.
    """

    horizon_weeks: int = _within(WEEKS, 12)
    gamma: float = _within(SHARE, 0.5)
    eta: float = _within(AMOUNT, 0.5)
    max_segments: int = _within(COUNT, 12)
    handling_cost_usd_per_unit: float = _within(AMOUNT, 0.0)
    weekly_budget_usd: float | None = _within(AMOUNT, None)
    donor_share_cap: float = _within(SHARE, 1.0)
    pallet_kg: float = _within(POSITIVE, 600.0)
    pallet_m3: float = _within(POSITIVE, 1.8)
    pallets_per_truck: int = _within(COUNT, 26)
    gap_share: float = _within(SHARE, 1e-4)
    exact_arcs_limit: int = _within(Range(0, 10**9), 2000)
    node_limit: int = _within(COUNT, 20000)
    time_limit_s: float | None = _within(SECONDS, None)
    start_from_last_plan: bool = True


@dataclass(frozen=True)
class TermsPolicy:
    """Optional terms of a plan, all off by default.

    Switches: free storage, docks by the day, holidays that close a location, owners kept apart, promotions and blocked units that keep an
    item where it is, lots that must last, tariffs charged exactly as carriers do (else prudently, per unit and truck).
    `min_shelf_life_share` of an item's shelf life is left on arrival where lots are kept; a line moves at least `min_line_packs`;
    `churn_usd_per_unit` is charged for every unit more or less than in the last plan.
    """

    limit_storage: bool = False
    docks_by_day: bool = False
    close_on_holidays: bool = False
    keep_owners_apart: bool = False
    lock_promotions: bool = False
    lock_quality: bool = False
    respect_lots: bool = False
    exact_weight_tariffs: bool = False
    min_shelf_life_share: float = _within(SHARE, 0.0)
    min_line_packs: int = _within(COUNT, 1)
    churn_usd_per_unit: float = _within(AMOUNT, 0.0)


@dataclass(frozen=True)
class DispositionPolicy:
    """What the ladder of options about an imbalance assumes."""

    surplus_cover_weeks: int = _within(WEEKS, 4)
    markdown_share: float = _within(SHARE, 0.3)
    expedite_cost_usd_per_unit: float = _within(AMOUNT, 0.5)
    order_cost_usd: float = _within(AMOUNT, 0.0)


@dataclass(frozen=True)
class ApprovalPolicy:
    """A lane whose every line is under every threshold is approved by policy; the lines of any other lane wait for a person."""

    auto_approve: bool = True
    max_line_cost_usd: float = _within(AMOUNT, 250.0)
    max_line_value_usd: float = _within(AMOUNT, 5000.0)
    max_donor_share: float = _within(SHARE, 0.6)
    min_benefit_cost_ratio: float = _within(AMOUNT, 1.0)
    max_plan_age_days: int = _within(Range(0, 3660), 7)


@dataclass(frozen=True)
class KpiPolicy:
    """Windows of the KPI marts in days."""

    window_days: int = _within(DAYS, 28)
    slow_moving_days: int = _within(DAYS, 56)


@dataclass(frozen=True)
class AlertPolicy:
    """Bands of turnover and days on hand; a category may have its own (`by_category`: category -> limits, the others as here).

    An alert begins outside its band and ends `hysteresis_share` of the limit inside it. The bands are independent: both may be crossed.
    """

    turns_per_year_lower: float = _within(AMOUNT, 2.0)
    turns_per_year_upper: float = _within(POSITIVE, 4.0)
    days_on_hand_lower: float = _within(AMOUNT, 30.0)
    days_on_hand_upper: float = _within(POSITIVE, 90.0)
    hysteresis_share: float = _within(SHARE, 0.1)
    by_category: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = field(default=(), metadata={"limits": LIMITS})

    def __post_init__(self) -> None:
        """Refuse bands that nothing can be inside of."""
        for category, kpi, lower, upper, share in self.bands():
            if lower * (1 + share) > upper * (1 - share):
                where = f"policy.alerts.by_category.{category}" if category else "policy.alerts"
                raise InputRefused(
                    f"{where}: {kpi} from {lower:g} to {upper:g} with hysteresis {share:g} leaves no room; move the limits apart"
                )

    def bands(self) -> list[tuple[str, str, float, float, float]]:
        """Category (empty: any other), KPI, lower limit, upper limit and hysteresis share of every band.

        >>> AlertPolicy(by_category=(("toys", (("days_on_hand_upper", 60.0),)),)).bands()[-1]
        ('toys', 'days_on_hand', 30.0, 60.0, 0.1)
        """
        usual = {name: getattr(self, name) for name in LIMITS}
        found = []
        for category, own in (("", ()), *self.by_category):
            limits = usual | dict(own)
            for kpi in ("turns_per_year", "days_on_hand"):
                found.append((category, kpi, limits[f"{kpi}_lower"], limits[f"{kpi}_upper"], self.hysteresis_share))
        return found


@dataclass(frozen=True)
class FeedbackPolicy:
    """How fast learned parameters may move and how strongly they are shrunk (pseudo-counts)."""

    window_days: int = _within(DAYS, 112)
    lead_time_prior_n: float = _within(POSITIVE, 20.0)
    yield_prior_units: float = _within(POSITIVE, 200.0)
    max_step_ratio: float = _within(RATIO_UP, 2.0)


@dataclass(frozen=True)
class GatePolicy:
    """Limits of the gates: changes of row counts as shares of the trailing median, quarantined rows, item-locations that may be frozen.

    A frozen item-location stays so until a correction or a count clears it, `frozen_days` at most. `severity` overrules single rules:
    block (any failure blocks), warn (none does) or off (not judged); a rule that is not named judges by its own limits.
    """

    count_warn_share: float = _within(AMOUNT, 0.30)
    count_block_share: float = _within(AMOUNT, 0.70)
    max_quarantine_share: float = _within(SHARE, 0.05)
    max_frozen_share: float = _within(SHARE, 0.05)
    frozen_days: int = _within(DAYS, 7)
    trailing_days: int = _within(DAYS, 28)
    severity: tuple[tuple[str, str], ...] = field(default=(), metadata={"keys": GATE_RULES, "words": SEVERITIES})

    def severity_of(self, rule: str) -> str:
        """The severity that people set for a rule; empty where they left it to the rule.

        >>> GatePolicy(severity=(("fresh", "warn"),)).severity_of("fresh")
        'warn'
        """
        return dict(self.severity).get(rule, "")


@dataclass(frozen=True)
class RetentionPolicy:
    """How many days of each kind of state are kept, counted back from the newest judged business date; see docs/runbooks/retention.md.

    `landed_days` counts for landed files with all that was made of them (lake, quarantine, gates); null keeps them for ever.
    """

    landed_days: int | None = _within(Range(400, 36600), None)
    publication_days: int = _within(DAYS, 90)
    work_days: int = _within(DAYS, 7)
    log_days: int = _within(DAYS, 30)
    health_days: int = _within(DAYS, 400)


@dataclass(frozen=True)
class Policy:
    """All that people decide, by subject. `digest` identifies it in every plan; retention changes no plan and is not in it."""

    service: ServicePolicy = field(default_factory=ServicePolicy)
    finance: FinancePolicy = field(default_factory=FinancePolicy)
    planning: PlanningPolicy = field(default_factory=PlanningPolicy)
    terms: TermsPolicy = field(default_factory=TermsPolicy)
    disposition: DispositionPolicy = field(default_factory=DispositionPolicy)
    approval: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    kpi: KpiPolicy = field(default_factory=KpiPolicy)
    alerts: AlertPolicy = field(default_factory=AlertPolicy)
    feedback: FeedbackPolicy = field(default_factory=FeedbackPolicy)
    gate: GatePolicy = field(default_factory=GatePolicy)
    retention: RetentionPolicy = field(default_factory=RetentionPolicy)

    @property
    def digest(self) -> str:
        """sha256 over the canonical JSON of every value that a plan may depend on."""
        values = {name: value for name, value in asdict(self).items() if name != "retention"}
        return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def to_values(self) -> dict[str, Any]:
        """Nested plain values that `parse_policy` reads back.

        >>> Policy(gate=GatePolicy(severity=(("fresh", "off"),))).to_values()["gate"]["severity"]
        {'fresh': 'off'}
        """
        values = asdict(self)
        values["gate"]["severity"] = dict(self.gate.severity)
        values["alerts"]["by_category"] = {category: dict(limits) for category, limits in self.alerts.by_category}
        return values
