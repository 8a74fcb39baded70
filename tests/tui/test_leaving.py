"""Every way out: Ctrl-Z and back, a frozen terminal, a mistake of the console's own; on real terminals."""

import os
import shutil
import signal
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.tui.on_pty import DEADLINE_S, Terminal, is_at, on_pty, played
from tests.tui.played import SECRET
from tests.tui.test_terminal import terminal, wait_for_file


def wait_for_stop(process: int) -> None:
    """Wait until the process is stopped, as its state in /proc says."""
    until = time.monotonic() + DEADLINE_S
    while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < until, "it was not stopped"
        time.sleep(0.02)


def takes_keys(opened: Terminal) -> bool:
    """Return whether the terminal hands keys on one by one: it is drawn on a moment before; what is typed then may be lost."""
    return not termios.tcgetattr(opened.master)[3] & termios.ICANON


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_ctrl_z_gives_the_shell_back_and_fg_the_console(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with on_pty(["bash", "--norc", "--noprofile", "-i"], pass_fds=(reading,), PS1="ready> ", HISTFILE="") as shell:
        shell.read_until("ready>")
        # Below a program that waits for it, as sudo does: that one has to stop too.
        shell.press(f"sh -c '{sys.executable} -m tests.tui.played {reading}; true'\r".encode())
        shell.read_until("q Quit")
        before = shell.screen.cells()
        shell.press(b"\x1a")
        shell.read_until("ppsconsole is stopped; fg goes on.")
        shell.read_until("Stopped")
        shell.press(b"echo $((6*7))\r")
        shell.read_until("42")
        assert b"\x1b[?1049l" in shell.seen
        assert termios.tcgetattr(shell.master)[3] & termios.ISIG, "the shell's keys are signals again"
        shell.press(b"fg\r")
        shell.read_until_true(lambda _: shell.screen.cells() == before and takes_keys(shell))
        shell.press(b"?")
        shell.read_until("Select the node above")
        shell.press(b"\x1a")
        shell.read_until("Stopped")
        shell.press(b"bg\r")
        until = time.monotonic() + DEADLINE_S
        while shell.seen.count(b"Stopped") < 3:  # of its own accord bash tells it before a prompt; each stop is told once
            assert time.monotonic() < until, shell.screen.text
            shell.press(b"\r")
            shell.read(0.2)
        shell.screen.scribble()
        shell.press(b"fg\r")
        shell.read_until_true(lambda screen: screen.endswith("q Quit") and takes_keys(shell))
        shell.press(b"q")
        shell.read_until_true(lambda _: "ready>" in shell.screen.rows[shell.screen.cursor[1]])
        shell.press(b"echo $((7*8))\r")
        shell.read_until("56")
        shell.press(b"exit\r")
        shell.read_to_end()
    os.close(reading)
    os.close(writing)


def test_ctrl_z_without_a_shell_says_so_and_stays() -> None:
    with played() as opened:
        opened.press(b"\x1a")
        opened.read_until("There is no shell to go back to")
        opened.press(b"q")
        assert opened.read_to_end() == 0


@pytest.mark.parametrize("how", ["key", "signal"])
def test_a_run_at_a_step_is_not_stopped(how: str) -> None:
    with played() as opened:
        opened.tell("run promote")
        opened.read_until_true(is_at("promote"))
        if how == "key":
            opened.press(b"\x1a")
        else:
            opened.signal(signal.SIGTSTP)
        opened.read_until("stopping now")
        opened.tell("go")
        opened.read_until("success")
        assert b"1049l" not in opened.seen


def test_a_stop_that_nobody_asked_us_about_is_survived_too() -> None:
    with played() as opened:
        before = opened.screen.cells()
        opened.signal(signal.SIGSTOP)
        wait_for_stop(opened.process.pid)
        opened.screen.scribble()
        opened.signal(signal.SIGCONT)
        opened.read_until_true(lambda _: opened.screen.cells() == before)
        opened.press(b"q")
        assert opened.read_to_end() == 0


def test_a_frozen_terminal_freezes_neither_the_console_nor_its_end(tmp_path: Path) -> None:
    with terminal(tmp_path, (200, 60)) as opened:
        opened.read_until("READ-ONLY")
        wait_for_file(tmp_path / "modules")
        for number in range(60):  # nobody reads the answers: far more than a terminal's buffer
            opened.press(b"?" if number % 2 else b"\x1b")
            time.sleep(0.01)
        opened.signal(signal.SIGTERM)
        assert opened.process.wait(DEADLINE_S) == 143


def test_the_screen_is_whole_after_every_change_of_size() -> None:
    with played() as opened:
        for width, height in ((120, 40), (50, 15), (80, 24)):
            opened.resize(width, height)
            opened.read_until_true(lambda text: not opened.screen.is_scribbled and text.rstrip().endswith("Quit"))
            assert "READ-ONLY" in opened.screen.rows[0]


def told(opened: Terminal) -> str:
    """Return what stands on the screen once the console is gone."""
    assert opened.read_to_end() == 1
    assert b"\x1b[?1049l" in opened.seen
    after = opened.seen.rpartition(b"\x1b[?1049l")[2].decode()
    assert SECRET not in opened.seen.decode(errors="replace")
    assert "Traceback" not in opened.seen.decode(errors="replace")
    return after.replace("\r\n", "\n")


@pytest.mark.parametrize("what", ["draw", "key"])
def test_a_mistake_is_told_without_values_and_kept_without_secrets(what: str, tmp_path: Path) -> None:
    with played(XDG_STATE_HOME=str(tmp_path)) as opened:
        opened.tell(f"fail {what}")
        if what == "key":
            opened.read_until("r fails now")
            opened.press(b"r")
        words = told(opened)
    (report,) = (tmp_path / "ppsconsole" / "crashes").iterdir()
    assert report.stat().st_mode & 0o777 == 0o600
    kept = report.read_text()
    assert "raise_mistake" in kept
    assert "cannot draw ••• of pps1" in kept
    assert SECRET not in kept
    assert "ended by a mistake of its own: Mistake" in words
    assert "No run was open" in words
    assert str(report) in words


def test_a_mistake_while_a_run_acts_ends_the_step_and_says_how_to_go_on(tmp_path: Path) -> None:
    with played(XDG_STATE_HOME=str(tmp_path)) as opened:
        opened.tell("run promote")
        opened.read_until_true(is_at("promote"))
        opened.tell("fail draw")
        opened.read_until("finished and verified first")
        assert b"\x1b[?1049l" in opened.seen, "the terminal is given back before that"
        opened.tell("go")
        words = told(opened)
    assert "Run 4711abcd (switchover) is held" in words
    assert "ppsconsole -i inventory.yaml runs resume 4711abcd" in words
