"""The process that dbt runs in: its own group, dead as soon as the run that started it is dead. Started by `dbt_bridge`, never imported.

dbt gets the parsed project from a file, so that it does not parse it again for every store.
"""

import sys
from pathlib import Path

from pipelines.machine.processes import die_with_parent


def main(arguments: list[str]) -> int:
    """Run `dbt <arguments[2:]>` on the parsed project at `arguments[1]`; `arguments[0]` is the parent's process id."""
    die_with_parent(int(arguments[0]))
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    manifest = Manifest.from_msgpack(Path(arguments[1]).read_bytes())
    result = dbtRunner(manifest=manifest).invoke(arguments[2:])
    if result.exception is not None:
        print(result.exception, file=sys.stderr)
    return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
