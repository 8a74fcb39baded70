"""The console as people use it: inside tmux, keys sent, screen read."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tui.on_pty import ROOT
from tests.tui.test_terminal import INVENTORY

DEADLINE_S = 120.0

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """A tmux server of its own, with the console in its only pane."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE_S, cwd=ROOT).stdout

    def until(self, is_true: Callable[[str], bool]) -> str:
        """Wait until the screen is as it should be and return it."""
        until = time.monotonic() + DEADLINE_S
        while not is_true(screen := self("capture-pane", "-p")):
            assert time.monotonic() < until, screen
            time.sleep(0.02)
        return screen


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    path.chmod(0o600)
    server = Tmux(tmp_path / "tmux")
    program = f"{sys.executable} -m tests.tui.opened {path} {tmp_path / 'modules'}; echo left with $?; cat"
    server("new-session", "-d", "-x", "80", "-y", "24", "env", "LC_ALL=C.UTF-8", "COLUMNS=80", "LINES=24", "sh", "-c", program)
    yield server
    server("kill-server")


def test_open_look_around_copy_and_leave(tmux: Tmux) -> None:
    screen = tmux.until(lambda text: "q Quit" in text and "db1" in text)
    assert "LIVE" in screen.splitlines()[0]
    assert "READ-ONLY" in screen.splitlines()[0]
    tmux("send-keys", "?")
    tmux.until(lambda text: "Select the node above" in text)
    tmux("send-keys", "Escape")
    tmux.until(lambda text: "Topology" in text)
    tmux("send-keys", "y")
    tmux.until(lambda text: "Copied" in text)
    assert "What happened, what next ==" in tmux("show-buffer"), "tmux's own buffer: it drops OSC 52 by default"
    tmux("send-keys", "q")
    assert "Topology" not in tmux.until(lambda text: "left with 0" in text), "the screen is as it was before"


def test_it_follows_the_size_of_its_window(tmux: Tmux) -> None:
    tmux.until(lambda text: "q Quit" in text and "db1" in text)
    tmux("resize-window", "-x", "140", "-y", "45")
    tmux.until(lambda text: "Commands we ran" in text)
    tmux("resize-window", "-x", "40", "-y", "12")
    tmux.until(lambda text: "Topology" in text and "Gauges" not in text)
    tmux("send-keys", "q")
    tmux.until(lambda text: "left with 0" in text)
