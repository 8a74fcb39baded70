"""The log view by keys: followed, searched, filtered, moved, copied, left."""

import os
from pathlib import Path

import pytest

from ppsconsole.cluster.picture import CommandRecord, Event
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.plan.event import RunEvent
from ppsconsole.runbooks.request import Request
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.screens.log import LogScreen
from ppsconsole.tui.screens.node import NodeScreen
from tests.tui.desk_double import DeskDouble, OpenDouble, plan_for
from tests.tui.logs_double import LogsDouble
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console, run_console
from tests.unit.snapshots import AT, fine, picture

KEYS_AND_FRAME = 4  # rows of header, frame and keys


def body(opened: Console) -> list[str]:
    """Return the rows of the log itself."""
    return [line[1:-1].rstrip() for line in screen_lines(opened.app)[2:-2]]


async def log_of(opened: Console, logs: LogsDouble, *lines: str) -> LogScreen:
    """Open the log of the selected node and wait until `lines` are there."""
    await opened.press("L")
    await opened.until(lambda: bool(logs.followed))
    logs.say(logs.names[0], *lines)
    screen = opened.app.screen
    assert isinstance(screen, LogScreen)
    await opened.until(lambda: len(screen.view.buffer) == len(lines) and not screen._is_waiting)
    await opened.pilot.pause()
    return screen


def test_a_log_is_followed_and_stops_where_it_was_told_to() -> None:
    logs = LogsDouble("pg.log")

    async def look(opened: Console) -> None:
        screen = await log_of(opened, logs, *(f"line {n}" for n in range(100)))
        assert body(opened)[-1] == "line 99"
        assert "pg.log (1/4)  following  100 lines  db1-host: /var/log/pg.log" in screen_lines(opened.app)[1]
        logs.say("pg.log", "line 100")
        await opened.until(lambda: body(opened)[-1] == "line 100")
        await opened.press("k")
        assert body(opened)[-1] == "line 99"
        logs.say("pg.log", "line 101", remark="not followed: the line dropped")
        await opened.until(lambda: "103 lines" in screen_lines(opened.app)[1])
        assert body(opened)[-1] == "line 99", "it stays where it was put"
        assert "NOT FOLLOWING" in screen_lines(opened.app)[1]
        await opened.press("G")
        assert body(opened)[-2:] == ["-- not followed: the line dropped", "line 101"]
        await opened.press("g")
        assert body(opened)[0] == "line 0"
        await opened.press("space", "b", "f")
        assert screen.view.is_following
        assert body(opened)[-1] == "line 101"

    run_console(look, logs=logs)


def test_searching_goes_from_match_to_match_and_escape_ends_it() -> None:
    logs = LogsDouble("pg.log")
    lines = [f"line {n}" + (" Needle" if n in (10, 60) else "") for n in range(100)]

    async def look(opened: Console) -> None:
        screen = await log_of(opened, logs, *lines)
        await opened.press("slash", *"needle", "enter")
        assert screen.view.current == 60, "the newest one first"
        assert "line 60 Needle" in body(opened)
        await opened.press("N")
        assert screen.view.current == 10
        await opened.press("n", "n")
        assert screen.view.current == 10, "round the end"
        assert "line 10 Needle" in body(opened)
        await opened.press("slash", *["backspace"] * 6, *"NEEDLE", "enter")
        assert "search: NEEDLE NOT FOUND" in screen_lines(opened.app)[1]
        await opened.press("escape")
        assert screen.view.found == ""
        assert opened.app.screen is screen
        await opened.press("escape")
        assert isinstance(opened.app.screen, HomeScreen)

    run_console(look, logs=logs)


def test_a_filter_shows_matching_lines_only_and_what_comes_is_filtered_too() -> None:
    logs = LogsDouble("pg.log")

    async def look(opened: Console) -> None:
        screen = await log_of(opened, logs, "LOG: a", "ERROR: b", "LOG: c", "ERROR: /d:&?q")
        await opened.press("ampersand", *"error", "enter")
        assert body(opened)[:3] == ["ERROR: b", "ERROR: /d:&?q", ""]
        assert "2 of 4 lines" in screen_lines(opened.app)[1]
        logs.say("pg.log", "LOG: e", "ERROR: f")
        await opened.until(lambda: body(opened)[:4] == ["ERROR: b", "ERROR: /d:&?q", "ERROR: f", ""])
        await opened.press("slash", "slash", "d", "colon", "ampersand", "question_mark", "q", "enter")
        assert screen.view.current == 3, "every character can be searched for"
        await opened.press("escape", "escape")
        assert len([row for row in body(opened) if row]) == 6
        assert opened.app.screen is screen

    run_console(look, logs=logs)


def test_long_lines_are_cut_off_moved_and_wrapped() -> None:
    logs = LogsDouble("pg.log")

    async def look(opened: Console) -> None:
        await log_of(opened, logs, "short", "0123456789" * 20, "éü" * 100)
        rows = body(opened)
        assert rows[1].endswith("…")
        assert len(rows[1]) == 78
        await opened.press("right")
        assert body(opened)[:2] == ["", ("0123456789" * 20)[16 : 16 + 77] + "…"]
        assert "from column 17" in screen_lines(opened.app)[1]
        await opened.press("left", "z")
        assert "".join(body(opened)[1:4]) == "0123456789" * 20
        assert "".join(body(opened)[4:7]) == "éü" * 100
        await opened.press("z")
        assert body(opened)[1].endswith("…")

    run_console(look, logs=logs)


