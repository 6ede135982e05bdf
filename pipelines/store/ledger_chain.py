"""The append-only trail of decisions, each row sealed with sha256 over itself and the row before it.

Who may decide what, and when, is settled before rows come here.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from pipelines.store.ledger_tables import chain_heads, decisions, plan_lines

FIRST_HASH = "0" * 64
_CHAIN = "decisions"
_SEALED = tuple(c.name for c in decisions.columns if c.name not in ("prev_hash", "row_hash"))


@dataclass(frozen=True)
class ChainCheck:
    """Result of verifying the chain: `problems` is empty when nothing was edited, added or removed."""

    rows: int
    head_hash: str
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True when every row and every line agree with the chain."""
        return not self.problems


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, dates as ISO text: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def digest_of(value: Any) -> str:
    """sha256 of the canonical JSON.

    >>> digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def seal(row: Mapping[str, Any], prev_hash: str) -> str:
    """Hash of a decision row: sha256(previous hash + canonical JSON of every other column)."""
    return hashlib.sha256((prev_hash + canonical_json({name: row[name] for name in _SEALED})).encode()).hexdigest()


def append_decisions(connection: sa.Connection, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Seal and append `rows` (all columns but seq and hashes), and move the lines they are about. Returns the full rows.

    The caller's transaction makes the rows, the lines and the head of the chain change together.
    """
    head = connection.execute(sa.select(chain_heads).where(chain_heads.c.chain == _CHAIN)).one()
    seq, prev_hash = head.rows, head.head_hash
    sealed: list[dict[str, Any]] = []
    for row in rows:
        seq += 1
        full = {**row, "seq": seq, "prev_hash": prev_hash}
        full["row_hash"] = prev_hash = seal(full, full["prev_hash"])
        sealed.append(full)
    if not sealed:
        return []
    connection.execute(sa.insert(decisions), sealed)
    connection.execute(sa.update(chain_heads).where(chain_heads.c.chain == _CHAIN).values(rows=seq, head_hash=prev_hash))
    last = {(row["run_id"], row["line_id"]): row for row in sealed}
    connection.execute(
        sa.update(plan_lines)
        .where(plan_lines.c.run_id == sa.bindparam("of_run"), plan_lines.c.line_id == sa.bindparam("of_line"))
        .values(state=sa.bindparam("now"), qty_now_units=sa.bindparam("units_now"), transfer_id=sa.bindparam("transfer")),
        [
            {"of_run": run_id, "of_line": line_id, "now": row["to_state"], "units_now": row["qty_units"], "transfer": row["transfer_id"]}
            for (run_id, line_id), row in last.items()
        ],
    )
    return sealed


def verify_chain(connection: sa.Connection) -> ChainCheck:
    """Recompute every hash and compare every line with its last decision.

    Finds an edited, inserted, re-ordered or removed row anywhere, the last one included: the head and the lines remember it.
    Whoever can rewrite the whole database can rewrite the chain as well: keep the head hash somewhere else.
    """
    problems: list[str] = []
    prev_hash, expected_seq = FIRST_HASH, 0
    last: dict[tuple[str, str], Any] = {}
    # Dates are read as stored: a forged one need not be a date at all.
    as_stored = [sa.type_coerce(c, sa.String).label(c.name) if isinstance(c.type, sa.Date) else c for c in decisions.columns]
    for found in connection.execute(sa.select(*as_stored).order_by(decisions.c.seq)):
        row = dict(found._mapping)
        expected_seq += 1
        if row["seq"] != expected_seq:
            problems.append(f"decision {expected_seq} is missing: found {row['seq']} in its place")
            expected_seq = row["seq"]
        if row["prev_hash"] != prev_hash:
            problems.append(f"decision {row['seq']} does not follow the row before it")
        if row["row_hash"] != seal(row, row["prev_hash"]):
            problems.append(f"decision {row['seq']} (line {row['line_id']}, {row['action']}) was changed after it was written")
        problems.extend(_broken_step(row, last.get((row["run_id"], row["line_id"]))))
        last[(row["run_id"], row["line_id"])] = row
        prev_hash = row["row_hash"]
    problems.extend(_head_problems(connection, expected_seq, prev_hash))
    problems.extend(_line_problems(connection, last))
    return ChainCheck(expected_seq, prev_hash, tuple(problems))


def _broken_step(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[str]:
    came_from = "proposed" if before is None else before["to_state"]
    if row["from_state"] == came_from:
        return []
    return [f"decision {row['seq']} starts from {row['from_state']}, but line {row['line_id']} was {came_from}"]


def _head_problems(connection: sa.Connection, rows: int, head_hash: str) -> list[str]:
    head = connection.execute(sa.select(chain_heads).where(chain_heads.c.chain == _CHAIN)).one_or_none()
    if head is None:
        return ["the head of the chain is missing"]
    if (head.rows, head.head_hash) != (rows, head_hash):
        return [f"the chain ends at decision {rows}, its head remembers {head.rows} ending in {head.head_hash[:12]}"]
    return []


def _line_problems(connection: sa.Connection, last: dict[tuple[str, str], Any]) -> list[str]:
    problems = []
    seen = set()
    columns = (plan_lines.c.run_id, plan_lines.c.line_id, plan_lines.c.state, plan_lines.c.qty_now_units, plan_lines.c.transfer_id)
    for line in connection.execute(sa.select(*columns).order_by(plan_lines.c.run_id, plan_lines.c.line_id)):
        seen.add((line.run_id, line.line_id))
        row = last.get((line.run_id, line.line_id))
        decided = ("proposed", 0, None) if row is None else (row["to_state"], row["qty_units"], row["transfer_id"])
        if (line.state, line.qty_now_units, line.transfer_id) != decided:
            problems.append(f"line {line.line_id} says {line.state}, its last decision says {decided[0]}")
    return problems + [f"line {line_id} of run {run_id} is gone, its decisions are not" for run_id, line_id in sorted(set(last) - seen)]


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"cannot be written as JSON: {value!r}")
