"""The node page by keys: sections, what can be done, its log, its sessions."""

import os
from pathlib import Path

import pytest

from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.tui.screens.choose import ChooseScreen
from ppsconsole.tui.screens.node import NodeScreen
from tests.tui.logs_double import LogsDouble
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console, run_console
from tests.unit.snapshots import AT, fine, picture, primary_down


async def whole(opened: Console) -> str:
    """Return the text of the whole page, page by page."""
    await opened.press("g")
    shown = screen_text(opened.app)
    for _ in range(8):
        await opened.press("space")
        shown += screen_text(opened.app)
    return shown


def test_everything_that_is_known_of_a_node_is_on_its_page() -> None:
    logs = LogsDouble("pg.log")
    commands = (CommandRecord(AT - 3, "db1-host", "df -P /", 0.21, "rc 0"), CommandRecord(AT - 2, "db2", "select 2", 0.1, "ok"))

    async def look(opened: Console) -> None:
        await opened.press("enter")
        await opened.until(lambda: logs.tails == ["db1"])
        shown = await whole(opened)
        for words in (
            "JUDGED",
            "WHAT CAN BE DONE",
            "LOG  read 03:14:07Z  db1-host: /var/log/pg.log",
            "the last line",
            "SESSIONS  3 from 1 place",
            "127.0.1.3",
            "FACTS: the node",
            "FACTS: replication",
            "FACTS: host",
            "under 10s ago",
            "COMMANDS SENT TO IT AND ITS HOST",
            "df -P /",
        ):
            assert words in shown, words
        assert "select 2" not in shown, "that was sent to another one"

    run_console(look, picture(fine(), commands=commands), logs=logs)


def test_tab_goes_from_section_to_section() -> None:
    async def look(opened: Console) -> None:
        await opened.press("enter", "tab")
        assert "JUDGED" in screen_lines(opened.app)[3 - 1 + 2] or "JUDGED" in screen_text(opened.app)
        await opened.press("tab")
        assert "WHAT CAN BE DONE" in screen_lines(opened.app)[2]
        await opened.press("tab")
        assert "LOG" in screen_lines(opened.app)[2]
        await opened.press("shift+tab")
        assert "WHAT CAN BE DONE" in screen_lines(opened.app)[2]
        await opened.press("shift+tab", "shift+tab")
        assert "db1  ok  PRIMARY" in screen_lines(opened.app)[2]

    run_console(look, size=(80, 16))


def test_what_can_be_done_is_weighed_and_enter_leads_to_it() -> None:
    async def look(opened: Console) -> None:
        await opened.press("enter")
        shown = screen_text(opened.app)
        assert "failover --to db2" in shown
        assert "restart db1" in shown
        assert "BLOCKED" in shown
        await opened.press("enter")
        assert isinstance(opened.app.screen, ChooseScreen)
        assert "What can be done about db1" in screen_lines(opened.app)[1]
        assert "restart pps1" not in screen_text(opened.app), "that is about another node"
        await opened.press("escape")
        assert isinstance(opened.app.screen, NodeScreen)

    run_console(look, size=(80, 40))


def test_a_bastion_has_nothing_to_run_and_the_page_says_so() -> None:
    async def look(opened: Console) -> None:
        opened.app.open_node("bastion-a")
        await opened.pilot.pause()
        assert "No runbook acts on it." in screen_text(opened.app)
        await opened.press("enter", "enter")
        assert isinstance(opened.app.screen, ChooseScreen)
        assert "No runbook acts on it" in screen_text(opened.app)

    run_console(look)


def test_a_node_that_has_changed_has_its_log_read_again_and_r_reads_it_too() -> None:
    logs = LogsDouble("pg.log")

    async def look(opened: Console) -> None:
        await opened.press("enter")
        await opened.until(lambda: len(logs.tails) == 1)
        await opened.show(picture(fine(), commands=(CommandRecord(AT - 1, "db1", "(status query)", 0.1, "ok"),)))
        assert len(logs.tails) == 1
        logs.lines = ("PANIC: it is gone",)
        await opened.show(primary_down())
        await opened.until(lambda: len(logs.tails) == 2)
        await opened.until(lambda: "PANIC" in opened.app.screen.text())  # type: ignore[attr-defined]
        await opened.press("r")
        await opened.until(lambda: len(logs.tails) == 3)
        assert opened.source.nudges == 1

    run_console(look, logs=logs)


@pytest.mark.parametrize("node", ["lb1", "pps1", "db2", "bastion-a"])
@pytest.mark.parametrize("size", [(40, 12), (140, 45)])
def test_every_kind_of_node_at_every_size(node: str, size: tuple[int, int]) -> None:
    logs = LogsDouble("x.log")

    async def look(opened: Console) -> None:
        opened.app.open_node(node)
        await opened.pilot.pause()
        assert node in screen_lines(opened.app)[1]
        await opened.press("G")
        assert "COMMANDS SENT TO IT" in opened.app.screen.text()  # type: ignore[attr-defined]

    run_console(look, size=size, logs=logs)


def test_y_copies_the_whole_page_whatever_the_terminal_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    logs = LogsDouble("pg.log")
    logs.lines = ("a long line " + "x" * 200,)

    async def look(opened: Console) -> None:
        await opened.press("enter")
        await opened.until(lambda: "a long line" in opened.app.screen.text())  # type: ignore[attr-defined]
        await opened.press("y")
        kept = (Path(os.environ["XDG_STATE_HOME"]) / "ppsconsole" / "copy.txt").read_text(encoding="utf-8")
        assert "x" * 200 in kept
        assert "COMMANDS SENT TO IT" in kept

    run_console(look, size=(40, 12), logs=logs)
