"""Runs in the console as people use it: in tmux at 80x24, on a real lab; and what a hang-up in the middle leaves behind."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.conftest import Lab

DEADLINE_S = 180.0
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """A tmux server of its own with the console on a lab in its only pane."""

    def __init__(self, socket: Path, lab: Lab) -> None:
        self._socket, self._lab = socket, lab

    def open(self) -> None:
        program = f"{sys.executable} -m ppsconsole -i {self._lab.inventory}; echo left with $?; cat"
        environ = [f"{name}={value}" for name, value in self._lab.env.items()]
        self("new-session", "-d", "-x", "80", "-y", "24", "env", "LC_ALL=C.UTF-8", *environ, "sh", "-c", program)

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE_S, cwd=ROOT).stdout

    def keys(self, *keys: str) -> None:
        self("send-keys", *keys)

    def until(self, is_true: Callable[[str], bool]) -> str:
        """Wait until the screen is as it should be and return it."""
        ends = time.monotonic() + DEADLINE_S
        while not is_true(screen := self("capture-pane", "-p")):
            assert time.monotonic() < ends, screen
            time.sleep(0.05)
        return screen

    def pid(self) -> int:
        """Return the console's process id."""
        shell = self("display-message", "-p", "#{pane_pid}").strip()
        command = ["pgrep", "-P", shell]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE_S).stdout.split()[0])


@pytest.fixture
def tmux(own_lab: Lab, tmp_path: Path) -> Iterator[Tmux]:
    done = own_lab.up()
    assert done.returncode == 0, done.stderr
    with opened(tmp_path / "tmux", own_lab) as made:
        yield made


@contextmanager
def opened(socket: Path, lab: Lab) -> Iterator[Tmux]:
    made = Tmux(socket, lab)
    made.open()
    try:
        yield made
    finally:
        if socket.exists():
            subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True, check=False, timeout=DEADLINE_S)


def run_by_keys(tmux: Tmux, way: str, *, is_named: bool = True) -> None:
    """From a plan to its run: by the cluster's name, or where its gate wants no more by the button alone."""
    tmux.until(lambda text: "Plan " in text and way in text)
    tmux.keys("w")
    tmux.until(lambda text: "UNLOCKED" in text)
    tmux.keys("x")
    if is_named:
        answer(tmux, "Type the cluster's name", "lab", "» [ Run")
        return
    screen = tmux.until(lambda text: "[ Run" in text and "(locked)" not in text)
    assert "Type the cluster's name" not in screen
    tmux.keys("Tab")
    tmux.until(lambda text: "» [ Run" in text)
    tmux.keys("Enter")


def answer(tmux: Tmux, question: str, words: str, button: str) -> None:
    """Type what a dialog asks for, and press what that unlocks."""
    tmux.until(lambda text: question in text)
    tmux.keys(words)
    tmux.until(lambda text: "unlocked: Tab" in text)
    tmux.keys("Tab")
    tmux.until(lambda text: button in text)
    tmux.keys("Enter")


def switch_over_by_keys(tmux: Tmux) -> None:
    """From the home screen to a run to the other side."""
    tmux.until(lambda text: "7 OK" in text)
    tmux.keys("F")
    tmux.until(lambda text: "» switchover --to db2" in text)
    tmux.keys("Enter")
    run_by_keys(tmux, "switchover db1 -> db2")


def steps(screen: str) -> int:
    """Return at which of its steps the run on the screen is, 0 where there is none: between two looks it may pass some."""
    found = re.search(r"Steps (\d+)/", screen)
    return int(found[1]) if found else 0


def test_killed_seen_planned_confirmed_and_started_again(tmux: Tmux, own_lab: Lab) -> None:
    tmux.until(lambda text: "7 OK" in text)
    own_lab.fault("kill", "db1")
    tmux.until(lambda text: "f        restart db1" in text)
    tmux.keys("f")
    run_by_keys(tmux, "restart db1", is_named=False)
    screen = tmux.until(lambda text: "SUCCESS" in text)
    assert screen.split()[:4] == ["lab", "LAB", "restart", "db1"]
    tmux.keys("Escape")
    tmux.until(lambda text: "Plan " in text or "Topology" in text)
    tmux.keys("q")
    tmux.until(lambda text: "left with 0" in text)


def runs(lab: Lab) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "ppsconsole", "-i", str(lab.inventory), "runs", "list", "--json"],
        env={**os.environ, **lab.env},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_a_line_that_drops_in_a_run_leaves_it_held_and_the_next_console_ends_it(tmux: Tmux, own_lab: Lab) -> None:
    switch_over_by_keys(tmux)
    tmux.until(lambda text: steps(text) > 1)
    pid = tmux.pid()
    tmux("kill-server")
    ends = time.monotonic() + DEADLINE_S
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < ends, "the console did not leave"
        time.sleep(0.05)
    found = runs(own_lab)
    assert len(found) == 1
    assert "held" in json.dumps(found[0])
    tmux.open()
    tmux.until(lambda text: "UNFINISHED RUN: R" in text)
    tmux.keys("R")
    screen = tmux.until(lambda text: "HELD" in text and "Steps " in text)
    assert "switchover db1 -> db2" in screen
    tmux.keys("w")
    tmux.until(lambda text: "HELD" in text)
    tmux.keys("r")
    screen = tmux.until(lambda text: "SUCCESS" in text)
    assert "none (proved)" in screen


def test_a_second_console_follows_a_run_is_handed_it_and_ends_it_while_the_first_follows(
    tmux: Tmux, own_lab: Lab, tmp_path: Path
) -> None:
    with opened(tmp_path / "second", own_lab) as second:
        second.until(lambda text: "7 OK" in text)
        switch_over_by_keys(tmux)
        tmux.until(lambda text: steps(text) > 0)
        tmux.keys("Space")
        second.keys("R")  # begun since it was opened
        tmux.until(lambda text: "HELD" in text)
        screen = second.until(lambda text: "FOLLOWED held by " in text)
        assert "; only followed here" in screen
        assert "switchover db1 -> db2" in screen
        tmux.keys("h")
        answer(tmux, "Hand over to the next console", "yours now", "» [ Hand over ]")
        tmux.until(lambda text: "HANDED OVER" in text)
        screen = second.until(lambda text: "HANDED OVER" in text)
        assert "yours now" in screen
        second.keys("w", "r")
        tmux.until(lambda text: "FOLLOWED" in text or "SUCCESS" in text)
        screen = second.until(lambda text: "SUCCESS" in text)
        assert "none (proved)" in screen
        tmux.until(lambda text: "SUCCESS" in text)
        second.keys("Escape")
        second.until(lambda text: "Topology" in text and "UNFINISHED" not in text)
    (found,) = runs(own_lab)
    assert found["verdict"] == "success"
