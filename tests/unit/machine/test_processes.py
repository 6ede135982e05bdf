"""A child dies with its parent in every way of dying, and a process is never taken for another that got its number."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines.machine.processes import child_process, is_alive, name_process

PARENT = """
import os, sys, time
from pipelines.machine.processes import child_process, name_process
code = "import sys, time; from pipelines.machine.processes import die_with_parent; die_with_parent(int(sys.argv[1])); print(1, flush=True)"
command = [sys.executable, "-c", code + "; time.sleep(60)", str(os.getpid())]
with child_process(command, stdout=-1, text=True) as child:
    child.stdout.readline()
    print(name_process(child.pid), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def family():
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    # Whoever runs the tests may ignore hang-ups (nohup), and children would ignore them, too.
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n{PARENT}"
    parent = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, **streams)
    yield parent, parent.stdout.readline().strip()
    parent.kill()
    parent.wait()
    parent.stdout.close()


def wait_for_death(name: str) -> None:
    deadline = time.monotonic() + 10
    while is_alive(name):
        assert time.monotonic() < deadline, f"process {name} outlived its parent"
        time.sleep(0.01)


WAYS = {
    "kill -9 of the parent only": lambda pid: os.kill(pid, signal.SIGKILL),
    "kill -9 of the group": lambda pid: os.killpg(pid, signal.SIGKILL),
    "SIGTERM": lambda pid: os.kill(pid, signal.SIGTERM),
    "Ctrl-C": lambda pid: os.kill(pid, signal.SIGINT),
    "hang-up": lambda pid: os.kill(pid, signal.SIGHUP),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_child_dies_with_its_parent(family, way):
    parent, child = family
    assert is_alive(child) and os.getpgid(int(child.split(":")[0])) != os.getpgid(parent.pid)
    WAYS[way](parent.pid)
    parent.wait(timeout=30)
    wait_for_death(child)


def test_a_child_ends_with_its_block():
    with pytest.raises(ZeroDivisionError), child_process([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        name = name_process(child.pid)
        raise ZeroDivisionError
    assert not is_alive(name)


def test_an_orphan_ends_before_it_begins():
    code = "import sys; from pipelines.machine.processes import die_with_parent; die_with_parent(1); print('went on')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (3, "")


def test_a_number_that_was_given_again_is_another_process():
    mine = name_process()
    number, started, boot = mine.split(":")
    assert is_alive(mine) and name_process(os.getpid()) == mine
    for other in (f"{number}:{int(started) - 1}:{boot}", f"{number}:{started}:another", "", "x", number):
        assert not is_alive(other)
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    name = name_process(gone.pid)
    gone.wait()
    assert not is_alive(name)
