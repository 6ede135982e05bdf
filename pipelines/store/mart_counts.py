"""How many rows each mart of a store has. Reading a mart itself is the warehouse's business."""

from pathlib import Path

from pipelines.store.grains import MART_GRAINS
from pipelines.store.warehouse import mart_columns, open_store, quoted


def count_marts(path: Path) -> dict[str, int]:
    """Rows of every mart that has been built in the store at `path`, by name."""
    with open_store(path, read_only=True) as connection:
        built = [name for name in sorted(MART_GRAINS) if mart_columns(connection, name)]
        counts = {}
        for name in built:
            row = connection.execute(f"SELECT count(*) FROM marts.{quoted(name)}").fetchone()  # noqa: S608 - names of ours
            counts[name] = int(row[0]) if row else 0
    return counts
