"""Delimiter and quote of a delimited file, and one record read by them to the letter of RFC 4180."""

import csv
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """Delimiter and quote, one ASCII character each; without quoting the quote is empty."""

    delimiter: str = ","
    quote: str = '"'

    def parse(self, text: str) -> list[str] | None:
        """The cells of one record, which may hold line ends inside quotes; None if it is not well-formed."""
        if not self.quote:
            return text.split(self.delimiter)
        mark, quote = re.escape(self.delimiter), re.escape(self.quote)
        cell = rf"(?:{quote}(?:[^{quote}]|{quote}{quote})*{quote}|[^{quote}{mark}\r\n]*)"
        if not re.fullmatch(rf"{cell}(?:{mark}{cell})*", text):
            return None
        return next(csv.reader([text], delimiter=self.delimiter, quotechar=self.quote, strict=True), [])
