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
from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import Policy
from pipelines.machine.writing import write_bytes
from pipelines.twin.simulate import Twin

BASE = "none"
SHOWN = ("fill_rate", "lost_margin_usd", "transfer_cost_usd", "holding_cost_usd", "transfer_lines", "transfer_units")
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


def run(wanted: Wanted, folder: Path, workers: int, tell: Tell) -> list[dict[str, Any]]:
    """Play what `folder` does not hold yet, writing a file for each result as it comes; returns the rows wanted, in order.

    A row: world, sample, items, weeks, contender and the totals of `twin.metrics.summarise`; its file bears its key. Raises
    `InputRefused` for a file that is not a result.
    """
    pairs = [(yardstick, name) for yardstick in wanted.yardsticks for name in wanted.contenders]
    files = {pair: folder / f"{wanted.key(*pair)}.json" for pair in pairs}
    done = {pair: _read(file) for pair, file in files.items() if file.exists()}
    todo = [pair for pair in pairs if pair not in done]
    if todo:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for yardstick, played in _play_all(wanted, todo, pool, workers):
                pair = (yardstick, played.contender)
                done[pair] = {**asdict(yardstick), "contender": played.contender, **played.totals}
                write_bytes("export.file", files[pair], (json.dumps(done[pair], indent=1, sort_keys=True) + "\n").encode())
                tell(f"{yardstick.world} {yardstick.sample}: {played.contender}", len(done) / len(pairs))
    return [done[pair] for pair in pairs]


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


def _read(file: Path) -> dict[str, Any]:
    try:
        row = json.loads(file.read_text(encoding="utf-8"))
        return {name: row[name] for name in ("world", "sample", "contender", "total_cost_usd", *SHOWN)} | row
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputRefused(f"{file}: not a result of a backtest ({type(error).__name__}); remove it, and it is played again") from None


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
            **{name: mean(row[name] for _, row in pairs) for name in SHOWN},
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
