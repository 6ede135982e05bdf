"""Plays contenders on several samples, keeps every result as it comes, and compares totals in pairs. Nothing is drawn or printed here."""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from pipelines.backtest.play import Played, play
from pipelines.backtest.policies import CONTENDERS
from pipelines.backtest.worlds import Yardstick, start
from pipelines.domain.policy import Policy
from pipelines.twin.simulate import Twin

BASE = "none"
Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class Wanted:
    """What to play: every contender on every yardstick under one policy; `versions` of what decides figures."""

    yardsticks: tuple[Yardstick, ...]
    contenders: tuple[str, ...]
    policy: Policy
    real_data: Path | None
    versions: dict[str, str]

    def key(self, yardstick: Yardstick, contender: str) -> str:
        """Identity of one result: the same key, the same totals."""
        known = {"yardstick": asdict(yardstick), "contender": contender, "policy": self.policy.digest, "versions": self.versions}
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def run(wanted: Wanted, results: Path, workers: int, tell: Tell) -> list[dict[str, Any]]:
    """Play what `results` (JSON lines) does not hold yet, adding a line for each; returns the rows wanted, in order.

    A row: key, world, sample, items, weeks, contender and the totals of `twin.metrics.summarise`.
    """
    done = {row["key"]: row for row in _read(results)}
    todo = [(y, name) for y in wanted.yardsticks for name in wanted.contenders if wanted.key(y, name) not in done]
    total = len(wanted.yardsticks) * len(wanted.contenders)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool, results.open("a", encoding="utf-8") as file:
        for yardstick, played in _play_all(wanted, todo, pool, workers):
            row = {"key": wanted.key(yardstick, played.contender), **asdict(yardstick), "contender": played.contender, **played.totals}
            done[row["key"]] = row
            file.write(json.dumps(row, sort_keys=True) + "\n")
            file.flush()
            tell(f"{yardstick.world} {yardstick.sample}: {played.contender}", len(done) / max(total, len(done)))
    return [done[wanted.key(y, name)] for y in wanted.yardsticks for name in wanted.contenders]


def _play_all(
    wanted: Wanted, todo: list[tuple[Yardstick, str]], pool: ProcessPoolExecutor, workers: int
) -> Iterator[tuple[Yardstick, Played]]:
    """Results as they come; a world is made once, and only when its turn comes."""
    running: dict[Future[Played], Yardstick] = {}
    twin: Twin | None = None
    for at, (yardstick, name) in enumerate(todo):
        if twin is None or yardstick != todo[at - 1][0]:
            twin = start(yardstick, wanted.real_data)
        running[pool.submit(_play, twin, name, wanted.policy, yardstick.weeks)] = yardstick
        while len(running) > workers:
            yield from _ended(running)
    while running:
        yield from _ended(running)


def _ended(running: dict[Future[Played], Yardstick]) -> Iterator[tuple[Yardstick, Played]]:
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        yield running.pop(future), future.result()


def _play(twin: Twin, name: str, policy: Policy, weeks: int) -> Played:
    return play(twin, CONTENDERS[name], policy, weeks)


def _read(results: Path) -> list[dict[str, Any]]:
    """Rows of an earlier run; a last line that was cut off is left out."""
    rows = []
    for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def compare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per world and contender: total cost as a share of no transfers on the same sample, mean over samples and half its 95 % interval.

    Rows without their `none` are left out. `half_share` is None for a single sample; `won` counts samples cheaper than no transfers.
    """
    base = {(row["world"], row["sample"]): row["total_cost_usd"] for row in rows if row["contender"] == BASE}
    found: dict[tuple[str, str], list[tuple[float, dict[str, Any]]]] = {}
    for row in rows:
        if before := base.get((row["world"], row["sample"])):
            found.setdefault((row["world"], row["contender"]), []).append((row["total_cost_usd"] / before, row))
    return [
        {
            "world": world,
            "contender": contender,
            "samples": len(pairs),
            "cost_share": mean(share for share, _ in pairs),
            "half_share": half_width([share for share, _ in pairs]),
            "won": sum(share < 1 for share, _ in pairs),
            **{
                name: mean(row[name] for _, row in pairs)
                for name in ("fill_rate", "lost_margin_usd", "transfer_cost_usd", "holding_cost_usd")
            },
            "lines": mean(row["transfer_lines"] for _, row in pairs),
            "units": mean(row["transfer_units"] for _, row in pairs),
        }
        for (world, contender), pairs in found.items()
    ]


def half_width(values: list[float]) -> float | None:
    """Half the 95 % interval of a mean by Student's t; None from fewer than two.

    >>> round(half_width([1.0, 3.0]), 3), half_width([2.0])
    (12.706, None)
    """
    from scipy.stats import t

    return float(t.ppf(0.975, len(values) - 1)) * stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
