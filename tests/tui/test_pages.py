"""Node, events, commands and help pages, copying, polling and quitting."""

import os
import stat
from pathlib import Path

import pytest

from ppsconsole.cluster.picture import CommandRecord, Event
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.settings.actions import ACTIONS
from ppsconsole.settings.keys import shown_key
from ppsconsole.tui.screens.help import HelpScreen
from ppsconsole.tui.screens.home import HomeScreen
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console, run_console
from tests.unit.snapshots import AT, fine, picture, primary_down


def test_the_help_page_shows_every_key() -> None:
    async def look(opened: Console) -> None:
        await opened.press("question_mark")
        shown = screen_text(opened.app)
        for _ in range(12):
            await opened.press("space")
            shown += screen_text(opened.app)
        for action in ACTIONS:
            assert shown_key(action.keys[0]) in shown
            assert action.description in shown

    run_console(look, size=(140, 30))


def test_a_page_is_scrolled_by_lines_pages_and_to_its_ends() -> None:
    async def look(opened: Console) -> None:
        await opened.press("question_mark")
        first = screen_lines(opened.app)
        await opened.press("j")
        assert screen_lines(opened.app)[2] == first[3]
        await opened.press("k", "space")
        assert screen_lines(opened.app)[2] == first[-3], "one line stays in sight"
        await opened.press("b")
        assert screen_lines(opened.app) == first
        await opened.press("G")
        assert "Times are UTC" in screen_text(opened.app)
        await opened.press("g")
        assert screen_lines(opened.app) == first

    run_console(look)


def test_from_page_to_page_one_escape_leads_home() -> None:
    async def look(opened: Console) -> None:
        await opened.press("question_mark", "question_mark", "e", "c", "question_mark")
        assert isinstance(opened.app.screen, HelpScreen)
        await opened.press("escape")
        assert isinstance(opened.app.screen, HomeScreen)

    run_console(look)


def test_events_are_whole_and_newest_first() -> None:
    long = "the standby " + "fell further behind " * 8 + "and stopped"
    events = (Event(AT - 60, "db2", Verdict.WARN, long), Event(AT - 5, "db1", Verdict.DOWN, "gone"))

    async def look(opened: Console) -> None:
        await opened.press("e")
        shown = " ".join(screen_text(opened.app).replace("║", " ").split())
        assert long in shown
        assert shown.index("gone") < shown.index("the standby")

    run_console(look, picture(fine(), events=events))


def test_commands_show_where_how_long_and_how_they_ended() -> None:
    commands = (
        CommandRecord(AT - 3, "db1-host", "df -P /", 0.21, "rc 0"),
        CommandRecord(AT - 1, "db1", "select 1", 4.0, "timed-out"),
    )

    async def look(opened: Console) -> None:
        await opened.press("c")
        shown = screen_text(opened.app)
        assert "03:14:04Z db1-host rc 0         0.21s df -P /" in shown
        assert shown.index("select 1") < shown.index("df -P")

    run_console(look, picture(fine(), commands=commands))


def test_an_open_page_follows_new_pictures() -> None:
    async def look(opened: Console) -> None:
        await opened.press("enter")
        assert "PRIMARY" in screen_text(opened.app)
        await opened.show(primary_down())
        assert "DOWN" in screen_text(opened.app)
        await opened.press("escape")
        assert "  f        failover --to db2" in screen_text(opened.app)

    run_console(look)


def test_r_asks_the_source_to_look_now() -> None:
    async def look(opened: Console) -> None:
        await opened.press("r")
        assert opened.source.nudges == 1

    run_console(look)


def test_y_keeps_the_screen_in_a_private_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)

    async def look(opened: Console) -> None:
        await opened.press("y")
        path = Path(os.environ["XDG_STATE_HOME"]) / "ppsconsole" / "copy.txt"
        kept = path.read_text(encoding="utf-8")
        assert "db1 PRIMARY" in kept
        assert "== Gauges ==" in kept
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert opened.app.clipboard == kept.rstrip("\n")

    run_console(look)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
@pytest.mark.parametrize("page", [(), ("question_mark",)])
def test_quitting_stops_the_source_and_waits_for_it(key: str, page: tuple[str, ...]) -> None:
    seen: list[Console] = []

    async def look(opened: Console) -> None:
        seen.append(opened)
        await opened.press(*page, key)

    run_console(look)
    assert seen[0].app.return_code == 0
    assert seen[0].source.has_ended.is_set()


def test_a_monitor_that_fails_is_shown_and_the_console_stays() -> None:
    async def look(opened: Console) -> None:
        opened.source.fail(ExceptionGroup("unhandled errors in a TaskGroup", [ValueError("[b]no[/b] such probe")]))
        await opened.until(lambda: "NOT POLLING" in screen_lines(opened.app)[0])
        assert "last look 03:14:07Z" in screen_lines(opened.app)[0]
        assert "db1 PRIMARY" in screen_text(opened.app), "what is known stays"
        await opened.press("e")
        assert "the monitor stopped: ValueError: [b]no[/b] such probe" in " ".join(screen_text(opened.app).split())
        await opened.press("escape")
        assert isinstance(opened.app.screen, HomeScreen)

    run_console(look, size=(140, 45))


def test_a_monitor_that_ends_by_itself_is_no_silence() -> None:
    async def look(opened: Console) -> None:
        assert opened.source._verdict is not None
        opened.source._verdict.set_result(None)
        await opened.until(lambda: "NOT POLLING" in screen_lines(opened.app)[0])

    run_console(look)
