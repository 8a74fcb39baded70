"""Every way out of every screen, on a real terminal below a real shell: stopped and continued, hung up, ended, interrupted.

Each screen is opened by keys, stopped by Ctrl-Z, continued by `fg`, and ended in one of the ways, which go round; on a run that
is at a step all of them are tried. With PPSCONSOLE_EVERY_WAY_OUT=1 in the environment each screen is left in all of the ways:
Ctrl-Z and `fg` before SIGHUP, SIGTERM, Ctrl-C and a closed terminal.
"""

import importlib
import inspect
import os
import pkgutil
import signal
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, product
from pathlib import Path

import pytest
from textual.screen import Screen

from ppsconsole.inventory import draft
from ppsconsole.inventory.answers import Answers
from ppsconsole.tui import screens
from tests.tui.on_pty import DEADLINE_S, Played, is_at, on_pty
from tests.tui.test_first import SMALL, stored
from tests.tui.test_leaving import takes_keys

Keys = tuple[tuple[bytes, str], ...]
"""What is pressed, and what stands on the screen then; a text that begins with `>` is an order to the scripted source."""

IN_PAGER = "in the pager"
PLAN: Keys = ((b"F", "Ways out"), (b"\r", "nothing has been changed"))
RUN_ENDED: Keys = ((b">run promote", "Steps"), (b">go", "success"))
SCREENS: dict[str, Keys] = {
    "home": (),
    "node": ((b"\r", "l Log"),),
    "log": ((b"L", "f Follow"),),
    "events": ((b"e", "Events, newest first"),),
    "help": ((b"?", "Select the node above"),),
    "palette": ((b":", "type, or choose"),),
    "find": ((b"?", "Select the node above"), (b"/", "Esc")),
    "ways": PLAN[:1],
    "plan": PLAN,
    "dialog": (*PLAN, (b"w", "UNLOCKED"), (b"x", "locked until the name")),
    "run": RUN_ENDED,
    "runs": (*RUN_ENDED, (b"H", "Runs: 1")),
    "replay": (*RUN_ENDED, (b"v", "Next")),
    "report": (*RUN_ENDED, (b"o", "m Markdown")),
    "pager": (*RUN_ENDED, (b"o", "m Markdown"), (b"o", IN_PAGER)),
    "commands": ((b"c", "Commands we ran, newest first"),),
    "why": ((b"d", "Every rule is kept"),),
    "gauge": ((b"2", "» Gauges"), (b"\r", "Gauge: lag db2")),
}
"""Screens of the console on a cluster."""

FIRST: dict[str, Keys] = {
    "picker": ((b"", "which cluster?"),),
    "mistakes": ((b"G\x1b[H", "which cluster?"), (b"\r", "e Edit")),
    "wizard": ((b"", "no inventory yet"), (b"j\r", "Enter Take")),
    "preview": (
        (b"", "no inventory yet"),
        (b"j\r", "Answers of an earlier time"),
        *((b"\r" * asked, seen) for asked, seen in ((7, "PostgreSQL primary"), (7, "Web nodes"), (3, "Where to write it"))),
        (b"\r", "w writes this inventory"),
    ),
    "welcome": ((b"", "no inventory yet"),),
}
"""Screens before there is a cluster."""

CLASSES = {"ways": "ChooseScreen", "dialog": "Dialog"}
"""Which screen it is, where that has another name."""
OVER = ("palette", "find", "pager")
"""Something over a screen, or on it."""

ENDINGS = ("hang-up", "terminate", "interrupt", "close")
CODES = {"hang-up": 129, "terminate": 143, "interrupt": 0, "close": 129}
BELOW = {"dialog": "x Run  Enter", "pager": "m Markdown"}
"""Where Ctrl-C is taken as an answer or goes to another program: what is seen after it, and the next one leaves."""


