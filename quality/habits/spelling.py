"""How texts of a column are spelt: few known words, or codes of few shapes, some with the date of their document in them."""

import unicodedata
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet

import numpy as np
import pandas as pd

from pipelines.extracts.contracts.contract import FeedContract
from quality.habits.findings import ALWAYS_ROWS, MIN_ROWS, Finding
from quality.habits.shapes import count_loose_shapes, count_shapes, loose_shape_of, shape_of

MAX_WORDS = 12
MAX_SHAPES = 6
MIN_CODE = 8
MIN_CODES_PER_SHAPE = 3
MIN_DAYS, RECURRING_SHARE = 3, 0.8


def find_spelling(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
    """A text is one of the few words that a column always had, or of the few shapes of its codes; references are another check's.

    A known word in another spelling is wrong, and so is a code of another shape, where 60 rows tell; another word may be new.
    """
    referred = {reference.column for reference in contract.references}
    for column in contract.columns:
        if column.type != "text" or column.enum or column.name in referred:
            continue
        seen, now = past[column.name].dropna().astype(str), frame[column.name].fillna("").astype(str)
        way = _way_to_spell(seen, past[column.name], past[contract.date_column]) if len(seen) >= MIN_ROWS else None
        if way:
            spell, known = way
            strange = [word for word in now.unique() if word and spell(word) not in known]
            plain = {_plain(word) for word in known} if spell is str and strange else set()
            new = [word for word in strange if spell is str and word.isalpha() and _plain(word) not in plain]
            yield f"{column.name} is unlike any before", now.isin(set(strange) - set(new)).to_numpy(dtype=bool), len(seen) >= ALWAYS_ROWS
            yield f"{column.name} is a new word", now.isin(new).to_numpy(dtype=bool), False


def _way_to_spell(seen: pd.Series, told: pd.Series, moments: pd.Series) -> tuple[Callable[[str], str], AbstractSet[str]] | None:
    """What texts of a column have in common, being few words without digits, one exact shape of code, or a few loose ones; and which.

    Codes tell of a shape where there are 20 different ones and 3 of each shape, or where they come again on 3 days or more, as suppliers
    do: a handful of documents says nothing of the next.
    """
    different = seen.drop_duplicates()
    if len(different) <= MAX_WORDS and not any(letter.isdigit() for word in different for letter in word):
        return str, set(different)
    shapes = count_shapes(different)
    loose = count_loose_shapes(shapes)
    if len(different) < MIN_ROWS:
        days = moments.dt.normalize().groupby(told.to_numpy()).nunique()
        return (loose_shape_of, loose.keys()) if (days >= MIN_DAYS).mean() >= RECURRING_SHARE else None
    if len(shapes) == 1 and len(next(iter(shapes))) >= MIN_CODE:
        return shape_of, shapes.keys()
    return (loose_shape_of, loose.keys()) if len(loose) <= MAX_SHAPES and min(loose.values()) >= MIN_CODES_PER_SHAPE else None


def _plain(word: str) -> str:
    """A word without what spelling adds: capitals, accents, blanks and marks.

    >>> _plain(" Réseau_1")
    'reseau1'
    """
    return "".join(letter for letter in unicodedata.normalize("NFKD", word).casefold() if letter.isalnum())


def find_undated(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
    """Numbers of documents and events carry the day of the row, year first, if each of 20 or more earlier ones did."""
    name, date = contract.key[0], contract.date_column
    if not date or len(past) < MIN_ROWS or not _carry_dates(past.iloc[:MIN_ROWS], name, date).all():
        return
    if _carry_dates(past, name, date).all():
        yield f"{name} is of another day than its row", ~_carry_dates(frame, name, date), False


def _carry_dates(rows: pd.DataFrame, name: str, date: str) -> np.ndarray:
    """Which codes hold the day of the moment beside them, as 20260131 or 2026-01-31."""
    days = np.datetime_as_string(rows[date].to_numpy(dtype="datetime64[D]")).tolist()
    codes = rows[name].fillna("").astype(str).tolist()
    return np.array([day in code or day.replace("-", "") in code for code, day in zip(codes, days, strict=True)], dtype=bool)
