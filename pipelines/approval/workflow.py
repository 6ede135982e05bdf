"""Which decisions follow from the verdicts of the rules. Only proposed lines are decided on; nothing is stored here."""

from dataclasses import dataclass

import pandas as pd

from pipelines.approval.rules import judge_lines
from pipelines.domain.frames import each_row
from pipelines.domain.policy import Policy
from pipelines.domain.transfer import LineAction, LineState

POLICY_ACTOR = "policy"


@dataclass(frozen=True)
class DecisionsDue:
    """What the policy decides now (`line_ids`, one reason each) and what waits for a person (with the rule that asks)."""

    line_ids: tuple[str, ...]
    action: LineAction
    actor: str
    reasons: dict[str, str]
    waiting: pd.DataFrame


def decisions_due(lines: pd.DataFrame, policy: Policy) -> DecisionsDue:
    """The policy's decisions on `lines` (all lines of a plan with their `state`); again after they are stored: none.

    `waiting` has the columns of `judge_lines` for the proposed lines that need a person.
    """
    proposed = lines.loc[lines["state"] == str(LineState.PROPOSED), "line_id"]
    verdicts = judge_lines(lines, policy.approval)
    verdicts = verdicts[verdicts["line_id"].isin(proposed)]
    approved = verdicts[verdicts["verdict"] == "approve"]
    reasons = {row.line_id: f"{row.rule}: {row.sentence}" for row in each_row(approved)}
    waiting = verdicts[verdicts["verdict"] == "needs_person"].reset_index(drop=True)
    return DecisionsDue(tuple(sorted(reasons)), LineAction.APPROVE, f"{POLICY_ACTOR}:{policy.digest[:12]}", reasons, waiting)
