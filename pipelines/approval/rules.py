"""The rules of automatic approval: exactly one rule decides each line, and says so in a sentence.

Trucks and minimum shipments are a lane's, so the lines of a lane are approved together or not at all. Thresholds come from the
policy; states and roles are not looked at here.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from pipelines.domain.policy import ApprovalPolicy

Verdict = Literal["approve", "needs_person"]
VERDICT_COLUMNS = ("line_id", "verdict", "rule", "sentence")


@dataclass(frozen=True)
class Rule:
    """A named reason to ask a person. `breaks` is true when the line breaks it, `says` words it with the line's numbers."""

    name: str
    breaks: Callable[[Mapping[str, Any], ApprovalPolicy], bool]
    says: Callable[[Mapping[str, Any], ApprovalPolicy], str]


def _exceeds(value: Any, limit: float) -> bool:
    # An unknown number never passes a limit: what cannot be judged goes to a person.
    return value is None or math.isnan(float(value)) or float(value) > limit


def _pays_too_little(line: Mapping[str, Any], policy: ApprovalPolicy) -> bool:
    benefit, cost = line.get("benefit_usd"), line.get("cost_usd")
    if benefit is None or cost is None or math.isnan(float(benefit)) or math.isnan(float(cost)):
        return True
    return float(benefit) < policy.min_benefit_cost_ratio * float(cost)


RULES: tuple[Rule, ...] = (
    Rule(
        "policy_asks_people",
        lambda _line, policy: not policy.auto_approve,
        lambda _line, _policy: "The policy leaves every line to a person.",
    ),
    Rule(
        "line_cost",
        lambda line, policy: _exceeds(line.get("cost_usd"), policy.max_line_cost_usd),
        lambda line, policy: f"Costs {_usd(line.get('cost_usd'))}, above the limit of {_usd(policy.max_line_cost_usd)}.",
    ),
    Rule(
        "line_value",
        lambda line, policy: _exceeds(line.get("benefit_usd"), policy.max_line_value_usd),
        lambda line, policy: f"Is worth {_usd(line.get('benefit_usd'))}, above the limit of {_usd(policy.max_line_value_usd)}.",
    ),
    Rule(
        "donor_share",
        lambda line, policy: _exceeds(line.get("donor_share"), policy.max_donor_share),
        lambda line, policy: (
            f"The plan takes {_share(line.get('donor_share'))} of what {line['origin']} has, "
            f"above the limit of {_share(policy.max_donor_share)}."
        ),
    ),
    Rule(
        "benefit_cost_ratio",
        _pays_too_little,
        lambda line, policy: (
            f"Gains {_usd(line.get('benefit_usd'))} for {_usd(line.get('cost_usd'))}, "
            f"less than {policy.min_benefit_cost_ratio:g} times its cost."
        ),
    ),
)
WITHIN_LIMITS = "within_limits"
LANE_WAITS = "lane_waits"


def judge_line(line: Mapping[str, Any], policy: ApprovalPolicy) -> tuple[Verdict, str, str]:
    """Verdict, rule and sentence for one plan line by itself (money in USD, shares of 1); the first rule it breaks decides.

    `donor_share` is what the plan takes from the origin of this item, over all its lines. A line that breaks no rule is approved
    by the rule `within_limits`, unless its lane waits, which `judge_lines` sees.

    >>> line = {"origin": "A", "cost_usd": 40.0, "benefit_usd": 90.0, "donor_share": 0.25}
    >>> judge_line(line, ApprovalPolicy())
    ('approve', 'within_limits', 'Gains 90.00 USD for 40.00 USD and the plan takes 25 % of what A has: within every limit.')
    >>> judge_line({**line, "cost_usd": 260.0}, ApprovalPolicy())[:2]
    ('needs_person', 'line_cost')
    """
    for rule in RULES:
        if rule.breaks(line, policy):
            return "needs_person", rule.name, rule.says(line, policy)
    sentence = (
        f"Gains {_usd(line['benefit_usd'])} for {_usd(line['cost_usd'])} and the plan takes {_share(line['donor_share'])} "
        f"of what {line['origin']} has: within every limit."
    )
    return "approve", WITHIN_LIMITS, sentence


def judge_lines(lines: pd.DataFrame, policy: ApprovalPolicy) -> pd.DataFrame:
    """One row per plan line: line_id, verdict (approve | needs_person), rule, sentence; ordered by line id.

    `lines` is a whole plan: `donor_share` is added up over its lines of the same origin and item, and a lane waits as a whole for
    the person that one of its lines needs. Which lines were decided on since changes nothing.
    """
    plan = lines.sort_values("line_id").assign(donor_share=_taken_share(lines))
    judged = [(line, *judge_line(line, policy)) for line in plan.to_dict("records")]
    asks: dict[str, str] = {}
    for line, verdict, rule, sentence in judged:
        if verdict == "needs_person":
            asks.setdefault(
                line["lane_id"], f"Waits with its lane {line['lane_id']}: line {line['line_id']} needs a person ({rule}: {sentence})"
            )
    rows = [
        (line["line_id"], "needs_person", LANE_WAITS, asks[line["lane_id"]])
        if verdict == "approve" and line["lane_id"] in asks
        else (line["line_id"], verdict, rule, sentence)
        for line, verdict, rule, sentence in judged
    ]
    return pd.DataFrame(rows, columns=list(VERDICT_COLUMNS))


def _taken_share(lines: pd.DataFrame) -> pd.Series:
    """Share of what the origin has of the item that all lines take together; one unknown share makes the sum unknown."""
    shares = pd.to_numeric(lines["donor_share"]).astype("float64")
    places = [lines["origin"], lines["item_id"]]
    unknown = shares.isna().groupby(places).transform("any")
    # Shares carry six digits; without rounding, three times 0.2 is more than 0.6.
    return shares.groupby(places).transform("sum").round(6).mask(unknown)


def _usd(value: Any) -> str:
    return "an unknown sum" if _exceeds(value, math.inf) else f"{float(value):,.2f} USD"


def _share(value: Any) -> str:
    return "an unknown share" if _exceeds(value, math.inf) else f"{100 * float(value):.0f} %"
