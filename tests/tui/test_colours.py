"""What is sent to each kind of terminal: which colours, and that nothing depends on them."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ppsconsole.inventory.places import config_home
from ppsconsole.tui.theming import load_palette
from tests.tui.on_pty import Played, Terminal, on_pty, played
from tests.tui.test_terminal import INVENTORY

_SGR = re.compile(rb"\x1b\[([\d;]*)m")
_ATTRIBUTES = {"0", "1", "2", "3", "4", "7", "22", "23", "24", "27"}
_SIXTEEN = {str(number) for base in (30, 90) for number in range(base, base + 8)}
_NONE: set[str] = set()


def pens(data: bytes) -> set[str]:
    """Return the kinds of SGR parameters in `data`: `38;2` for any true colour, `38;5` for any of 256, else the number."""
    found: set[str] = set()
    for each in _SGR.finditer(data):
        numbers = iter(each.group(1).decode().split(";"))
        for number in numbers:
            if number in ("38", "48"):
                space = next(numbers)
                found.add(f"{number};{space}")
                for _ in range(3 if space == "2" else 1):
                    next(numbers)
            else:
                found.add(number or "0")
    return found


def quiet(opened: Terminal) -> None:
    """Read until nothing has come for a while, and the console waits for something: what a busy machine holds up is not done."""
    while opened.read(0.4) or is_at_work(opened.process.pid):
        pass


def is_at_work(process: int) -> bool:
    """Return whether a thread of the process runs, or would if there was a processor for it."""
    try:
        stats = [each.read_text() for each in Path(f"/proc/{process}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):  # a thread that ended meanwhile
        return True
    return any(each.rpartition(")")[2].split()[0] in "RD" for each in stats)


def wear(opened: Terminal, theme: str) -> bytes:
    """Type the command for another theme; return what was sent after it."""
    opened.press(f":theme {theme}".encode())
    opened.read_until(f":theme {theme}")
    quiet(opened)
    before = len(opened.seen)
    opened.press(b"\r")
    opened.read_until("q Quit")
    quiet(opened)
    return opened.seen[before:]


@contextmanager
def broken(**environ: str) -> Iterator[Played]:
    """Open the console on a cluster that lost its primary, and look around."""
    with played(**environ) as opened:
        opened.tell("show primary-down")
        opened.read_until("db1 DOWN")
        opened.press(b"?")
        opened.read_until("Select the node above")
        opened.press(b"\x1b")
        opened.read_until("db1 DOWN")
        quiet(opened)
        yield opened


@pytest.mark.parametrize(
    ("environ", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, {"38;2", "48;2"}),
        ({"TERM": "xterm-256color", "COLORTERM": ""}, {"38;5", "48;5"}),
        ({"TERM": "tmux-256color", "COLORTERM": ""}, {"38;5", "48;5"}),
        ({"TERM": "xterm-16color", "COLORTERM": ""}, _SIXTEEN),
        ({"TERM": "screen", "COLORTERM": ""}, _SIXTEEN),
        ({"TERM": "vt100", "COLORTERM": ""}, _SIXTEEN),
        ({"TERM": "linux", "COLORTERM": ""}, _SIXTEEN),
        ({"NO_COLOR": "1"}, _NONE),
        ({"NO_COLOR": "1", "PPSCONSOLE_THEME": "light"}, _NONE),
        ({"NO_COLOR": "1", "TERM": "linux", "COLORTERM": ""}, _NONE),
    ],
    ids=lambda value: " ".join(f"{key}={word}" for key, word in value.items()) if isinstance(value, dict) else "",
)
def test_a_terminal_gets_the_colours_it_has(environ: dict[str, str], colours: set[str]) -> None:
    with broken(**environ) as opened:
        sent = pens(opened.seen) - _ATTRIBUTES - {"39", "49"}
        assert sent <= colours
        assert bool(sent) is bool(colours)
        assert "7" in pens(opened.seen), "what is selected is reversed on every terminal"
        assert opened.seen.isascii() is (environ.get("TERM") == "linux")


@pytest.mark.parametrize(
    "environ", [{"NO_COLOR": "1"}, {"NO_COLOR": "1", "TERM": "linux", "COLORTERM": ""}], ids=["utf-8", "ascii"]
)
def test_without_colours_state_selection_focus_and_lab_are_all_seen(environ: dict[str, str]) -> None:
    with broken(**environ) as opened:
        is_ascii = "TERM" in environ
        shown = opened.screen.text
        cross, pointer, corner = ("X", ">", "#=") if is_ascii else ("✗", "»", "╔═")
        assert f"{cross}{pointer}db1 DOWN" in shown
        assert f"{corner} 1 {pointer} Topology" in shown
        row = next(number for number, line in enumerate(opened.screen.rows) if "db1 DOWN" in line)
        column = opened.screen.rows[row].index("db1 DOWN")
        reversed_at = [number for number, cell in enumerate(opened.screen.cells()[row]) if cell.style[4:5] == (True,)]
        assert column in reversed_at, "the selected node"
        head = opened.screen.rows[0].index(" LAB ")
        assert opened.screen.cells()[0][head + 1].style[4:5] == (True,)
        opened.press(b"2")
        opened.read_until(f"2 {pointer} Gauges")
        assert f"1 {pointer} Topology" not in opened.screen.text


def test_colours_change_while_it_runs_also_to_the_terminals_own_and_back() -> None:
    with broken() as opened:
        for theme in ("safe", "ansi", "high-contrast-light", "ansi-light", "dark"):
            wear(opened, theme)
            cells = [cell for row in opened.screen.cells() for cell in row]
            grounds = {cell.style[0 if cell.text == " " and len(cell.style) == 1 else 1] for cell in cells}
            states = {cell.style[0] for cell in cells if cell.text in "✗▲●"}
            if theme.startswith("ansi"):
                assert grounds == {"default"}, "that of the terminal, everywhere"
                assert states >= ANSI_STATES[theme]
            else:
                colours = load_palette(theme).colours
                assert grounds <= {colours[each][1:] for each in ("background", "panel")}, theme
                assert states >= {colours[each][1:] for each in ("down", "warn", "ok")}


ANSI_STATES = {"ansi": {"brightred", "brown", "green"}, "ansi-light": {"red", "magenta", "blue"}}
"""The names that the emulator has for them."""


def test_no_theme_brings_colours_where_there_shall_be_none() -> None:
    with broken(NO_COLOR="1") as opened:
        for theme in ("safe", "ansi", "light"):
            wear(opened, theme)
        assert pens(opened.seen) <= _ATTRIBUTES


def own_theme(ok: str) -> Path:
    path = config_home() / "themes" / "mine.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(f"like: dark\ncolours: {{ok: '{ok}'}}\n")
    fresh.chmod(0o600)
    fresh.replace(path)
    return path


def test_a_theme_of_ones_own_is_read_again_and_nothing_is_sent_while_it_stays() -> None:
    own_theme("#010203")
    with broken(PPSCONSOLE_THEME="mine") as opened:
        assert b"38;2;1;2;3" in opened.seen
        quiet(opened)
        before = len(opened.seen)
        opened.read(2.5)  # two looks at the file
        assert len(opened.seen) == before
        own_theme("#030201")
        opened.read_until("The theme mine was read again.")
        quiet(opened)
        assert b"38;2;3;2;1" in opened.seen[before:]


def test_a_broken_theme_of_ones_own_is_told_on_the_screen() -> None:
    own_theme("greenish")
    with played(PPSCONSOLE_THEME="mine") as opened:
        opened.read_until("'greenish' is no colour")
        assert "db1 PRIMARY" in opened.screen.text, "the console is open all the same"


def test_a_terminal_that_can_do_nothing_gets_the_status_as_plain_lines(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    path.chmod(0o600)
    with on_pty([sys.executable, "-m", "ppsconsole", "-i", str(path)], TERM="dumb") as opened:
        assert opened.read_to_end() == 5, "what is declared there is down"
        assert b"\x1b" not in opened.seen
        assert "db1" in opened.screen.text
