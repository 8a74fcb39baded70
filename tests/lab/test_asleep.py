"""A console that sleeps (SIGSTOP) through a takeover on a real lab, and wakes up: it does nothing, says so, and ends with 7."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.conftest import Lab, wait_for
from tests.lab.kill_cases_roles import Switchover
from tests.lab.kill_nursery import shared_nursery
from tests.lab.kill_scene import LIMIT_S, KillScene


@pytest.fixture
def scene(own_lab: Lab, tmp_path: Path) -> KillScene:
    done = own_lab.up()
    assert done.returncode == 0, done.stderr
    return KillScene(own_lab, tmp_path / "consoles", shared_nursery())


@contextmanager
def asleep(scene: KillScene, point: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A console on the machine `here` that falls asleep after a record."""
    line = [sys.executable, "-m", "tests.lab.deadly", "asleep", point, "-i", str(scene.lab.inventory), *arguments]
    env = {**os.environ, "XDG_STATE_HOME": str(scene.folder / "here")}
    root = Path(__file__).resolve().parents[2]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    console = subprocess.Popen(line, env=env, cwd=root, **pipes)
    try:
        wait_for(lambda: console.poll() is not None or _is_stopped(console.pid), f"it falls asleep at {point}", LIMIT_S)
        assert console.poll() is None, console.communicate()
        yield console
    finally:
        console.kill()
        console.wait(LIMIT_S)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_console_that_slept_through_a_takeover_does_nothing_and_says_so(scene: KillScene) -> None:
    """It falls asleep with the promotion standing ready on its host, before the word for it is given."""
    _, new = scene.aim()
    before, case = scene.marks(), Switchover()
    case.set_up(scene)
    planned = scene.console("here", "plan", "switchover", "--to", new, "--json")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    answers = ["--approve", json.loads(planned.stdout)["hash"]]
    with asleep(scene, "step-started promote", "run", "switchover", "--to", new, *answers) as console:
        # Its own journal may be locked: it sleeps wherever it was.
        [lease] = (scene.lab.home(new) / ".ppsconsole").glob("*/lease")
        run = lease.read_text().split()[1]
        refused = scene.console("there", "runs", "resume", run, *answers)
        assert (refused.returncode, "--reason" in refused.stderr) == (7, True), refused.stdout + refused.stderr
        ended = scene.console("there", "runs", "resume", run, *answers, "--reason", "the lid was closed")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        done = scene.marks()
        console.send_signal(signal.SIGCONT)
        stdout, stderr = console.communicate(timeout=LIMIT_S)
        said = stdout + stderr
    assert console.returncode == 7, said
    assert f"another console took the lease of run {run} over and has given it back since (epoch 2, this console's is 1)" in said
    assert f"ppsconsole runs show {run}" in said, said
    assert scene.marks() == done, "it did nothing after it was woken"
    scene.check(case, run, "there", before)
    shown = scene.console("here", "runs", "show", run)
    assert "success" in shown.stdout, shown.stdout + shown.stderr
