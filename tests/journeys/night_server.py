"""A process that has imported everything once and forks a child per night, so that nights can be killed by the dozen. Run as a script.

One JSON document per line on stdin starts a night; `pid N` and, when it has ended, `ended N code` are said on stdout.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path


def serve() -> None:
    """Fork a night per line until stdin ends; the server leads a process group of its own."""
    os.setsid()
    warm_up()
    say("ready")
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            play(asked)
        say(f"pid {pid}")
        # No thread lives while the next child is forked: nights run one after another.
        _, status = os.waitpid(pid, 0)
        say(f"ended {pid} {os.waitstatus_to_exitcode(status)}")


def warm_up() -> None:
    """Import what a night needs, and build no state that a fork could share."""
    import dagster_dbt
    import duckdb
    import great_expectations
    import pandas
    import pyarrow.parquet
    import scipy
    import sqlalchemy

    import dagster_project.nights
    import pipelines.flows
    import pipelines.planning.explain
    import quality.judging.judge

    assert all((dagster_dbt, duckdb, great_expectations, pandas, pyarrow, scipy, sqlalchemy, dagster_project, pipelines, quality))
    assert threading.active_count() == 1, "a fork would lose these threads"


def play(asked: dict) -> None:
    """One night in a child that leads its own group; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(target, number)
        code = run(asked)
    finally:
        os._exit(code)


def run(asked: dict) -> int:
    """The night itself, with the fault that was asked for; its exit code by the public contract."""
    import datetime as dt
    import traceback

    from dagster_project.nights import Nights
    from pipelines.domain.errors import EvenstockError
    from pipelines.machine.boundaries import Fault, arm
    from pipelines.settings import load_settings

    witness = None
    if asked.get("witness"):
        seen = os.open(asked["witness"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def witness(name: str) -> None:
            os.write(seen, f"{name}\n".encode())

    os.environ.update(asked.get("around", {}))
    arm(Fault.parse(asked["fault"]) if asked.get("fault") else None, witness)
    for kind, limit in asked.get("limits", {}).items():
        import resource

        # Address space beyond what is in use already, which differs from machine to machine.
        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if kind == "RLIMIT_AS" else 0
        resource.setrlimit(getattr(resource, kind), (limit + in_use, limit + in_use))
    try:
        settings = load_settings(home=Path(asked["home"]), **asked.get("settings", {}))
        Nights(settings, persistent=asked.get("persistent", True)).run(asked.get("job", "nightly"), dt.date.fromisoformat(asked["day"]))
        return 0
    except EvenstockError as error:
        print(f"said: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except BaseException:
        traceback.print_exc()
        return 99


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    serve()
