"""A process that has dbt imported and warm, and forks a build whenever it is asked to: dbt's start costs more than a small build.

What is built and what its events mean is `dbt_bridge`'s business; what happens over there is in `dbt_child`.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("dbt_child.py")
LONGEST_ANSWER = 1 << 16
LONGEST_END_S = 5.0

_hosts: dict[str, "DbtHost"] = {}


class DbtBuild:
    """One build, with what dagster-dbt asks of a `subprocess.Popen`: `args`, `stdout`, `returncode`, `poll`, `wait`, `send_signal`."""

    def __init__(self, answers: socket.socket, args: Sequence[str], stdout: Any) -> None:
        self._answers = answers
        self.args = list(args)
        self.stdout = stdout
        self.pid: int | None = None
        self.returncode: int | None = None
        self.is_orphan = False

    def poll(self) -> int | None:
        """How the build ended, or None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        while self._look(timeout) is None:
            if timeout is not None:
                raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode or 0

    def send_signal(self, number: int) -> None:
        """Signal the build's whole group, if it still runs."""
        if self.poll() is None:
            self._answers.send(json.dumps({"signal": int(number)}).encode())

    def kill(self) -> None:
        """Kill the build's whole group and wait for it."""
        self.send_signal(signal.SIGKILL)
        self.wait()

    def _look(self, timeout: float | None) -> int | None:
        """Read one answer if there is one in time; a host that died took the build with it."""
        if self.returncode is None and select.select([self._answers], [], [], timeout)[0]:
            try:
                said = self._answers.recv(LONGEST_ANSWER)
            except ConnectionResetError:
                said = b""
            self.is_orphan = not said
            answer = json.loads(said) if said else {"returncode": -signal.SIGKILL}
            self.pid = answer.get("pid", self.pid)
            self.returncode = answer.get("returncode")
        return self.returncode


class DbtHost:
    """The warm process for one parsed project. It dies with this process, and every build dies with it."""

    def __init__(self, parsed: Path, project_dir: Path, environment: Mapping[str, str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Without -P the folder of the script is on the path, and dbt imports every module there whose name begins with dbt_.
        command = [sys.executable, "-P", str(CHILD), str(os.getpid()), str(theirs.fileno()), str(parsed)]
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with theirs:
            self._process = subprocess.Popen(
                command, cwd=project_dir, env=dict(environment), pass_fds=[theirs.fileno()], start_new_session=True, **quiet
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it can take orders."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it, with the build that it runs, and wait for that: its CPU time is then known as a child's."""
        self._orders.close()
        try:
            self._process.wait(LONGEST_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def build(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Generator[DbtBuild]:
        """Run `dbt <arguments>` while the block runs; whatever is left of it afterwards is killed."""
        read, write = os.pipe()
        with os.fdopen(read, "rb") as stdout:
            order = json.dumps({"arguments": list(arguments), "environment": dict(environment)}).encode()
            try:
                socket.send_fds(self._orders, [order], [write])
            finally:
                os.close(write)
            build = DbtBuild(self._orders, ["dbt", *arguments], stdout)
            try:
                yield build
            finally:
                if build.poll() is None:
                    build.kill()
                if build.is_orphan:
                    self.close()  # what is dying still counts as alive for a moment, and must not be given another build


def warm_host(parsed: Path, project_dir: Path, environment: Mapping[str, str]) -> DbtHost:
    """The host of this process for a parsed project, which is told by its content; started if there is none or it has died."""
    key = f"{os.getpid()}:{parsed.parent.name}"
    host = _hosts.get(key)
    if host is None or not host.is_alive():
        host = _hosts[key] = DbtHost(parsed, project_dir, environment)
    return host


@atexit.register
def close_hosts() -> None:
    """Close the hosts that this process started; those of the process that it was forked from are not its own."""
    own = f"{os.getpid()}:"
    for key in [key for key in _hosts if key.startswith(own)]:
        _hosts.pop(key).close()
