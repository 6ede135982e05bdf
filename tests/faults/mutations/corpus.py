"""All operators, and one run of the corpus: cases planned from a seed, judged with and without a manifest, and a table of the outcomes."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.mutations import (  # noqa: F401 - they register themselves
    bytes_on_the_way,
    calendar_faults,
    columns_mixed,
    figures,
    harmless_variants,
    identifiers,
    joins,
    mixed_up,
    numerals,
    selections,
    spreadsheets,
    structure,
    units,
    whole_files,
)
from tests.faults.mutations.judge import EQUAL, MANIFESTS, OUTCOMES, Outcome, judge
from tests.faults.mutations.night import CleanNight
from tests.faults.mutations.sheet import OPERATORS, plan_cases

__all__ = ["OPERATORS", "Judged", "Tally", "run_corpus"]


@dataclass(frozen=True)
class Judged:
    """One mutated file and its outcome by manifest."""

    operator: str
    feed: str
    seed: int
    outcomes: dict[str, Outcome]


@dataclass
class Tally:
    """Outcomes of a corpus."""

    judged: list[Judged] = field(default_factory=list)

    def wrong(self, manifest: str) -> list[Judged]:
        return [one for one in self.judged if one.outcomes[manifest].is_wrong]

    def share_of_harmless_accepted(self) -> float:
        """Harmless files that gave every row, without a manifest, which would be about other bytes."""
        harmless = [one for one in self.judged if OPERATORS[one.operator].is_harmless]
        return sum(one.outcomes["none"].kind == EQUAL for one in harmless) / max(1, len(harmless))

    def table(self) -> str:
        """Outcomes without a manifest by operator, then totals by manifest."""
        by: dict[str, Counter[str]] = {}
        for one in self.judged:
            by.setdefault(one.operator, Counter())[one.outcomes["none"].kind] += 1
        kinds = {name: OPERATORS[name].kind for name in by}
        head = f"{'operator':<44}{'kind':<11}" + "".join(f"{kind:>15}" for kind in OUTCOMES)
        lines = [f"{name:<44}{kinds[name]:<11}" + _counts(by[name]) for name in sorted(by, key=lambda name: (kinds[name], name))]
        totals = [
            f"{'all files, manifest: ' + manifest:<55}" + _counts(Counter(one.outcomes[manifest].kind for one in self.judged))
            for manifest in MANIFESTS
        ]
        harmless = f"harmless variants accepted without a manifest: {self.share_of_harmless_accepted():.1%}"
        return "\n".join([head, *lines, "", *totals, harmless])


def _counts(counts: Counter[str]) -> str:
    return "".join(f"{counts[kind] or '.':>15}" for kind in OUTCOMES)


def make_files(night: CleanNight, seed: int, count: int) -> Iterator[tuple[str, str, int, bytes]]:
    """`count` mutated files: operator, feed, seed and bytes. Where an operator does not apply to a feed, the next feed gets it."""
    feeds, made, skip = night.feeds, 0, 0
    while made < count:
        for name, first, luck in plan_cases(seed + skip, count, feeds):
            start = feeds.index(first)
            for feed in [*feeds[start:], *feeds[:start]]:
                data = OPERATORS[name].mutate(night.case(feed, random.Random(luck)))
                if data is not None:
                    yield name, feed, luck, data
                    made += 1
                    break
            if made == count:
                return
        skip += 1_000_003


def run_corpus(night: CleanNight, seed: int, count: int, part: slice = slice(None)) -> Tally:
    """Judge `count` mutated files, or a part of them: without a manifest, with its totals, with the whole one of the clean file."""
    tally = Tally()
    for name, feed, luck, data in list(make_files(night, seed, count))[part]:
        tally.judged.append(Judged(name, feed, luck, judge(night, feed, data)))
    return tally
