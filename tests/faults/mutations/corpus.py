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
from tests.faults.mutations.judge import EQUAL, MANIFESTS, OUTCOMES, WARNED, Outcome, judge
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

    def share_of_harmless_accepted(self, manifest: str = "none") -> float:
        """Harmless files that gave every row: without a manifest, or with rows and sums, which are theirs as well. A sha256 is not."""
        harmless = [one for one in self.judged if OPERATORS[one.operator].is_harmless]
        return sum(one.outcomes[manifest].kind == EQUAL for one in harmless) / max(1, len(harmless))

    def share_named(self) -> float:
        """Files whose wrong rows came in and are planned on, each named by a warning."""
        return sum(one.outcomes["none"].kind == WARNED for one in self.judged) / max(1, len(self.judged))

    def share_caught_by_totals(self) -> float:
        """Files with another content that the original's rows and sums alone find out."""
        spoiled = [one for one in self.judged if not OPERATORS[one.operator].is_harmless]
        return sum("the manifest says" in one.outcomes["totals"].why for one in spoiled) / max(1, len(spoiled))

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
        harmless = [self.share_of_harmless_accepted(manifest) for manifest in ("none", "totals")]
        said = (
            f"harmless variants accepted: {harmless[0]:.1%}, with rows and sums of the original {harmless[1]:.1%}; spoiled ones that rows"
        )
        said += (
            f" and sums alone find out: {self.share_caught_by_totals():.1%}; planned on with a warning by name: {self.share_named():.1%}"
        )
        return "\n".join([head, *lines, "", *totals, said])


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
