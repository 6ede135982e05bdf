"""The planning policy: every number that people choose, in one typed, hashed value.

No defaults are hidden elsewhere. Reading a policy from a file is the shells' business.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

from pipelines.domain.errors import InputRefused


@dataclass(frozen=True)
class ServicePolicy:
    """Service targets by ABC class, as probability of no stock-out over the protection interval."""

    target_a_share: float = 0.98
    target_b_share: float = 0.95
    target_c_share: float = 0.90
    review_period_days: int = 7
    default_supplier_lead_time_days: int = 21


@dataclass(frozen=True)
class FinancePolicy:
    """Yearly rates on inventory value; see the carrying cost KPI."""

    capital_rate: float = 0.12
    insurance_rate: float = 0.03
    obsolescence_rate: float = 0.10


@dataclass(frozen=True)
class PlanningPolicy:
    """The objective and its limits.

    `gamma` discounts losses that a later plan could still avoid, `eta` scales all curve values against costs.
    """

    horizon_weeks: int = 12
    gamma: float = 0.5
    eta: float = 0.5
    max_segments: int = 12
    handling_cost_usd_per_unit: float = 0.0
    weekly_budget_usd: float | None = None
    donor_share_cap: float = 1.0
    pallet_kg: float = 600.0
    pallet_m3: float = 1.8
    pallets_per_truck: int = 26
    gap_share: float = 1e-4
    exact_arcs_limit: int = 2000
    node_limit: int = 20000
    time_limit_s: float = 60.0


@dataclass(frozen=True)
class ApprovalPolicy:
    """A line under every threshold is approved by policy; any other waits for a person."""

    auto_approve: bool = True
    max_line_cost_usd: float = 250.0
    max_line_value_usd: float = 5000.0
    max_donor_share: float = 0.6
    min_benefit_cost_ratio: float = 1.0
    max_plan_age_days: int = 7


@dataclass(frozen=True)
class KpiPolicy:
    """Windows of the KPI marts in days."""

    window_days: int = 28
    slow_moving_days: int = 56


@dataclass(frozen=True)
class FeedbackPolicy:
    """How fast learned parameters may move and how strongly they are shrunk (pseudo-counts)."""

    window_days: int = 112
    lead_time_prior_n: float = 20.0
    yield_prior_units: float = 200.0
    max_step_ratio: float = 2.0


@dataclass(frozen=True)
class GatePolicy:
    """Row-count limits against the trailing median, as shares of change."""

    count_warn_share: float = 0.30
    count_block_share: float = 0.70
    max_quarantine_share: float = 0.05
    trailing_days: int = 28


@dataclass(frozen=True)
class Policy:
    """All that people decide, by subject. `digest` identifies it in every plan."""

    service: ServicePolicy = field(default_factory=ServicePolicy)
    finance: FinancePolicy = field(default_factory=FinancePolicy)
    planning: PlanningPolicy = field(default_factory=PlanningPolicy)
    approval: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    kpi: KpiPolicy = field(default_factory=KpiPolicy)
    feedback: FeedbackPolicy = field(default_factory=FeedbackPolicy)
    gate: GatePolicy = field(default_factory=GatePolicy)

    @property
    def digest(self) -> str:
        """sha256 over the canonical JSON of every value."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def parse_policy(values: dict[str, Any], source: str = "policy") -> Policy:
    """Build a `Policy` from nested mappings, refusing unknown names and wrong types with their path.

    Raises `InputRefused` naming `source`, the key and what is allowed.

    >>> parse_policy({"planning": {"gamma": 0.35}}).planning.gamma
    0.35
    """
    return _parse(Policy, values, source)


def _parse(kind: Any, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise InputRefused(f"{where}: expected a mapping, found {type(values).__name__}")
    known = {f.name: f for f in fields(kind)}
    for name in values:
        if name not in known:
            raise InputRefused(f"{where}: unknown key {name!r}; known keys: {', '.join(sorted(known))}")
    template = kind()
    parsed = {}
    for name, value in values.items():
        default = getattr(template, name)
        path = f"{where}.{name}"
        parsed[name] = _parse(type(default), value, path) if is_dataclass(default) else _check_scalar(default, value, path)
    return kind(**parsed)


def _check_scalar(default: Any, value: Any, path: str) -> Any:
    if isinstance(default, bool) or isinstance(value, bool):
        if isinstance(default, bool) and isinstance(value, bool):
            return value
        raise InputRefused(f"{path}: expected {type(default).__name__}, found {value!r}")
    if default is None and value is None:
        return None
    if isinstance(default, int) and isinstance(value, int):
        accepted = value
    elif isinstance(default, float | None) and isinstance(value, int | float):
        accepted = float(value)
    else:
        raise InputRefused(f"{path}: expected {type(default).__name__}, found {value!r}")
    if accepted < 0 or accepted != accepted or accepted in (float("inf"),):
        raise InputRefused(f"{path}: must be a finite number of zero or more, found {value!r}")
    return accepted
