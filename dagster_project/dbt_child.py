"""The process that dbt runs in, dead as soon as the run that started it is dead. Started by `dbt_host`, never imported.

dbt is imported and warmed up once; every build is a fork of that, in a group of its own. The parsed project comes from a file, so that
no build parses it again.
"""

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from pipelines.machine.processes import die_with_parent

LONGEST_ORDER = 1 << 20


def serve(orders: socket.socket, parsed: Path) -> None:
    """Answer one order after the other until the other end closes: a build of dbt each, on the parsed project at `parsed`.

    An order is one JSON message `{"arguments", "environment"}` with a file descriptor for what dbt prints. The answers are
    `{"pid"}` and, when the build has ended, `{"returncode"}`.
    """
    content = parsed.read_bytes()
    manifest = load_warm(content)
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, LONGEST_ORDER, 1)
        if not message:
            return
        order = json.loads(message)
        if "arguments" in order:
            answer(orders, {"returncode": watch(orders, start_build(orders, manifest, order, descriptors[0]))})


def answer(orders: socket.socket, message: dict[str, Any]) -> None:
    """Send one message to the other end."""
    orders.send(json.dumps(message).encode())


def load_warm(content: bytes) -> Any:
    """The manifest, after dbt did in this process, without a store, what every command does at its start and keeps."""
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    dbtRunner(manifest=Manifest.from_msgpack(content)).invoke(["--quiet", "ls", "--resource-type", "model"])
    return Manifest.from_msgpack(content)


def start_build(orders: socket.socket, manifest: Any, order: dict[str, Any], output: int) -> int:
    """Fork a build that prints to `output`; returns its process id, which the other end is told too."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        returncode = 1
        try:
            os.setsid()
            die_with_parent(parent)
            orders.close()
            returncode = build(manifest, order, output)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(returncode)
    os.close(output)
    answer(orders, {"pid": pid})
    return pid


def build(manifest: Any, order: dict[str, Any], output: int) -> int:
    """Run `dbt <arguments>` with the order's environment; returns 0 if it succeeded."""
    from dbt.cli.main import dbtRunner

    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    os.environ.clear()
    os.environ.update(order["environment"])
    result = dbtRunner(manifest=manifest).invoke(order["arguments"])
    if result.exception is not None:
        print(result.exception, file=sys.stderr)
    return 0 if result.success else 1


def watch(orders: socket.socket, pid: int) -> int:
    """Wait for a build, and pass signals on to its group until it ends; the other end's close kills it. Returns how it ended."""
    ended = os.pidfd_open(pid)
    try:
        while True:
            ready, _, _ = select.select([ended, orders], [], [])
            if ended in ready:
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            message = orders.recv(LONGEST_ORDER)
            os.killpg(pid, json.loads(message)["signal"] if message else signal.SIGKILL)
    finally:
        os.close(ended)


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    serve(socket.socket(fileno=int(sys.argv[2])), Path(sys.argv[3]))
