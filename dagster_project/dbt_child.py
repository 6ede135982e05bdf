"""The process that dbt runs in: its own group, dead as soon as the run that started it is dead. Started by `dbt_bridge`, never imported.

dbt gets the parsed project from a file, so that it does not parse it again for every store.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends; elsewhere than on Linux the group alone has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(3)


def main(arguments: list[str]) -> int:
    """Run `dbt <arguments[2:]>` on the parsed project at `arguments[1]`; `arguments[0]` is the parent's process id."""
    os.setsid()
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