def test_a_node_has_several_logs_and_the_console_its_own() -> None:
    logs = LogsDouble("error.log", "access.log")
    shown = picture(
        fine(),
        events=(Event(AT - 60, "db2", Verdict.WARN, "fell behind"),),
        commands=(CommandRecord(AT - 3, "db1-host", "df -P /", 0.21, "rc 0"),),
    )

    async def look(opened: Console) -> None:
        await log_of(opened, logs, "one")
        await opened.press("tab")
        await opened.until(lambda: logs.followed == ["error.log", "access.log"])
        assert logs.left == ["error.log"], "what is not looked at is not read"
        await opened.press("tab")
        await opened.until(lambda: "This console only looks: it has no journal" in screen_text(opened.app))
        await opened.press("right_square_bracket")
        await opened.until(lambda: body(opened)[0] == "03:13:07Z warn    db2  fell behind")
        await opened.press("tab")
        await opened.until(lambda: body(opened)[0].startswith("03:14:04Z db1-host   rc 0         0.21s  df -P /"))
        more = (*shown.commands, CommandRecord(AT - 1, "db1", "(status query)", 0.1, "timed-out"))
        await opened.show(picture(fine(), commands=more))
        await opened.until(lambda: "timed-out" in body(opened)[1])
        await opened.press("shift+tab", "shift+tab", "shift+tab")
        assert "access.log (2/5)" in screen_lines(opened.app)[1]
        await opened.press("escape")
        await opened.until(lambda: len(logs.left) == len(logs.followed))

    run_console(look, shown, logs=logs)


def test_the_journal_of_the_newest_run_is_among_the_logs() -> None:
    plan = plan_for(Request("switchover"))
    events = (RunEvent("4711abcd", 1, AT, "output", words="password=hunter2 was sent"),)

    class Journal(DeskDouble):
        async def runs(self, limit: int, *, is_local: bool = False):
            assert is_local, "no host is asked for it"
            return (OpenDouble("4711abcd", plan, "mkr", events),), ()

    async def look(opened: Console) -> None:
        await opened.press("L")
        await opened.press("tab")
        await opened.until(lambda: body(opened)[0] == "-- run 4711abcd: switchover")
        assert body(opened)[1] == "03:14:07Z password=••• was sent"

    run_console(look, desk=Journal)


def test_where_no_log_is_known_the_field_to_add_is_named() -> None:
    logs = LogsDouble(words="No log of db1 is known: name the file on db1-host in the inventory, as db1's log: PATH")

    async def look(opened: Console) -> None:
        await opened.press("L", "z")
        await opened.until(lambda: "as db1's log: PATH" in "".join(body(opened)))
        assert "log of db1 (1/4)" in screen_lines(opened.app)[1]

    run_console(look, logs=logs)


def test_a_flood_is_bounded_and_keys_stay_quick() -> None:
    logs = LogsDouble("pg.log")

    async def look(opened: Console) -> None:
        screen = await log_of(opened, logs, "first")
        for batch in range(400):
            logs.say("pg.log", *(f"line {batch * 100 + n}" for n in range(100)))
        await opened.until(lambda: body(opened)[-1] == "line 39999")
        assert len(screen.view.buffer) <= 24_000
        assert "older ones dropped" in screen_lines(opened.app)[1]
        await opened.press("g")
        assert body(opened)[0] == screen.view.buffer.lines[0].text
        await opened.press("ampersand", *"line 39998", "enter")
        assert body(opened)[:2] == ["line 39998", ""]

    run_console(look, logs=logs)


def test_nothing_is_painted_while_nothing_comes() -> None:
    logs = LogsDouble("pg.log")

    async def look(opened: Console) -> None:
        screen = await log_of(opened, logs, *(f"line {n}" for n in range(100)))
        painted: list[object] = []
        screen.view.refresh = lambda *args, **more: painted.append(args) or screen.view  # type: ignore[method-assign]
        await opened.show(picture(fine(), commands=(CommandRecord(AT - 1, "db1", "(status query)", 0.1, "ok"),)))
        assert painted == []
        logs.say("pg.log", "line 100")
        await opened.until(lambda: bool(painted))
        assert len(painted) == 24 - KEYS_AND_FRAME + 1, "each row that changed, and the title"

    run_console(look, logs=logs)


def test_y_copies_every_line_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    logs = LogsDouble("pg.log")

    async def look(opened: Console) -> None:
        lines = [f"line {n} {'x' * 200}" for n in range(100)]
        await log_of(opened, logs, *lines)
        await opened.press("y")
        kept = (Path(os.environ["XDG_STATE_HOME"]) / "ppsconsole" / "copy.txt").read_text(encoding="utf-8")
        assert "== pg.log (1/4)" in kept.splitlines()[1]
        assert kept.splitlines()[2:] == lines
        assert opened.app.clipboard == kept.rstrip("\n")

    run_console(look, logs=logs)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (140, 45)])
def test_it_fits_every_size(size: tuple[int, int]) -> None:
    logs = LogsDouble("pg.log")

    async def look(opened: Console) -> None:
        await log_of(opened, logs, *(f"line {n}" for n in range(100)))
        assert body(opened)[-1] == "line 99"
        assert "Esc Back" in screen_lines(opened.app)[-1]

    run_console(look, size=size, logs=logs)


def test_a_node_leads_to_its_log_and_back_and_the_console_lets_go_of_the_logs() -> None:
    logs = LogsDouble("pg.log")

    async def look(opened: Console) -> None:
        await opened.press("enter", "l")
        assert isinstance(opened.app.screen, LogScreen)
        await opened.press("escape")
        assert isinstance(opened.app.screen, NodeScreen)

    run_console(look, logs=logs)
    assert logs.is_closed
