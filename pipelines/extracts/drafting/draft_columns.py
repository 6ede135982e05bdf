"""The line of one drafted column: where it comes from, what its cells need, and what a person should know of it."""

from pipelines.extracts.contracts.contract import Column, FeedContract
from pipelines.extracts.drafting.draft_matching import Match, is_base
from pipelines.extracts.drafting.draft_rules import factors, is_number, number_rules, sign_rule, word_rules
from pipelines.extracts.drafting.draft_seen import Seen
from pipelines.extracts.drafting.draft_values import Profile, packed_formats
from pipelines.extracts.drafting.draft_yaml import flow, listed, scalar, with_comment
from pipelines.extracts.layouts.layout import BUSINESS_DATE, FILL_IN

CANONICAL_FORMS = {"date": ("YYYY-MM-DD",), "timestamp": ("YYYY-MM-DDThh:mm:ss",)}


def shared_format(contract: FeedContract, seen: Seen, kind: str) -> str:
    """The one way in which days (or times) are written in the columns that are mapped; if none is, in those that still could be."""
    mapped = {match.position: contract.column(match.column).type for match in seen.matches.values()}
    chosen = [seen.profiles[position] for position, type_ in mapped.items() if type_ == kind and position != seen.day]
    alike = "date" if kind == "date" else "time"
    chosen = chosen or [profile for position, profile in enumerate(seen.profiles) if position not in mapped and profile.kind == alike]
    formats = {profile.formats for profile in chosen if profile.formats}
    if len(formats) != 1:
        return ""
    written = formats.pop()
    return written[0] if len(written) == 1 and written != CANONICAL_FORMS[kind] else ""


def mapped_line(column: Column, match: Match, contract: FeedContract, seen: Seen) -> str:
    """The line of a column that found a partner."""
    name, profile = seen.names[match.position], seen.profiles[match.position]
    more, doubts = _rules(column, match.position, contract, seen)
    more += _unit_rules(column, name, seen)
    if profile.missing and not column.nullable:
        zero = " (default: 0 if that is none)" if is_number(column) else ""
        doubts += f"; {profile.missing} of {seen.rows} are empty{zero}"
    if profile.strays and column.type != "text":
        doubts += f"; {listed(profile.strays)} will be quarantined"
    why = f"{match.confidence:.0%} {match.why}; {_samples(profile)}{doubts}"
    if more or name == BUSINESS_DATE:
        return _line(column, [f"from: {scalar(name)}", *more], why)
    return with_comment(f"  {column.name}: {scalar(name)}", why)


def made_of_others(column: Column, contract: FeedContract, seen: Seen) -> str:
    """The line of a column that no one column of the source holds, but that others tell; "" if none do."""
    ways = [seen.first("in_columns"), seen.first("out_columns")]
    if column.name == "qty_units" and (column.minimum or 0) < 0 and None not in ways:
        came, went = (seen.names[way] for way in ways if way is not None)
        more = ["whole: true"] if any(seen.profiles[way].numbers.fractions_of_zeros for way in ways if way is not None) else []
        return _line(column, [f"sum: [{scalar(came)}]", f"minus: [{scalar(went)}]", *more], "what came in less what went out")
    state, stock = seen.state, seen.matches.get("on_hand")
    if column.name == "blocked" and state is not None and stock:
        rules, _ = _rules(column, stock.position, contract, seen)
        rules += _unit_rules(column, seen.names[stock.position], seen)
        when = f"when: {{column: {scalar(seen.names[state])}, not_in: [{FILL_IN}]}}"
        why = f"list the words of good stock; {scalar(seen.names[state])} holds {listed(seen.profiles[state].words)}"
        return _line(column, [f"from: {scalar(seen.names[stock.position])}", *rules, when, "default: 0"], why)
    return ""


def instead(column: Column, contract: FeedContract, seen: Seen) -> str:
    """What may stand for a required column that the source does not have."""
    day = next((seen.matches[name] for name in ("ordered_at", "shipped_at") if name in seen.matches), None)
    if column.type == "date" and day:
        return f"; if the source has none, such as {{from: {scalar(seen.names[day.position])}, add_days: 2}}"
    if column.name == contract.key[-1] and column.type == "integer":
        parts = [seen.names[seen.matches[name].position] for name in (contract.key[0], "item_id") if name in seen.matches]
        return f"; if the source has none, 0 with {contract.key[0]}: {{join: {flow(parts)}, with: /}}" if len(parts) > 1 else ""
    if contract.key == (column.name,) and contract.kind == "event":
        tells = [c.name for c in contract.columns if c.name in seen.matches and (not c.nullable or c.type == "text")]
        parts = [seen.names[seen.matches[name].position] for name in tells]
        return f"; if the source has none, {{join: {flow(parts)}, with: /, gaps: true}}" if len(parts) > 1 else ""
    return ""


def _line(column: Column, entries: list[str], why: str) -> str:
    return with_comment(f"  {column.name}: {{{', '.join(entries)}}}", why)


def _unit_rules(column: Column, name: str, seen: Seen) -> list[str]:
    """Unit and sign of a quantity, where columns of their own tell them. A quantity that is called primary or base is in single units."""
    found = []
    if column.unit == "units" and seen.units is not None and not is_base(name):
        found.append(f"unit: {{from: {scalar(seen.names[seen.units])}, factors: {factors(seen.profiles[seen.units])}}}")
    if column.unit == "units" and seen.sign is not None and (column.minimum or 0) < 0:
        found.append(sign_rule(seen.names[seen.sign], seen.profiles[seen.sign]))
    return found


def _rules(column: Column, place: int, contract: FeedContract, seen: Seen) -> tuple[list[str], str]:
    """What the cells of a column need beside its name, and what no sample could tell."""
    profile = seen.profiles[place]
    if is_number(column):
        return number_rules(column, profile, seen.numbers, seen.names[place])
    if column.type in CANONICAL_FORMS:
        return _day_rules(column, place, contract, seen)
    return word_rules(column, profile)


def _day_rules(column: Column, place: int, contract: FeedContract, seen: Seen) -> tuple[list[str], str]:
    """How days and times are written; a day whose time of day stands in a column of its own gets it."""
    profile = seen.profiles[place]
    packed = packed_formats(profile.words, column.type) if profile.kind == "number" else ()
    formats = packed or profile.formats
    none = ['empty: ["0"]'] if packed and "0" in profile.words else []
    if seen.clock is not None and place == seen.day:
        clocks = seen.clock_formats(seen.clock)
        (dates, doubt), (times, more) = _one(formats), _one(clocks)
        return [f"dates: {dates}", f"time_from: {scalar(seen.names[seen.clock])}", f"times: {times}", *none], doubt + more
    key = "dates" if column.type == "date" else "times"
    if not formats or formats == CANONICAL_FORMS[column.type] or (not packed and shared_format(contract, seen, column.type)):
        return [], ""
    written, doubt = _one(formats)
    zone = [f"to: {FILL_IN}"] if written.startswith("EPOCH") else []
    return [f"{key}: {written}", *zone, *none], doubt


def _one(formats: tuple[str, ...]) -> tuple[str, str]:
    """The format, if there is one only, and otherwise what no sample says."""
    if len(formats) == 1:
        return scalar(formats[0]), ""
    return FILL_IN, f"; no sample says whether {' or '.join(formats)}"


def _samples(profile: Profile) -> str:
    return f"holds {listed(profile.samples)}" if profile.samples else "always empty in the sample"
