"""Words for people: what a check looks at, what a quarantine reason means, and what to do about either. No figures here."""

from collections.abc import Mapping

from pipelines.extracts.contracts.contract import load_contracts
from pipelines.extracts.contracts.text_rules import REASONS
from pipelines.extracts.mapping.mapping_stages import REASONS as MAPPING_REASONS

# By the check's name up to its first colon; {column} is what stands behind the colon.
TITLES = {
    "complete": "The drop of the day",
    "nothing_unread": "Files that nobody reads",
    "readable": "A file that can be read",
    "rows_present": "Rows of the day",
    "row_count": "Number of rows",
    "quarantine_share": "Rows in quarantine",
    "columns_present": "Missing columns",
    "keys_unique": "Repeated keys",
    "references_known": "Unknown {column}",
    "fresh": "Age of the newest row",
    "no_future_rows": "Rows from the future",
    "locations_reported": "Silent locations",
    "stock_replay": "Stock against yesterday's stock plus movements",
    "shipments_match_sales": "Shipments against sale movements",
    "receipts_match_movements": "Receipts against inbound movements",
    "transit_matches_transfers": "Transit against open transfers",
    "frozen_share": "Frozen item-locations",
    "unit_mixup": "Units, cases or pallets mixed up",
    "shifted_decimals": "Decimal points that moved",
    "swapped_columns": "Columns that changed places",
    "shifted_rows": "Values that moved to another row",
    "repeated_rows": "An earlier day's rows again",
    "master_changes": "Changed master data of {column}",
    "document_kept": "Documents of {column} told differently",
    "own_day": "Events of another day in {column}",
    "habits": "Rows of {column} unlike all before",
    "sales_by_order": "Orders shipped against orders booked",
    "receipts_by_document": "Documents received against documents booked",
    "departures_by_transfer": "Transfers sent against stock that left",
    "arrivals_by_transfer": "Transfers that arrived against receipts",
    "orders_shipped": "Order lines against their shipments",
    "purchases_received": "Purchase order lines against their receipts",
    "transfer_states": "Transfers that skipped a state",
    "transfer_units": "Units of a transfer told differently",
    "transfers_dispatched": "Transfers against their transfer orders",
    "transfers_taken_on": "Transfer orders that nobody took on",
    "counts_match_stock": "Counts against stock",
    "counts_due": "Counts that are due",
    "order_moments": "Time of orders against that of their shipments",
    "purchase_moments": "Day of purchase orders against that of their receipts",
    "blocked_explained": "Blocked units without a reason",
    "reserved_explained": "Reserved units against open orders",
    "scopes_known": "Rows of {column} about nothing that exists",
    "columns_read": "New columns that nobody reads",
    "expect_rows_to_keep_contract": "Rows that break their contract",
    "expect_table_row_count_to_be_between": "Rows in the table",
    "expect_column_values_to_not_be_null": "Missing {column}",
    "expect_column_values_to_be_in_set": "Words of {column}",
    "expect_column_values_to_match_regex": "Spelling of {column}",
    "expect_column_values_to_be_between": "Range of {column}",
    "expect_column_values_to_be_unique": "Repeated {column}",
    "expect_compound_columns_to_be_unique": "Repeated keys",
}
SEND_AGAIN = "correct it at the source and land the file again"
REMEDIES = {
    "complete": "ask the sender for the whole drop, or put an empty _SUCCESS beside it once all is there",
    "nothing_unread": "rename the file to its feed, give its layout a `files:` pattern, or take it away",
    "readable": "ask the sender for the file again, or for the layout that reads it",
    "rows_present": "ask the sender for the file of the day; if the day was quiet, ask for a file with the header alone",
    "row_count": "ask the sender whether the export is whole; if the change is real, raise gate.count_warn_share or count_block_share",
    "quarantine_share": "look at the rows in quarantine below, correct the most frequent reason at the source and land the file again",
    "columns_present": "ask for the missing columns, or name their new spelling in the layout",
    "keys_unique": "remove the repeated rows at the source and land the file again",
    "references_known": "send the master data first, or correct the key in these rows",
    "fresh": "this looks like an older file: ask the sender for the file of the day",
    "no_future_rows": "check the clock and the time zone of the export",
    "locations_reported": "ask the silent locations for their stock; until then they give nothing away",
    "stock_replay": "look for movements that were not sent, or a count that was booked without a movement, at the location-items named",
    "shipments_match_sales": "compare the ERP's shipments with the WMS's sale movements at the location-items named",
    "receipts_match_movements": "compare receipts with inbound movements at the location-items named",
    "transit_matches_transfers": "compare open transfers with the transfer movements at the location-items named",
    "frozen_share": "correct the rows listed first on this page; a count of the item at the location frees it as well",
    "unit_mixup": "ask the sender which unit the column is in, and convert it in the layout",
    "shifted_decimals": "check the decimal mark of the export, and declare it in the layout",
    "swapped_columns": "compare the header with the values; the export has changed its columns",
    "shifted_rows": "ask for the export again: values stand beside other keys than before",
    "repeated_rows": "ask the sender for the file of the day: this one holds the rows of an earlier day",
    "master_changes": "ask whether the change is meant; if it is, set gate.severity master_changes: warn and run the night again",
    "document_kept": "ask which of the two is right, and let the sender correct the other",
    "own_day": "send events with the file of their own day, or land the corrected file of the earlier day",
    "habits": "look at the rows named: they are numbered, dated, filled in or priced unlike all before",
    "transfer_units": "ask the warehouse which of the figures is right; units once picked or shipped do not change",
    "transfers_dispatched": "compare the rows named with the transfer orders in the outbox; the warehouse works from something else",
    "transfers_taken_on": "ask the warehouse whether it has the transfer orders named; their goods are not on their way",
    "counts_due": "ask for the rest of the counts, or whether somebody counted out of turn",
    "order_moments": "check the clock and the time zone of both exports",
    "purchase_moments": "check which day the purchase orders named were received on",
    "scopes_known": "correct the name at the source: as it is, the row changes nothing",
    "columns_read": "ask the sender what the column holds, and map it in the layout if it is of use",
}
REASON_REMEDIES = {
    "too_few_fields": "a separator or a line break is missing in the line: quote texts that hold one",
    "too_many_fields": "a separator stands inside a text: quote it",
    "bad_quoting": "close the quote, and double a quote inside a text",
    "line_too_long": "look for a quote that is never closed before this line",
    "missing_value": "fill in the value at the source",
    "surrounding_whitespace": "export without padding, or declare trim in the layout",
    "control_character": "remove the character from the text at the source",
    "not_integer": "export whole numbers without decimals, thousands marks or units",
    "not_decimal": "export a point as decimal mark and no thousands marks, or declare both in the layout",
    "too_many_decimals": "round at the source to the places that the contract keeps",
    "not_number": "export a plain finite number",
    "not_date": "export dates as YYYY-MM-DD, or declare their form in the layout",
    "not_timestamp": "export times as YYYY-MM-DDTHH:MM:SS, or declare their form in the layout",
    "not_boolean": "export true or false, or declare the words in the layout",
    "not_in_enum": "use one of the allowed words, or map the code in the layout",
    "bad_pattern": "correct the code; the contract says how it is spelt",
    "too_long": "shorten the text at the source",
    "out_of_range": "correct the figure; a factor of pack size or of 100 is the usual cause",
    "duplicate_key": "send each key once",
    "bad_json": "write one JSON object per line, and null instead of NaN",
    "doubled_json_key": "write every key of an object once",
    "cell_error": "repair the formula or fill in the value, then save the sheet again",
    "bad_number": "correct the number, or declare the decimal mark and thousands mark in the layout",
    "number_too_long": "correct the number or the factor; it is larger or finer than any quantity",
    "fraction_of_unit": "check the unit and its factor in the layout: whole units are expected",
    "missing_factor": "fill in the column that the layout multiplies or divides by",
    "division_by_zero": "fill in the column that the layout divides by",
    "unknown_unit": "add the unit with its factor to the layout",
    "unknown_code": "map the code in the layout, or correct it at the source",
    "sign_twice": "send the quantity without a sign, or take the sign column out of the layout",
    "bad_date": "correct the date, or declare its form in the layout",
    "ambiguous_date": "declare one form of dates in the layout; two fit this one",
    "bad_time": "correct the time, or declare its form in the layout",
    "no_such_time": "check the clock and the time zone of the export",
    "ambiguous_text": "choose characters for `replace` in the layout that no code of the source holds",
    "no_such_part": "correct the text at the source, or let the pattern of `part` in the layout take this shape too",
    "ambiguous_time": "export times in UTC: the clock shows this one twice",
    "known_time_zone": "correct the location's time zone at the source; it is the IANA name, such as America/Chicago",
    "unknown_zone": "give the location a time zone in the layout",
    "missing_part": "fill in the columns that the layout joins",
    "lookup_missing": "send the companion row, or correct the key",
    "group_differs": "rows of one key disagree: correct them at the source",
    "partial_group": "correct the quarantined rows of the same key",
}


