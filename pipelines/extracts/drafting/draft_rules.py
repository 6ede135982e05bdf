"""What the cells of a drafted column need beside its name: codes, units, signs, how numbers are written. The unsure is left to do."""

import re

from pipelines.extracts.contracts.contract import Column
from pipelines.extracts.drafting.draft_matching import base_units, measure_of, plain_name, sign_words
from pipelines.extracts.drafting.draft_values import Numbers, Profile
from pipelines.extracts.drafting.draft_yaml import flow, listed, plain_comment, scalar
from pipelines.extracts.layouts.layout import FILL_IN


def is_number(column: Column) -> bool:
    """Whether a canonical column holds numbers."""
    return column.type in ("integer", "double") or column.decimals is not None


def word_rules(column: Column, profile: Profile) -> tuple[list[str], str]:
    """For words: translations where they are not the contract's; and what a person should know of them."""
    if column.type == "boolean" and not set(profile.words) <= {"true", "false"}:
        return [f"booleans: {{true: [{FILL_IN}], false: [{FILL_IN}]}}"], f"; words are {listed(profile.words)}"
    if column.pattern and not all(re.fullmatch(column.pattern, word) for word in profile.words):
        return _code_rules(column, profile)
    if column.enum and not set(profile.words) <= set(column.enum):
        spelled = {word: plain_name(word).replace(" ", "_") for word in profile.words}
        codes = {word: plain if plain in column.enum else FILL_IN for word, plain in spelled.items()}
        return [f"codes: {flow(codes)}"], f"; each is one of {', '.join(column.enum)}"
    return [], ""


def _measure_rules(column: Column, name: str) -> list[str]:
    """A name that says another unit of weight or volume than the contract's is multiplied; one that says none is left to do."""
    if column.unit not in ("kg", "m3"):
        return []
    measure, factor = measure_of(name, column.unit)
    if measure == column.unit:
        return []
    return [f"multiply: {factor or FILL_IN}", "round: half_even"]


def _code_rules(column: Column, profile: Profile) -> tuple[list[str], str]:
    """Texts where the contract has codes: the part after ` : `, other characters, `codes:` if they are few, else a companion file."""
    fits = {word: bool(re.fullmatch(column.pattern or "", word)) for word in profile.words}
    first = next(word for word, fit in fits.items() if not fit)
    why = f"; {plain_comment(first)} is no code that a {column.name} may be"
    parts = [re.sub(r".* : ", "", word) for word in profile.words]
    if any(" : " in word for word in profile.words) and all(re.fullmatch(column.pattern or "", part) for part in parts):
        return ['part: "(?:.* : )?(.+)"'], f"{why}, what follows ' : ' is"
    replaced = _replacements(column, profile)
    if replaced:
        return [f"replace: {flow(replaced)}"], why
    if profile.distinct > len(profile.words):
        return [], f"{why}: translate it in a companion file"
    return [f"codes: {flow({word: word if fit else [FILL_IN] for word, fit in fits.items()})}"], why


def _replacements(column: Column, profile: Profile) -> dict[str, str]:
    """A character that no sampled text holds for each that the contract does not allow; none if those do not do."""
    text = "".join(profile.words)
    foreign = sorted({letter for letter in text if not re.fullmatch(column.pattern or "", letter)})
    free = [letter for letter in "_./-" if letter not in text and re.fullmatch(column.pattern or "", letter)]
    if not foreign or len(foreign) > len(free) or any(letter.isalnum() for letter in foreign):
        return {}
    made = dict(zip(foreign, free, strict=False))
    return made if all(re.fullmatch(column.pattern or "", word.translate(str.maketrans(made))) for word in profile.words) else {}


def number_rules(column: Column, profile: Profile, shared: Numbers, name: str) -> tuple[list[str], str]:
    """Where a column is written otherwise than most; a mark that no number of the file explains is left to do."""
    own = profile.numbers
    more = [f"{key}: {scalar(text, quoted=True)}" for key, text in (("prefix", profile.prefix), ("suffix", profile.suffix)) if text]
    more += ["leading_zeros: true"] if own.leading_zeros else []
    more += _measure_rules(column, name)
    if column.type == "integer" and own.fractions_of_zeros:
        more.append("whole: true")
    mark = "," if "," in own.unsure else "."
    if own.unsure and not shared.marked:
        return [*more, f"decimal: {FILL_IN}"], f'; is {own.unsure} with decimal: "{mark}" or with thousands: "{mark}"? No sample says'
    if own.unsure and mark not in (shared.decimal, shared.thousands):
        more.append(f"thousands: {scalar(mark, quoted=True)}")
    if own.marked and (own.decimal, own.thousands or shared.thousands) != (shared.decimal, shared.thousands):
        more += [f"decimal: {scalar(own.decimal, quoted=True)}", f"thousands: {scalar(own.thousands, quoted=True)}"]
    return more, ""


def sign_rule(name: str, profile: Profile) -> str:
    """The sign of a quantity in a column of its own; words that do not say it are left to do."""
    minus = [word for word in profile.words if word.lower() in sign_words()["minus"]]
    plus = [word for word in profile.words if word.lower() in sign_words()["plus"]]
    unknown = [FILL_IN] if len(minus) + len(plus) < len(profile.words) else []
    return f"sign: {{from: {scalar(name)}, minus: {flow(minus + unknown)}, plus: {flow(plus + unknown)}}}"


def factors(profile: Profile) -> str:
    """The factors of a row's unit: 1 for single pieces, everything else is for a person to know."""
    return "{" + ", ".join(f"{scalar(word)}: {1 if word.upper() in base_units() else FILL_IN}" for word in profile.words) + "}"
