"""Hands on the keyboard: the command line, finding, jumping, other keys, and the mouse as a second way."""

import pytest
from textual.events import Paste

from ppsconsole.cluster.picture import CommandRecord, Event
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.errors import SettingsError
from ppsconsole.settings.file import Settings, read_settings
from ppsconsole.tui.opening import run
from ppsconsole.tui.screens.dialog import Dialog
from ppsconsole.tui.screens.events import EventsScreen
from ppsconsole.tui.screens.help import HelpScreen
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.screens.log import LogScreen
from ppsconsole.tui.screens.node import NodeScreen
from ppsconsole.tui.screens.plan import PlanScreen
from tests.tui.desk_double import DeskDouble
from tests.tui.running import on, run_desk, to_dialog, to_plan
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console, run_console
from tests.unit.snapshots import AT, fine, many, picture, primary_down


def line(opened: Console) -> str:
    """Return the last row."""
    return screen_lines(opened.app)[-1]


async def type_command(opened: Console, words: str) -> None:
    opened.app.paste_gap_s = 0.0  # a test types faster than a person
    await opened.press("colon", *words, "enter")


# the command line ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "screen"),
    [("events", EventsScreen), ("help", HelpScreen), ("h", HelpScreen), ("db2", NodeScreen), ("bastion-a", NodeScreen)],
)
def test_actions_and_nodes_can_be_typed(words: str, screen: type) -> None:
    async def look(opened: Console) -> None:
        await type_command(opened, words)
        await on(opened, screen)
        assert words in screen_text(opened.app).lower()

    run_console(look)


@pytest.mark.parametrize("words", ["switchover --to db2", "restart db1", "switchover db2"])
def test_a_way_out_can_be_typed_and_only_makes_a_plan(words: str) -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await type_command(opened, words)
        await on(opened, PlanScreen)
        asked = desk.asked[-1]
        assert [asked.runbook, asked.node or asked.to] == [words.split()[0], words.split()[-1]]
        assert not desk.sessions

    run_desk(look, DeskDouble())


def test_a_log_can_be_typed() -> None:
    async def look(opened: Console) -> None:
        await type_command(opened, "log db2")
        await on(opened, LogScreen)
        assert "db2" in screen_text(opened.app)
        await opened.press("escape")
        assert isinstance(opened.app.screen, HomeScreen)

    run_console(look)


@pytest.mark.parametrize("words", ["q", "q!", "quit", "wq"])
def test_hands_that_know_vim_leave(words: str) -> None:
    seen: list[Console] = []

    async def look(opened: Console) -> None:
        seen.append(opened)
        await type_command(opened, words)

    run_console(look)
    assert seen[0].app.return_code == 0


@pytest.mark.parametrize("words", ["nonsense", "switchover --to db9", "rm -rf", "abandon"])
def test_what_is_not_known_is_refused_and_does_nothing(words: str) -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await type_command(opened, words)
        assert "nothing was done" in line(opened)
        assert isinstance(opened.app.screen, HomeScreen)
        assert not desk.asked
        await opened.press("escape")
        assert "Quit" in line(opened)

    run_desk(look, DeskDouble())


def test_keys_typed_ahead_go_into_the_line_and_never_act() -> None:
    """On a slow line a whole word comes in one packet: its w must not unlock, its q must not quit."""

    async def look(opened: Console) -> None:
        from textual.events import Key

        for key, character in (("colon", ":"), *((each, each) for each in "wqe")):
            opened.app.post_message(Key(key, character))
        await opened.pilot.pause()
        await opened.until(lambda: line(opened).startswith(" :wqe"))
        assert not opened.app.scene.is_unlocked
        await opened.press("escape")
        assert isinstance(opened.app.screen, HomeScreen)

    run_console(look)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("x", "x does nothing on the home screen. On a plan: run this plan."),
        ("Z", "Z does nothing on the home screen."),
        ("4", "No room for the node pane at this size: Enter shows all of it."),
        ("5", "No room for the events pane at this size: e shows all of it."),
        ("6", "No room for the commands pane at this size: c shows all of it."),
    ],
)
def test_a_key_that_does_nothing_says_why(key: str, words: str) -> None:
    async def look(opened: Console) -> None:
        await opened.press(key)
        assert [each.message for each in opened.app._notifications] == [words]
        assert opened.app.screen.focused.id == "topology"

    run_console(look)