def title_of(check: str) -> str:
    """What a check looks at, in words.

    >>> title_of("references_known:item_id"), title_of("units_look_like_cases")
    ('Unknown item_id', 'Units look like cases')
    """
    name, _, column = check.partition(":")
    words = name.removeprefix("expect_").replace("_", " ")
    title = TITLES.get(name, words[:1].upper() + words[1:] + (": {column}" if column else ""))
    return title.replace("{column}", column.replace(",", ", "))


def remedy_of(check: str) -> str:
    """What to do when a check fails."""
    return REMEDIES.get(check.partition(":")[0], f"look at the examples, {SEND_AGAIN}")


def reason_text(reason: str, meanings: Mapping[str, str]) -> str:
    """A reason as people read it: the meaning of a quarantine reason, or the words of the check that froze an item-location.

    >>> reason_text("not_date", {"not_date": "no date"}), reason_text("stock_replay: 43 in EAST_1, expected 31", {})
    ('no date', "Stock against yesterday's stock plus movements: 43 in EAST_1, expected 31")
    >>> reason_text("quarantine_share: refused for on_hand: not_date", {"not_date": "no date"})
    'Rows in quarantine: refused for on_hand, no date'
    """
    if reason in meanings:
        return meanings[reason]
    check, colon, said = reason.partition(": ")
    start, _, last = said.rpartition(": ")
    if last in meanings:
        said = f"{start}, {meanings[last]}"
    return f"{title_of(check)}: {said}" if colon and check in TITLES else reason.replace("_", " ")


def reason_remedy(reason: str) -> str:
    """What to do about rows quarantined for a reason."""
    return REASON_REMEDIES.get(reason, SEND_AGAIN)


def reason_meanings() -> dict[str, str]:
    """Every reason that a row can be quarantined for and its meaning: of texts, keys and layouts, and each contract's row rules.

    >>> reason_meanings()["not_integer"]
    'not a plain whole number of at most 18 digits'
    """
    rules = {rule.name: rule.says for contract in load_contracts().values() for rule in contract.rules}
    return dict(sorted((rules | MAPPING_REASONS | REASONS).items()))
