"""What a step knows about its run: where state lives, what people decided, the business date and the attempt. No step is here."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pipelines.domain.policy import Policy
from pipelines.store.home import Home

if TYPE_CHECKING:
    from pipelines.store.ledger import Ledger


MASTER_FEEDS = ("erp_items", "erp_locations", "tms_lanes")

EVENT_FEEDS = (
    "erp_sales_orders",
    "wms_shipments",
    "wms_stock",
    "wms_movements",
    "erp_purchase_orders",
    "wms_transfers",
    "wms_receipts",
)

# Nobody need send these: a run without them takes what they would say from the policy, or says nothing.
OPTIONAL_FEEDS = ("tms_customer_lanes", "erp_events", "wms_counts", "fin_parameters")

FEEDS = MASTER_FEEDS + EVENT_FEEDS + OPTIONAL_FEEDS

# Without these there is nothing to plan on; any other feed may have had no event on a day.
DAILY_FEEDS = (*MASTER_FEEDS, "wms_stock")

VERSIONED = ("evenstock", "dbt-core", "dbt-duckdb", "duckdb", "highspy", "numpy", "pandas", "pulp")


@dataclass(frozen=True)
class Run:
    """One attempt at one business date: where state lives, what people decided, and the attempt's own name.

    The lake of a rebuild holds what a published run read, and nothing else: gates let it pass then and are not asked again.
    `items` restricts the plan to some items, sorted; what others have planned stays as it is. Empty: everything is planned.
    """

    home: Home
    as_of: dt.date
    policy: Policy
    seed: int = 0
    attempt: str = "attempt"
    ledger_url: str = ""
    is_rebuild: bool = False
    items: tuple[str, ...] = ()

    @cached_property
    def ledger(self) -> "Ledger":
        """The ledger of the home."""
        from pipelines.store.ledger import open_ledger

        return open_ledger(self.home.root, self.ledger_url or None)

    @property
    def decided_at(self) -> str:
        """The moment that decisions of policy carry: the end of the business date."""
        return f"{(self.as_of + dt.timedelta(days=1)).isoformat()}T00:00:00+00:00"

    @property
    def work(self) -> Any:
        """The disposable folder of the date."""
        from pipelines.store.workfolder import WorkFolder

        return WorkFolder(self.home.work(self.as_of))


def versions() -> dict[str, str]:
    """Versions of everything whose change may change a run's bytes."""
    return {name: version(name) for name in VERSIONED}