def test_a_page_that_is_open_already_says_so() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        for key in "eH":
            await opened.press(key, key)
            assert "open already" in next(iter(opened.app._notifications)).message

    run_desk(look, DeskDouble())


def test_the_line_and_the_letters_survive_another_size() -> None:
    async def look(opened: Console) -> None:
        await opened.press("colon", *"db")
        await opened.pilot.resize_terminal(40, 12)
        await opened.until(lambda: len(screen_lines(opened.app)) == 12)
        await opened.pilot.pause()
        lines = screen_lines(opened.app)
        assert lines[-1].startswith(" :db")
        assert sum("db" in each for each in lines[2:-1]) >= 2
        await opened.press("escape", "apostrophe")
        assert opened.app._taker is not None
        await opened.pilot.resize_terminal(80, 24)
        await opened.until(lambda: opened.app._taker is None)

    run_console(look)


def test_a_pasted_line_end_never_takes_a_command() -> None:
    async def look(opened: Console) -> None:
        await opened.press("colon")
        opened.app.post_message(Paste("quit\nunlock\n"))
        await opened.pilot.pause()
        await opened.until(lambda: line(opened).startswith(" :quit "))
        assert "only the first line was taken" in line(opened)
        assert opened.app.return_code is None
        assert not opened.app.scene.is_unlocked

    run_console(look)


def test_an_enter_in_one_packet_with_the_text_is_asked_for_again() -> None:
    async def look(opened: Console) -> None:
        opened.app.paste_gap_s = 1e9
        await opened.press("colon", *"events", "enter")
        assert "press it again" in line(opened)
        assert isinstance(opened.app.screen, HomeScreen)
        opened.app.paste_gap_s = 0.0
        await opened.press("enter")
        await on(opened, EventsScreen)

    run_console(look)


def test_candidates_are_chosen_with_arrows_and_completed_with_tab() -> None:
    async def look(opened: Console) -> None:
        opened.app.paste_gap_s = 0.0
        await opened.press("colon", *"event", "tab")
        assert line(opened).startswith(" :events ")
        await opened.press("ctrl+u", *"db", "down", "enter")
        await on(opened, NodeScreen)
        await opened.press("escape", "colon", "up")
        assert line(opened).startswith(" :db"), "what was typed before"
        await opened.press("escape", "colon", "backspace")
        assert "Quit" in line(opened), "backspace in the empty line leaves it, as in vim"

    run_console(look)


def test_a_question_that_comes_over_it_gets_the_keys() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened)
        await opened.press("w", "x", "colon")
        await on(opened, Dialog)
        await opened.press("l", "a", "b")
        assert opened.app.screen.typed.endswith("lab")  # type: ignore[attr-defined]

    run_desk(look, DeskDouble())


def test_in_a_dialog_its_keys_are_only_text() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        await opened.press("colon", "slash", "apostrophe", "q")
        assert opened.app.screen.typed == ":/'q"  # type: ignore[attr-defined]

    run_desk(look, DeskDouble())


def test_a_theme_can_be_typed() -> None:
    async def look(opened: Console) -> None:
        await type_command(opened, "theme ansi")
        assert opened.app.theme == "ppsconsole-ansi"

    run_console(look)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (140, 45), (20, 6)])
def test_the_line_is_there_at_every_size(size: tuple[int, int]) -> None:
    async def look(opened: Console) -> None:
        await opened.press("colon", *"db2")
        assert line(opened).startswith(" :db2")
        assert "db2" in "\n".join(screen_lines(opened.app)[:-1])

    run_console(look, primary_down(), size)


# finding ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "names"),
    [("web", ["pps1", "pps2"]), ("down", ["lb1", "pps1", "db1"]), ("site-b db", ["db2"]), ("standby", ["db2"]), ("PPS2", [])],
)
def test_nodes_are_found_by_name_kind_site_and_state(words: str, names: list[str]) -> None:
    async def look(opened: Console) -> None:
        await opened.press("slash", *(("space" if each == " " else each) for each in words), "enter")
        screen = opened.app.screen
        assert isinstance(screen, HomeScreen)
        assert f"/{words}: " in line(opened), "what is searched for is always shown"
        seen = []
        for _ in names:
            seen.append(screen.selected)
            await opened.press("n")
        assert sorted(map(str, seen)) == sorted(names)
        if len(names) > 1:
            assert screen.selected == seen[0], "round the end"
            await opened.press("N")
            assert screen.selected == seen[-1]
        await opened.press("escape")
        assert "/" + words not in line(opened)

    run_console(look, primary_down())


