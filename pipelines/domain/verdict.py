"""The text of a gate's verdict, whoever writes it: checks of rows or of files. What a check is and who judges is not known here."""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

VERDICT_FORMAT = "evenstock-gate/1"


def verdict_text(
    feed: str,
    business_date: datetime.date,
    checks: Sequence[Mapping[str, Any]],
    *,
    passed: bool,
    rows: int = 0,
    rows_quarantined: int = 0,
    **more: Any,
) -> str:
    """Canonical JSON: the same verdict gives the same bytes."""
    head = {"format": VERDICT_FORMAT, "feed": feed, "business_date": business_date.isoformat(), "passed": passed, "checks": checks}
    return json.dumps(head | {"rows": rows, "rows_quarantined": rows_quarantined} | more, sort_keys=True, indent=1) + "\n"
