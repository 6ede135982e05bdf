"""Nights of a backfill follow one another: a night reads what the night before learned, approved and sent."""

import dagster as dg

from pipelines.domain.errors import Busy, UsageError

BACKFILL_TAG = "dagster/backfill"
PARTITION_TAG = "dagster/partition"


def refuse_out_of_order(run: dg.DagsterRun, instance: dg.DagsterInstance, last: dg.AssetKey) -> None:
    """Raise unless the run is a whole night, up to the asset `last`, and no earlier night of its backfill is still to come.

    A run that belongs to no backfill may be anything. Raises `UsageError` for a part of a night: backfills of single assets run them
    in waves over all dates, which no order of nights survives. Raises `Busy` naming the night to wait for.
    """
    backfill = run.tags.get(BACKFILL_TAG)
    if backfill is None:
        return
    if run.asset_selection is not None and last not in run.asset_selection:
        raise UsageError("a backfill of assets runs parts of nights, and nights need one another: launch it on the job nightly instead")
    of_backfill = instance.get_runs(filters=dg.RunsFilter(tags={BACKFILL_TAG: backfill}))
    own = run.tags.get(PARTITION_TAG, "")
    waiting = sorted(other.tags.get(PARTITION_TAG, "") for other in of_backfill if not other.is_finished)
    if waiting and waiting[0] < own:
        raise Busy(
            f"the night of {own} follows that of {waiting[0]}, which has not ended: let one run at a time (max_concurrent_runs: 1 in "
            "dagster.yaml), and run this one again"
        )
