"""The console in a real terminal: first frame, hang-up, termination, quitting, colours."""

import os
import signal
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tui.on_pty import DEADLINE_S, Terminal, on_pty

HEAVY = {"asyncssh", "psycopg", "sqlalchemy", "aiohttp", "cryptography", "pyodbc"}

INVENTORY = """
version: 1
cluster: {name: prod-eu}
sites: {a: {}}
hosts:
  db1-host: {site: a, address: 127.0.0.1}
  pps1-host: {site: a, address: 127.0.0.2}
web_nodes:
  pps1: {host: pps1-host, url: "https://127.0.0.2:10001", service: {kind: systemd, name: pps}}
database:
  kind: postgres
  database: pps
  instances:
    db1: {host: db1-host, declared: primary}
"""


@contextmanager
def terminal(
    folder: Path, size: tuple[int, int] = (80, 24), *, has_controlling_terminal: bool = True, **environ: str
) -> Iterator[Terminal]:
    """Open the console as the command does."""
    path = folder / "inventory.yaml"
    path.write_text(INVENTORY)
    path.chmod(0o600)
    words = [sys.executable, "-m", "tests.tui.opened", str(path), str(folder / "modules")]
    with on_pty(words, size, has_controlling_terminal=has_controlling_terminal, **environ) as opened:
        yield opened


def wait_for_file(path: Path) -> str:
    until = time.monotonic() + DEADLINE_S
    while not path.exists() or not path.read_text():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.02)
    return path.read_text()


def test_the_first_frame_comes_before_anything_heavy(tmp_path: Path) -> None:
    with terminal(tmp_path) as opened:
        opened.read_until("READ-ONLY")
        loaded = {name.partition(".")[0] for name in wait_for_file(tmp_path / "modules-first").splitlines()}
        assert "textual" in loaded
        assert not loaded & HEAVY
        assert not loaded & {"hashlib", "json"}  # milliseconds each, and nothing that is shown needs them


def test_the_first_frame_loads_only_what_it_shows(tmp_path: Path) -> None:
    """Each module of ours takes a millisecond or more: what comes later is loaded later, by the keys or beside them."""
    with terminal(tmp_path) as opened:
        opened.read_until("READ-ONLY")
        names = wait_for_file(tmp_path / "modules-first").splitlines()
        ours = [name.split(".") for name in names if name.startswith("ppsconsole.")]
        packages = {each[1] for each in ours} - {"__main__", "clock", "errors", "masking", "values"}
        assert packages == {"cluster", "draw", "inventory", "probes", "settings", "tui"}
        assert {each[3] for each in ours if each[1:3] == ["tui", "screens"] and len(each) > 3} == {"base", "home"}
        assert not {"ppsconsole.tui.engine_host", "ppsconsole.draw.node"} & set(names)
        assert "ppsconsole.advice.diagnosis" in wait_for_file(tmp_path / "modules").splitlines(), "the rest came beside the keys"


def test_ctrl_l_draws_the_whole_screen_again(tmp_path: Path) -> None:
    with terminal(tmp_path) as opened:
        opened.read_until("READ-ONLY")
        wait_for_file(tmp_path / "modules")
        seen = len(opened.seen)
        os.write(opened.master, b"\x0c")
        opened.read_until_true(lambda _: b"READ-ONLY" in opened.seen[seen:])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGTERM, 143)])
def test_a_signal_leaves_in_order_and_gives_the_terminal_back(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with terminal(tmp_path) as opened:
        before = termios.tcgetattr(opened.master)
        opened.read_until("READ-ONLY")
        wait_for_file(tmp_path / "modules")
        opened.process.send_signal(number)
        assert opened.read_to_end() == code
        assert b"\x1b[?1049l" in opened.seen, "the alternate screen is left"
        assert b"\x1b[?25h" in opened.seen, "the cursor is back"
        assert b"Traceback" not in opened.seen
        assert termios.tcgetattr(opened.master)[3] == before[3], "echo and line mode are as before"


def test_a_line_that_drops_ends_the_console(tmp_path: Path) -> None:
    with terminal(tmp_path) as opened:
        opened.read_until("READ-ONLY")
        wait_for_file(tmp_path / "modules")
        os.close(opened.master)
        opened.master = -1
        assert opened.process.wait(DEADLINE_S) == 129


@pytest.mark.parametrize("key", [b"q", b"\x03"])
def test_q_and_ctrl_c_quit(tmp_path: Path, key: bytes) -> None:
    with terminal(tmp_path) as opened:
        opened.read_until("READ-ONLY")
        wait_for_file(tmp_path / "modules")
        os.write(opened.master, key)
        assert opened.read_to_end() == 0
        assert b"\x1b[?1049l" in opened.seen


def test_no_color_sends_no_colour(tmp_path: Path) -> None:
    with terminal(tmp_path, NO_COLOR="1") as opened:
        opened.read_until("READ-ONLY")
        wait_for_file(tmp_path / "modules")
        os.write(opened.master, b"?")
        opened.read_until("Select the node above")
        assert b"38;2;" not in opened.seen
        assert b"48;2;" not in opened.seen
        assert b"38;5;" not in opened.seen
        assert b"\x1b[31m" not in opened.seen


def test_the_linux_console_gets_ascii(tmp_path: Path) -> None:
    with terminal(tmp_path, TERM="linux", COLORTERM="") as opened:
        opened.read_until("READ-ONLY")
        wait_for_file(tmp_path / "modules")
        os.write(opened.master, b"q")
        assert opened.read_to_end() == 0
        assert opened.seen.isascii()
        assert b"38;2;" not in opened.seen


def test_a_terminal_that_vanishes_without_a_hang_up_ends_the_console_too(tmp_path: Path) -> None:
    with terminal(tmp_path, has_controlling_terminal=False) as opened:
        opened.read_until("READ-ONLY")
        wait_for_file(tmp_path / "modules")
        os.close(opened.master)
        opened.master = -1
        assert opened.process.wait(DEADLINE_S) == 129