def ways_out(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return which screens are left in which ways."""
    if os.environ.get("PPSCONSOLE_EVERY_WAY_OUT"):
        return list(product(names, ENDINGS))
    # Not there by Ctrl-C: each of the others is met often enough.
    pairs = zip(names, cycle(ENDINGS), strict=False)
    return [(name, "terminate" if how == "interrupt" and name in BELOW else how) for name, how in pairs]


class Shell(Played):
    """A shell with job control on a terminal of its own, and a program in it."""

    before: list[int]

    def go_to(self, keys: Keys) -> None:
        """Open a screen by keys."""
        for pressed, seen in keys:
            if pressed.startswith(b">"):
                self.tell(pressed[1:].decode())
            else:
                self.press(pressed)
            self.read_until(seen)

    def job(self) -> int:
        """Return the process group that has the terminal: the program's, whose leader it is."""
        return os.tcgetpgrp(self.master)

    def stop_and_continue(self, seen: str) -> None:
        """Press Ctrl-Z, see that the shell has its terminal as it was, and go on."""
        self.press(b"\x1a")
        self.read_until_true(lambda _: self.job() == self.process.pid and self.given_back())
        self.press(b"fg; echo left with $?\r")
        is_pager = seen == IN_PAGER  # which takes lines
        self.read_until_true(
            lambda screen: seen in screen and self.job() != self.process.pid and takes_keys(self) is not is_pager
        )

    def given_back(self) -> bool:
        """Return whether the terminal is as it was before the program: its modes, its screen, its cursor."""
        after = self.seen.rpartition(b"\x1b[?1049")[2]
        return termios.tcgetattr(self.master)[3] == self.before[3] and after.startswith(b"l") and b"\x1b[?25h" in after


@contextmanager
def shell(words: Sequence[str], **environ: str) -> Iterator[Shell]:
    """Start a program below a shell, as people do."""
    reading, writing = os.pipe()
    program = " ".join([sys.executable, "-m", *(each.format(orders=reading) for each in words)])
    environ |= {"PS1": "ready> ", "ENV": "", "PAGER": f"sh -c 'cat >/dev/null; echo {IN_PAGER}; exec sleep 600'"}
    try:
        with on_pty(["sh", "-i"], pass_fds=(reading,), **environ) as opened:
            opened.__class__ = Shell
            assert isinstance(opened, Shell)
            opened.orders = writing
            opened.read_until("ready>")
            opened.before = termios.tcgetattr(opened.master)
            opened.press(f"{program}; echo left with $?\r".encode())  # where it was stopped, that is said by `fg`
            yield opened
    finally:
        os.close(reading)
        os.close(writing)


def gone(process: int) -> bool:
    """Return whether a process has ended; who it was left to may not have taken note of that yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second: it went while it was read
        return True


def end(opened: Shell, how: str) -> None:
    """End the program in one of the ways, and see that nothing is left of it."""
    process = opened.job()
    assert process != opened.process.pid
    seen = len(opened.seen)
    opened.strike(process, how)
    if how != "close":
        left = f"left with {CODES[how]}\r\n".encode()
        opened.read_until_true(lambda _: left in opened.seen[seen:] and opened.given_back())
        assert b"Traceback" not in opened.seen
    until = time.monotonic() + DEADLINE_S
    while not gone(process):
        assert time.monotonic() < until, "it did not leave"
        time.sleep(0.02)


@pytest.mark.parametrize(("screen", "how"), ways_out(tuple(SCREENS)))
def test_every_screen_is_stopped_continued_and_left(screen: str, how: str) -> None:
    with shell(["tests.tui.played", "{orders}"]) as opened:
        opened.read_until("q Quit")
        opened.go_to(SCREENS[screen])
        opened.stop_and_continue(SCREENS[screen][-1][1] if SCREENS[screen] else "q Quit")
        if how == "interrupt" and screen in BELOW:
            opened.press(b"\x03")
            opened.read_until_true(lambda shown: BELOW[screen] in shown and takes_keys(opened))
        end(opened, how)


@pytest.mark.parametrize(("screen", "how"), ways_out(tuple(FIRST)))
def test_every_screen_before_there_is_a_cluster_too(screen: str, how: str) -> None:
    if screen in ("picker", "mistakes"):
        stored("inventory.yaml", SMALL.replace("kind: postgres", "kind: oracle"))
        stored("inventories/second.yaml")
    if screen == "preview":
        nobody = {"ssh": ("127.0.0.1:1",), "db": "127.0.0.1:1", "web": ("127.0.0.1:2",)}
        said = {
            "db_name": "pps",
            "db_user": "console",
            "db_tls": "disable",
            "web_service": "systemd:pps",
            "mode": "active-passive",
        }
        draft.keep(Answers(cluster="demo", ssh_config="none", **nobody, **said), draft.draft_path(os.environ))
    with shell(["ppsconsole"]) as opened:
        opened.go_to(FIRST[screen])
        opened.stop_and_continue(FIRST[screen][-1][1])
        end(opened, how)


def test_no_screen_is_left_out() -> None:
    there = set()
    for each in pkgutil.iter_modules(screens.__path__, f"{screens.__name__}."):
        for name, found in inspect.getmembers(importlib.import_module(each.name), inspect.isclass):
            if found.__module__ == each.name and issubclass(found, Screen) and not inspect.isabstract(found):
                there.add(name)
    there -= {"ConsoleScreen", "FirstScreen", "ListScreen", "Page"}
    assert {CLASSES.get(each, f"{each.capitalize()}Screen") for each in (*SCREENS, *FIRST) if each not in OVER} == there


@pytest.mark.parametrize("how", ENDINGS)
def test_a_run_at_a_step_is_finished_and_held_whatever_ends_the_console(how: str) -> None:
    with shell(["tests.tui.played", "{orders}"]) as opened:
        opened.read_until("q Quit")
        opened.tell("run promote")
        opened.read_until_true(is_at("promote"))
        opened.press(b"\x1a")
        opened.read_until("stopping now")
        process = opened.job()
        if how == "interrupt":
            opened.press(b"\x03")
            opened.read_until("A run is going")
            opened.press(b"\t")
            opened.read_until("» [ Hold and leave ]")
            opened.press(b"\r")
        elif how == "close":
            os.close(opened.master)
            opened.master = -1
        else:
            os.kill(process, signal.SIGHUP if how == "hang-up" else signal.SIGTERM)
        if how in ("interrupt", "terminate"):
            opened.read_until("Leaving: the step")
        assert not gone(process), "the step is at hand"
        opened.tell("go")
        if how not in ("close", "hang-up"):
            opened.read_until_true(lambda screen: f"left with {CODES[how]}" in screen and opened.given_back())
        until = time.monotonic() + DEADLINE_S
        while not gone(process):
            assert time.monotonic() < until, "it did not leave"
            time.sleep(0.02)