def test_events_that_do_not_match_are_left_out_until_escape() -> None:
    events = (Event(AT - 60, "db2", Verdict.WARN, "fell behind"), Event(AT - 5, "db1", Verdict.DOWN, "gone"))

    async def look(opened: Console) -> None:
        await opened.press("e", "slash", *"behind")
        shown = screen_text(opened.app)
        assert "fell behind" in shown
        assert "gone" not in shown
        await opened.press("enter", "escape")
        assert "gone" in screen_text(opened.app)
        assert isinstance(opened.app.screen, EventsScreen), "the first Esc ends the search"
        await opened.press("escape")
        assert isinstance(opened.app.screen, HomeScreen)

    run_console(look, picture(fine(), events=events))


def test_commands_help_and_ways_are_filtered_too() -> None:
    commands = (
        CommandRecord(AT - 3, "db1-host", "df -P /", 0.2, "rc 0"),
        CommandRecord(AT - 1, "db1", "select 1", 4.0, "timed-out"),
    )

    async def look(opened: Console) -> None:
        await opened.press("c", "slash", *"timed", "enter")
        assert "select 1" in screen_text(opened.app)
        assert "df -P" not in screen_text(opened.app)
        await opened.press("escape", "question_mark", "slash", *"Leave the console,", "enter")
        assert "Ctrl+C" in screen_text(opened.app)
        assert "All events" not in screen_text(opened.app)
        await opened.press("escape", "escape", "F", "slash", *"restart", "enter")
        shown = screen_text(opened.app)
        assert "restart db1" in shown
        assert "switchover --to" not in shown
        await opened.press("n")
        assert "2 of " in line(opened)
        await opened.press("slash", *"zzz")
        assert "0 of 0" in line(opened)

    run_console(look, picture(fine(), commands=commands))


def test_a_plan_is_searched_and_n_goes_on() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened)
        await opened.press("slash", *"start-web", "enter")
        assert "Do start-web" in screen_text(opened.app)
        await opened.press("n", "escape")
        assert isinstance(opened.app.screen, PlanScreen)

    run_desk(look, DeskDouble(), size=(80, 14))


# jumping ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (140, 45)])
@pytest.mark.parametrize("key", ["apostrophe", "semicolon"])
def test_a_letter_selects_any_node_in_sight(size: tuple[int, int], key: str) -> None:
    async def look(opened: Console) -> None:
        screen = opened.app.screen
        assert isinstance(screen, HomeScreen)
        before = screen_lines(opened.app)
        await opened.press(key)
        assert opened.app._taker is not None
        marks = dict(opened.app._taker.marks)  # type: ignore[attr-defined]
        assert len(marks) >= 6
        assert screen_lines(opened.app) != before
        await opened.press("escape")
        assert screen_lines(opened.app) == before
        names = set()
        for label in [label for label, target in marks.items() if target.view is screen.topology]:
            await opened.press(key, label)
            names.add(screen.selected)
        assert {"db1", "pps1"} <= names

    run_console(look, primary_down(), size)


def test_sixty_nodes_get_two_letters() -> None:
    async def look(opened: Console) -> None:
        screen = opened.app.screen
        assert isinstance(screen, HomeScreen)
        await opened.press("apostrophe")
        marks = dict(opened.app._taker.marks)  # type: ignore[union-attr]
        nodes = [label for label, target in marks.items() if target.view is screen.topology]
        assert len(marks) > 26
        await opened.press(*nodes[-1])
        assert opened.app._taker is None
        spot = screen.topology.spots[screen.selected or ""]
        assert (marks[nodes[-1]].row, marks[nodes[-1]].column) == spot[:2]

    run_console(look, many(60), (140, 45))


