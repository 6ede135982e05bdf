"""What a published DuckDB file holds, as digests of its tables in the order of their grain: its bytes tell nothing, DuckDB stamps them."""

import hashlib
from pathlib import Path

from pipelines.machine.temporary import scratch_folder
from pipelines.store.grains import MART_GRAINS
from pipelines.store.publication import DATABASE, MANIFEST, Publication
from pipelines.store.warehouse import literal, open_store, quoted


def digest_tables(database: Path) -> dict[str, str]:
    """sha256 of every mart of a published DuckDB file, written as the publication writes its Parquet files, by their name."""
    found = {}
    with scratch_folder() as scratch:
        folder = scratch.resolve()
        with open_store(database, read_only=True, folders=[folder]) as connection:
            tables = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
            for table in tables:
                order = ", ".join(quoted(column) for column in MART_GRAINS[table])
                file = folder / f"{table}.parquet"
                ordered = f"(FROM {quoted(table)} ORDER BY {order})"
                connection.execute(f"COPY {ordered} TO {literal(str(file))} (FORMAT parquet, COMPRESSION zstd)")
                found[f"marts/{table}.parquet"] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def digest_publication(publication: Publication) -> dict[str, str]:
    """sha256 by name of all that is the same whenever the run is made again; of the DuckDB file, one over what its tables hold."""
    files = {name: entry["sha256"] for name, entry in publication.manifest["files"].items() if name != DATABASE}
    tables = digest_tables(publication.path / DATABASE)
    held = hashlib.sha256("\n".join(f"{name} {digest}" for name, digest in sorted(tables.items())).encode()).hexdigest()
    return files | {MANIFEST: hashlib.sha256((publication.path / MANIFEST).read_bytes()).hexdigest(), DATABASE: held}
