"""What is copied reaches the clipboard of the terminal, also behind GNU screen; on the way it draws nothing."""

import base64
import re
from collections.abc import Mapping
from typing import Any

import pytest

from ppsconsole.tui.clipboard import is_in_screen, through_screen
from ppsconsole.tui.terminal.differ import Differ
from tests.tui.scripted import Console, run_console

MOST_BYTES = 767
"""What GNU screen keeps of one string."""

_STRING = re.compile("\x1bP((?:[^\x1b]|\x1b(?!\\\\))*)\x1b\\\\")
_COPIED = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


def passed_on(sent: str) -> str:
    """Return what GNU screen would hand to the terminal outside of it: the contents of the strings, one after the other."""
    assert _STRING.sub("", sent) == "", "nothing stands between the strings"
    contents = [each.group(1) for each in _STRING.finditer(sent)]
    assert all(len(each.encode()) <= MOST_BYTES for each in contents)
    return "".join(contents)


def copied(sequence: str) -> str:
    """Return the text that a terminal takes to its clipboard."""
    found = _COPIED.fullmatch(sequence)
    assert found is not None
    return base64.b64decode(found.group(1), validate=True).decode()


@pytest.mark.parametrize(
    ("environ", "is_there"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-256color", "STY": "4242.pts-1.jump"}, True),
        ({"TERM": "screen.xterm-256color"}, True),
        ({"TERM": "screen"}, True),
        ({"TERM": "screen-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, False),
        ({"TERM": "tmux-256color"}, False),
        ({}, False),
    ],
)
def test_screen_is_known_by_its_session_or_its_terminal(environ: Mapping[str, str], is_there: bool) -> None:
    assert is_in_screen(environ) is is_there


@pytest.mark.parametrize("length", [0, 1, 560, 562, 563, 564, 565, 1100, 1140, 5000, 300_000])
def test_any_text_goes_through_screen_in_pieces_that_it_keeps(length: int) -> None:
    text = ("db1 PRIMARY ● läuft\n" * (length // 18 + 1))[:length]
    assert copied(passed_on(through_screen(text))) == text


def test_the_pieces_are_sent_as_they_stand_and_nothing_is_drawn_again() -> None:
    differ = Differ()
    differ.resize(20, 3)
    differ.take("\x1b[?1049h\x1b[1;1Hdb1 PRIMARY")
    differ.due()
    sent = through_screen("== Topology ==\n" * 200)
    differ.take(sent)
    assert differ.due() == sent
    differ.take("\x1b[2;1Hlag 0.8s")
    assert "db1" not in differ.due()


@pytest.mark.parametrize("is_screen", [True, False])
def test_y_sends_what_lets_the_text_through(is_screen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("TERM", "screen.xterm-256color" if is_screen else "xterm-256color")
    monkeypatch.delenv("STY", raising=False)
    written: list[str] = []

    async def look(opened: Console) -> None:
        driver: Any = opened.app._driver
        monkeypatch.setattr(driver, "write", written.append)
        await opened.press("y")
        sent = next(each for each in written if "]52;" in each)
        text = copied(passed_on(sent) if is_screen else sent)
        assert "== Gauges ==" in text
        assert text == opened.app.clipboard

    run_console(look)
