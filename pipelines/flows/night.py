"""From the store to a publication: each step reads, thinks and writes. dbt builds facts and decisions between them, in the shells."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.policy import Policy
from pipelines.flows.frozen import add_worth, read_frozen
from pipelines.flows.intake import gated_files
from pipelines.flows.last_plan import last_digest, last_lines, last_prices
from pipelines.flows.past_forecasts import keep_forecast, name_past_forecasts, name_past_triggers
from pipelines.flows.provenance import describe_inputs, describe_outputs, digest_known
from pipelines.flows.run import FEEDS, OPTIONAL_FEEDS, Run, versions
from pipelines.flows.solving import solve_apart
from pipelines.flows.triggered import LEFT_OUT

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.store.publication import Publication

PUBLISHED = (
    *("plan.json", "problem.json", "explanations.json", "audit.json", "inputs.json"),
    *("plan_lines.parquet", "line_facts.parquet", "limit_prices.parquet", "shortages.parquet", "dispositions.parquet"),
)


def build_store(run: Run) -> Path:
    """Name the run by everything it reads, and build its fresh store: views on the lake, parameters, the ledger's lines."""
    from pipelines.extracts.lake.corrections import record_partitions
    from pipelines.extracts.lake.partitions import current_files, lake_digest
    from pipelines.store.warehouse import create_store

    if run.is_rebuild:
        files = {feed: current_files(run.home.lake, feed, run.as_of) for feed in FEEDS}
    else:
        files = {feed: gated_files(run.home, feed, run.as_of) for feed in FEEDS}
    inputs = {feed: lake_digest(found) for feed, found in files.items() if found or feed not in OPTIONAL_FEEDS}
    identity = identify_run(run, inputs, read_frozen(run.home, run.as_of)["pairs"])
    past: dict[str, Any] = {"forecasts": name_past_forecasts(run), "triggers": name_past_triggers(run)}
    past["overrides"] = run.ledger.override_digest(run.as_of)
    identity |= {part: named for part, named in past.items() if named}
    restricted = {"items": list(run.items)} if run.items else {}
    identity |= restricted
    run_id = digest_known(identity)
    store = run.work.begin(run.attempt, run_id, run.as_of)
    lines = run.ledger.transfer_lines(run.as_of)
    lake = {feed: [file.path for file in found] for feed, found in files.items()}
    create_store(store, lake, _parameters(run, run_id), {"ledger_transfer_lines": lines, "alert_bands": _alert_bands(run)})
    read = {feed: record_partitions(found) for feed, found in files.items()}
    known = {"inputs": inputs, "policy": run.policy.digest, "seed": run.seed, "versions": versions(), "partitions": read}
    run.work.write_json("inputs", known | restricted)
    run.work.write_json("provenance", describe_inputs(run, identity, files))
    run.work.finish("store")
    return store


