"""Manifests gone wrong: figures that are not the file's, another day's, another feed's, and no manifest at all in the end."""

from collections.abc import Callable
from typing import Any

Entry = dict[str, Any]
MANIFEST_FAULTS: dict[str, Callable[[Entry, Entry], Entry]] = {
    "one row more": lambda entry, _: entry | {"rows": entry["rows"] + 1},
    "no rows": lambda entry, _: entry | {"rows": 0},
    "rows as text": lambda entry, _: entry | {"rows": str(entry["rows"])},
    "negative rows": lambda entry, _: entry | {"rows": -1},
    "rows as a fraction": lambda entry, _: entry | {"rows": entry["rows"] + 0.5},
    "one byte less": lambda entry, _: entry | {"bytes": entry["bytes"] - 1},
    "sums off by one": lambda entry, _: entry | {"sums": {name: value + 1 for name, value in entry["sums"].items()} or {"nothing": 1}},
    "sums of an unknown column": lambda entry, _: entry | {"sums": {"qty_all": 1}},
    "sums of a text column": lambda entry, _: entry | {"sums": {"item_id": 1}},
    "sums not a number": lambda entry, _: entry | {"sums": {name: "NaN" for name in entry["sums"]} or {"x": "NaN"}},
    "another sha256": lambda entry, _: entry | {"sha256": "0" * 64},
    "half a sha256": lambda entry, _: entry | {"sha256": entry["sha256"][:32]},
    "yesterday's figures": lambda entry, before: before if before != entry else entry | {"sha256": "f" * 64},
    "an unknown feed": lambda entry, _: entry | {"feed": "wms_stok"},
    "a path for a name": lambda entry, _: entry | {"file": f"../{entry['file']}"},
    "another file's name": lambda entry, _: entry | {"file": "other.csv"},
    "no file": lambda entry, _: {name: value for name, value in entry.items() if name != "file"},
}