def test_a_letter_on_the_advice_plans_that_way_and_on_a_key_acts() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        screen = opened.app.screen
        assert isinstance(screen, HomeScreen)
        await opened.press("apostrophe")
        marks = dict(opened.app._taker.marks)  # type: ignore[union-attr]
        (way,) = [label for label, target in marks.items() if target.view is screen.panels["advice"]]
        await opened.press(way)
        await on(opened, PlanScreen)
        assert (desk.asked[0].runbook, desk.asked[0].to) == ("failover", "db2")
        await opened.press("apostrophe")
        marks = dict(opened.app._taker.marks)  # type: ignore[union-attr]
        assert [target.row for target in marks.values() if target.view.id == "page"], "steps"
        (help_key,) = [label for label, target in marks.items() if target.view.id == "keys"][-2:-1]
        await opened.press(help_key)
        await on(opened, HelpScreen)

    run_desk(look, DeskDouble(), primary_down())


def test_a_key_that_is_no_letter_there_leaves_the_mode_and_does_nothing() -> None:
    async def look(opened: Console) -> None:
        await opened.press("apostrophe", "0")
        assert opened.app._taker is None
        await opened.press("apostrophe", "enter")
        assert isinstance(opened.app.screen, HomeScreen)

    run_console(look)


# panes, other keys, mouse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(40, 12), (140, 45)])
def test_numbers_lead_to_panes(size: tuple[int, int]) -> None:
    async def look(opened: Console) -> None:
        screen = opened.app.screen
        assert isinstance(screen, HomeScreen)
        for number, name in enumerate(("topology", "gauges", "advice", "node", "events", "commands"), 1):
            await opened.press(str(number))
            assert screen.current is screen.panels[name]
            assert f"{number} »" in screen_text(opened.app)

    run_console(look, size=size)


def test_own_keys_work_and_are_shown_everywhere() -> None:
    settings = Settings(keys={"events": ("E",), "help": ("f2", "H"), "commands": ("e",), "unlock": ("U",), "way-out": ("P",)})

    async def look(opened: Console) -> None:
        await opened.press("e")
        assert "Commands we ran" in screen_text(opened.app)
        await opened.press("E")
        assert "Events, newest first" in screen_text(opened.app)
        assert "F2 Help" in line(opened)
        await opened.press("question_mark")
        assert "Events, newest first" in screen_text(opened.app), "the usual key is given away"
        await opened.press("f2")
        shown = screen_text(opened.app)
        assert "F2, H" in shown
        assert "(yours: help)" in shown
        assert "U unlocks it" in shown
        await opened.press("escape")
        assert "  P        failover --to db2" in screen_text(opened.app), "the advice names it too"

    run_console(look, primary_down(), settings=settings, size=(140, 45))


def test_the_mouse_is_a_second_way() -> None:
    async def look(opened: Console) -> None:
        screen = opened.app.screen
        assert isinstance(screen, HomeScreen)
        row, column, _ = screen.topology.spots["pps2"]
        region = screen.topology.content_region
        await opened.pilot.click(offset=(region.x + column + 2, region.y + row))
        await opened.pilot.pause()
        assert screen.selected == "pps2"
        place = screen.panels["gauges"].region
        await opened.pilot.click(offset=(place.x + 1, place.y + 1))
        await opened.pilot.pause()
        assert screen.current is screen.panels["gauges"]
        at = line(opened).index("? Help")
        await opened.pilot.click(offset=(at, 44))
        await opened.until(lambda: isinstance(opened.app.screen, HelpScreen))

    run_console(look, size=(140, 45))


def test_help_begins_with_the_place_it_was_asked_for_in() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened)
        await opened.press("question_mark")
        shown = screen_text(opened.app)
        assert shown.index("On a plan") < shown.index("Everywhere")

    run_desk(look, DeskDouble(), size=(140, 45))


def test_a_theme_that_is_not_there_is_refused_with_its_line_before_anything_opens(tmp_path) -> None:
    path = tmp_path / "console.yaml"
    path.write_text("mouse: false\ntheme: nosuch\n")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=r"console.yaml:2:8: theme: there is no theme 'nosuch'; allowed: .*dark"):
        run(str(tmp_path / "absent.yaml"), settings=read_settings(str(path)))
