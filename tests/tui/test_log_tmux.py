"""The pager as people use it: inside tmux, with the console going on beneath it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.test_terminal import INVENTORY
from tests.tui.test_tmux import Tmux

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

PAGER = "cat; echo PAGED; read answer </dev/tty; echo LEFT"


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    path.chmod(0o600)
    server = Tmux(tmp_path / "tmux")
    program = f"{sys.executable} -m tests.tui.opened {path} {tmp_path / 'modules'}; echo left with $?; cat"
    server("new-session", "-d", "-x", "80", "-y", "24", "env", "LC_ALL=C.UTF-8", f"PAGER={PAGER}", "sh", "-c", program)
    yield server
    subprocess.run(["tmux", "-S", str(tmp_path / "tmux"), "kill-server"], capture_output=True, check=False, timeout=30)


def test_a_log_opens_in_the_pager_and_the_console_comes_back(tmux: Tmux) -> None:
    tmux.until(lambda text: "q Quit" in text and "db1" in text)
    tmux("send-keys", "L")
    tmux.until(lambda text: "Esc Back" in text and "(1/" in text)
    tmux("send-keys", "[")
    tmux.until(lambda text: "commands (" in text)
    tmux("send-keys", "[", "[")
    tmux.until(lambda text: "journal (" in text and "No run" in text)
    tmux("send-keys", "o")
    shown = tmux.until(lambda text: "PAGED" in text)
    assert "-- No run of this cluster is known here yet." in shown
    assert "q Quit" not in shown, "the console paints nothing over it"
    tmux("resize-window", "-x", "100", "-y", "30")
    tmux("send-keys", "Enter")
    screen = tmux.until(lambda text: "q Quit" in text and "journal (" in text and len(text.splitlines()[1]) == 100)
    assert "PAGED" not in screen
    tmux("send-keys", "Escape")
    tmux.until(lambda text: "Topology" in text)
    tmux("send-keys", "q")
    tmux.until(lambda text: "left with 0" in text)


def test_an_interrupt_in_the_pager_is_the_pagers_business(tmux: Tmux) -> None:
    tmux.until(lambda text: "q Quit" in text and "db1" in text)
    tmux("send-keys", "L")
    tmux.until(lambda text: "Esc Back" in text and "(1/" in text)
    tmux("send-keys", "o")
    tmux.until(lambda text: "PAGED" in text)
    tmux("send-keys", "C-c")
    tmux.until(lambda text: "q Quit" in text and "Esc Back" in text)
    tmux("send-keys", "Escape")
    tmux.until(lambda text: "Topology" in text)
