"""What a sample of an unknown file holds and which columns found a place: units, signs, days, clocks and states among the rest."""

from dataclasses import dataclass

from pipelines.extracts.drafting.draft_dialect import Dialect
from pipelines.extracts.drafting.draft_matching import Match, bare_names, is_one_of
from pipelines.extracts.drafting.draft_values import Numbers, Profile, packed_formats

MOST_STATES = 12


@dataclass(frozen=True)
class Seen:
    """Names and profiles of the source columns, the matches by canonical column, and how most numbers are written."""

    names: tuple[str, ...]
    profiles: list[Profile]
    matches: dict[str, Match]
    numbers: Numbers
    dialect: Dialect
    rows: int
    times: tuple[str, ...] = ()

    def first(self, kind: str) -> int | None:
        """Position of the first column of a kind of `draft_words` that is nothing else."""
        bare = bare_names(self.names)
        free = [n for n in range(len(self.names)) if n not in self.taken]
        return next((n for n in free if is_one_of(self.names[n], kind) or is_one_of(bare[n], kind)), None)

    @property
    def taken(self) -> set[int]:
        """Positions of the columns that found a place."""
        return {match.position for match in self.matches.values()}

    @property
    def units(self) -> int | None:
        """Position of the column that names the unit of the row's quantities."""
        return self.first("unit_columns")

    @property
    def sign(self) -> int | None:
        """Position of the column that says which way a quantity moves."""
        return self.first("sign_columns")

    @property
    def state(self) -> int | None:
        """Position of the column of a few words that may tell good stock from blocked stock."""
        place = self.first("status_columns")
        return place if place is not None and 1 < self.profiles[place].distinct <= MOST_STATES else None

    @property
    def day(self) -> int | None:
        """Position of a column of days alone that is to be a time."""
        places = [match.position for match in self.matches.values() if match.column in self.times]
        return next((place for place in places if self.profiles[place].kind == "date" or self.packed_day(place)), None)

    @property
    def clock(self) -> int | None:
        """Position of a column of times of day that is nothing else, where there is a day for it."""
        if self.day is None:
            return None
        clocks = [n for n, profile in enumerate(self.profiles) if profile.kind == "clock" and n not in self.taken]
        named = self.first("time_columns")
        if clocks or named is None:
            return clocks[0] if clocks else None
        return named if packed_formats(self.profiles[named].words, "clock") else None

    def clock_formats(self, place: int) -> tuple[str, ...]:
        """How the times of day of a column may be written."""
        profile = self.profiles[place]
        return profile.formats if profile.kind == "clock" else packed_formats(profile.words, "clock")

    def packed_day(self, place: int) -> tuple[str, ...]:
        """Formats of days in which the numbers of a column may be written; none if they are no days."""
        return packed_formats(self.profiles[place].words, "date") if self.profiles[place].kind == "number" else ()

    @property
    def unused(self) -> list[str]:
        """Source columns without a place."""
        taken = self.taken | {self.units, self.clock, self.sign}
        return [name for n, name in enumerate(self.names) if n not in taken]