def identify_run(run: Run, inputs: dict[str, str], frozen: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Everything the run is a function of, of which its id is the digest; of frozen pairs not their worth."""
    known: dict[str, Any] = {
        "as_of": run.as_of.isoformat(),
        "inputs": inputs,
        "ledger": run.ledger.ledger_digest(run.as_of),
        "feedback": run.ledger.feedback_digest(run.as_of),
        "policy": run.policy.digest,
        "seed": run.seed,
        "versions": versions(),
    }
    if frozen:
        known["frozen"] = _frozen_list(frozen)
    if run.policy.terms.churn_usd_per_unit > 0:
        known["last_plan"] = last_digest(run)
    if prices := last_prices(run):
        known["last_prices"] = digest_known(prices)
    return known


def learn(run: Run) -> dict[str, Any]:
    """Learn lead times, yields and exposure from what is known at `as_of`; the ledger's rows are valid from the next day."""
    from pipelines.feedback.learn import learn as learn_parameters
    from pipelines.store.warehouse import read_mart

    run.work.require("facts")
    marts = {name: read_mart(run.work.store, name) for name in ("fct_transfers", "dim_lane", "dim_location", "fct_stock_daily")}
    previous = run.ledger.feedback_at(run.as_of)
    rows = learn_parameters(*marts.values(), previous, run.as_of, run.policy, run.work.run_id)
    return {"learned": len(rows), "rows_added": run.ledger.append_feedback(rows, run.as_of)}


def make_plan(run: Run) -> dict[str, Any]:
    """Build the planning case, solve it, explain it and hand the lines to the store; returns the plan's header."""
    from pipelines.planning.disposition import dispositions
    from pipelines.planning.explain import plan_lines
    from pipelines.planning.line_facts import PlanView, line_facts, price_frame
    from pipelines.planning.problem import Problem
    from pipelines.planning.shortages import shortages
    from pipelines.planning.stories import explain_lines
    from pipelines.store.warehouse import put_tables

    run.work.require("forecast")
    case = _read_case(run)
    problem = Problem.from_json(case.problem, "planning case")
    plan = solve_apart(case.problem, _solve_options(run), source="planning case", last_prices=last_prices(run))
    view = PlanView.of(case, plan, problem)
    lines = plan_lines(case, plan, run.work.run_id, view)
    frozen = _value_frozen(run, case, plan)
    run.work.write_json("problem", case.problem)
    run.work.write_json("plan", plan.to_json() | ({"frozen": frozen} if frozen else {}))
    run.work.write_json("explanations", explain_lines(case, plan, lines, view))
    run.work.write_frame("plan_lines", lines)
    run.work.write_frame("line_facts", line_facts(view, lines))
    run.work.write_frame("limit_prices", price_frame(view))
    run.work.write_frame("shortages", shortages(case, plan, view))
    ladder = dispositions(view, lines)
    run.work.write_frame("dispositions", ladder)
    put_tables(run.work.store, {"plan_lines": lines, "dispositions": ladder})
    run.work.finish("plan")
    return {
        "status": plan.status,
        "lines": len(lines),
        "objective_usd": plan.objective_usd,
        "gap_share": plan.gap_share,
        "dispositions": len(ladder),
    }


def _value_frozen(run: Run, case: Any, plan: Any) -> list[dict[str, Any]]:
    """Tell the date's frozen document what freeing each item-location may bring, and list them for the plan."""
    from pipelines.flows.intake import save_frozen
    from pipelines.planning.frozen import value_frozen

    frozen = read_frozen(run.home, run.as_of)
    if not frozen["pairs"]:
        return []
    save_frozen(run.home, run.as_of, add_worth(frozen, value_frozen(case, plan)))
    return _frozen_list(frozen["pairs"])


def _frozen_list(pairs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Item-locations and reasons in order, which is what a plan depends on."""
    listed = [{name: entry[name] for name in ("item_id", "location_id", "reasons", "rows")} for entry in pairs]
    return sorted(listed, key=lambda entry: (entry["item_id"], entry["location_id"]))


def audit(run: Run) -> dict[str, Any]:
    """Recompute the plan from the documents as written. A plan with a violation, or none at all, goes no further."""
    from pipelines.planning.audit import audit_plan

    run.work.require("plan")
    report = audit_plan(run.work.read_json("problem"), run.work.read_json("plan"))
    found = [f"{v.clause} {v.subject}: {v.message}" for v in report.violations]
    run.work.write_json(
        "audit", {"ok": report.ok, "signature": report.signature, "objective_usd": report.objective_usd, "violations": found}
    )
    if report.ok:
        run.work.finish("audit")
    return run.work.read_json("audit")


def publish_run(run: Run) -> "Publication":
    """Publish marts, plan and their manifest under one run id, and propose the plan's lines in the ledger.

    What was published is what is proposed: a solver that a clock stopped may find another plan when the same run is repeated.
    """
    import pandas as pd

    from pipelines.store.ledger import RunRecord
    from pipelines.store.publication import publish

    for step in ("audit", "decisions"):
        run.work.require(step)
    files = {name: run.work.folder / name for name in PUBLISHED}
    log = {"attempt": run.attempt}
    done = publish(run.home.published, run.work.run_id, run.as_of, run.work.store, files, _manifest(run), log)
    document = (done.path / "plan.json").read_bytes()
    plan, lines = json.loads(document), pd.read_parquet(done.path / "plan_lines.parquet")
    provenance = run.work.read_json("provenance") | describe_outputs(done)
    figures = plan["status"], plan["objective_usd"], plan["gap_share"]
    record = RunRecord(run.work.run_id, run.as_of, *figures, provenance=provenance, items=run.items)
    keep_forecast(run)
    run.ledger.propose(record, lines, hashlib.sha256(document).hexdigest(), run.decided_at)
    run.work.finish("publication")
    return done


def _manifest(run: Run) -> dict[str, Any]:
    plan = run.work.read_json("plan")
    manifest = {name: plan[name] for name in ("status", "objective_usd", "bound_usd", "bound_kind", "gap_share")}
    return manifest | {
        "plan_digest": hashlib.sha256((run.work.folder / "plan.json").read_bytes()).hexdigest(),
        "lines": len(run.work.read_frame("plan_lines")),
        "signature": run.work.read_json("audit")["signature"],
        **{name: value for name, value in run.work.read_json("inputs").items() if name != "partitions"},
    }


def _read_case(run: Run) -> Any:
    from pipelines.feedback.learn import lane_parameters
    from pipelines.planning.frozen import name_frozen
    from pipelines.planning.inputs import build_case
    from pipelines.store.warehouse import read_mart

    marts = {name: read_mart(run.work.store, name) for name in ("fct_plan_inputs", "fct_inbound", "dim_item", "dim_location", "dim_lane")}
    return build_case(
        marts["fct_plan_inputs"],
        marts["fct_inbound"],
        run.work.read_frame("forecast_weekly"),
        run.work.read_frame("forecast_summary"),
        marts["dim_item"],
        marts["dim_location"],
        marts["dim_lane"],
        lane_parameters(marts["dim_lane"], run.ledger.feedback_at(run.as_of), marts["dim_location"]),
        run.ledger.transfer_lines(run.as_of),
        policy_of_finance(run),
        run.as_of,
        _left_out(run, marts["fct_plan_inputs"]) | name_frozen(read_frozen(run.home, run.as_of)["pairs"]),
        _term_facts(run),
        read_mart(run.work.store, "dim_finance", ["location_id", "category", "lost_sale_penalty_usd_per_unit"]),
    )


def _left_out(run: Run, stock: Any) -> dict[tuple[str, str], str]:
    """Item-locations (item, location) that a restricted plan is not about: they neither give nor take, their firm lines stay."""
    if not run.items:
        return {}
    others = stock[~stock["item_id"].isin(run.items)]
    return dict.fromkeys(zip(others["item_id"], others["location_id"], strict=True), LEFT_OUT)


def _term_facts(run: Run) -> Any:
    """What the terms that the policy switches on read beyond the plan's own marts."""
    from pipelines.planning.case_terms import TermFacts
    from pipelines.store.warehouse import read_mart

    return TermFacts(
        events=read_mart(run.work.store, "fct_events"),
        last_lines=last_lines(run) if run.policy.terms.churn_usd_per_unit > 0 else None,
    )


def policy_of_finance(run: Run) -> Policy:
    """The policy, with the weekly budget for transfers that finance sets in its place if it sets one."""
    from pipelines.store.warehouse import read_mart

    budget = read_mart(run.work.store, "dim_finance", ["transfer_budget_usd_per_week"])["transfer_budget_usd_per_week"].max()
    if not budget >= 0:  # no row, or no figure in it
        return run.policy
    return replace(run.policy, planning=replace(run.policy.planning, weekly_budget_usd=float(budget)))


def _solve_options(run: Run) -> Any:
    from pipelines.planning.solve import SolveOptions

    limits = run.policy.planning
    return SolveOptions(limits.time_limit_s, limits.gap_share, limits.node_limit, limits.exact_arcs_limit, run.seed)


def _alert_bands(run: Run) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(run.policy.alerts.bands(), columns=["category", "kpi", "lower_limit", "upper_limit", "hysteresis_share"])


def _parameters(run: Run, run_id: str) -> Any:
    from pipelines.store.warehouse import RunParameters

    service, finance, kpi = run.policy.service, run.policy.finance, run.policy.kpi
    return RunParameters(
        as_of=run.as_of,
        run_id=run_id,
        window_days=kpi.window_days,
        slow_moving_days=kpi.slow_moving_days,
        capital_rate=finance.capital_rate,
        insurance_rate=finance.insurance_rate,
        obsolescence_rate=finance.obsolescence_rate,
        service_a=service.target_a_share,
        service_b=service.target_b_share,
        service_c=service.target_c_share,
        review_period_days=service.review_period_days,
        supplier_lead_time_days=service.default_supplier_lead_time_days,
    )
