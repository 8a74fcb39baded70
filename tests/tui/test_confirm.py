"""The dialog: Cancel has the focus, the name unlocks the button, and a pasted newline never confirms."""

import asyncio
from dataclasses import replace

import pytest
from textual import events

from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate
from ppsconsole.runbooks.request import Request
from ppsconsole.tui.screens.dialog import Dialog, Field
from ppsconsole.tui.screens.plan import PlanScreen
from ppsconsole.tui.screens.run import RunScreen
from tests.tui.desk_double import DeskDouble, plan_for
from tests.tui.running import idle, on, run_desk, to_dialog, to_plan, to_run
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console


async def paste(opened: Console, text: str) -> None:
    focused = opened.app.screen.focused
    assert focused is not None
    focused.post_message(events.Paste(text))
    await opened.pilot.pause()


def dialog(opened: Console) -> Dialog:
    assert isinstance(opened.app.screen, Dialog)
    return opened.app.screen


def test_enter_right_away_cancels() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        assert dialog(opened).focused is dialog(opened).stay
        await opened.press("enter")
        await on(opened, PlanScreen)
        assert desk.sessions == []

    run_desk(look, DeskDouble())


@pytest.mark.parametrize(
    "keys", [["escape"], [*"lab", "escape"], ["ctrl+c"], [*"lab", "ctrl+c"], [*"lab", "tab", "tab", "enter"], ["space"]]
)
def test_every_other_way_out_cancels_too(keys: list[str]) -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        await opened.press(*keys)
        await on(opened, PlanScreen)
        assert desk.sessions == []

    run_desk(look, DeskDouble())


@pytest.mark.parametrize("typed", ["la", "LAB", "labx", "db2", "yes"])
def test_the_button_stays_locked_until_the_name_matches(typed: str) -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        await opened.press(*typed)
        assert "(locked)" in screen_text(opened.app)
        await opened.press("tab", "enter", "space")
        assert dialog(opened).go.has_focus
        assert desk.sessions == []

    run_desk(look, DeskDouble())


def test_the_name_unlocks_the_button_and_another_letter_locks_it_again() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        await opened.press(*"lab")
        assert "(locked)" not in screen_text(opened.app)
        await opened.press("x")
        assert "(locked)" in screen_text(opened.app)
        await opened.press("backspace", "enter", "enter")
        assert dialog(opened).field.has_focus, "Enter in the field does nothing"
        await opened.press("tab", "enter")
        await on(opened, RunScreen)
        assert len(desk.sessions) == 1

    run_desk(look, DeskDouble())


def test_a_gate_that_is_only_confirmed_asks_for_no_name_and_every_other_one_is_asked_by_itself() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        plan = desk.plan

        async def planned(request: Request) -> Plan:
            made = await plan(request)
            first, second, *others = made.steps
            gates = (Gate("confirm", "Make db1 a standby?", "--approve"), Gate("confirm", "Drop the slots?", "--approve"))
            steps = (replace(first, gate=gates[0]), replace(second, gate=gates[1]), *others)
            return replace(made, steps=steps)

        desk.plan = planned  # type: ignore[method-assign]
        await to_dialog(opened)
        await opened.until(lambda: not dialog(opened).is_reading)
        shown = screen_text(opened.app)
        assert "This changes a lab. Make db1 a standby?" in shown
        assert "cluster's name" not in shown
        assert not dialog(opened).query(Field), "nothing is typed"
        await opened.press("enter")
        await on(opened, PlanScreen)
        await opened.press("x")
        await on(opened, Dialog)
        await opened.until(lambda: not dialog(opened).is_reading)
        await opened.press(*"lab", "tab", "enter")
        await opened.until(lambda: "Drop the slots?" in screen_text(opened.app))
        assert desk.sessions == [], "asked before anything is touched"
        await opened.until(lambda: not dialog(opened).is_reading)
        await opened.press("tab", "enter")
        await on(opened, RunScreen)
        await idle(opened)
        events = desk.sessions[0].scene.records.events
        answers = [event.data["answer"] for event in events if event.kind == "gate-answered"]
        assert answers == [desk.sessions[0].plan.hash] * 2

    run_desk(look, DeskDouble())


@pytest.mark.parametrize("text", ["lab\n", "lab\r\n\r\n", "\nlab\n\n"])
def test_a_pasted_newline_never_confirms(text: str) -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        await paste(opened, text)
        await opened.press("tab")
        await paste(opened, text)
        await opened.press("tab")
        await paste(opened, text)
        assert isinstance(opened.app.screen, Dialog)
        assert desk.sessions == []

    run_desk(look, DeskDouble())


def test_a_newline_that_is_pasted_without_brackets_arrives_as_enter_and_confirms_nothing() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        await opened.press(*"lab", "enter", *"lab", "enter", "enter")
        assert isinstance(opened.app.screen, Dialog)
        assert desk.sessions == []

    run_desk(look, DeskDouble())


def test_words_that_are_typed_in_one_go_lose_no_blank() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        for each in "my shift ends":
            opened.app.post_message(events.Key("space" if each == " " else each, each))
        await opened.until(lambda: dialog(opened).typed == "my shift ends")

    run_desk(look, DeskDouble())


def test_keys_of_the_console_do_nothing_in_a_dialog() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        await opened.press("q", "w", "e", "question_mark", "x")
        assert dialog(opened).typed == "qwe?x"
        assert opened.app.host.lock.is_open

    run_desk(look, DeskDouble())


@pytest.mark.parametrize("environment", ["lab", "production"])
def test_it_shows_what_was_read_just_now(environment: str) -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        shown = screen_text(opened.app)
        assert len(desk.asked) == 2, "read again as it opens"
        assert ("This changes a lab." if environment == "lab" else "This changes production.") in shown
        for words in (
            "After step 5 there is no",
            "none (proved)",
            "db1 primary, db2 standby",
            "db1 3, db2 0",
            "[ Cancel (Esc) ]",
        ):
            assert words in shown
        assert "[ Run switchover ] (locked)" in shown
        assert len(screen_lines(opened.app)) == 24

    run_desk(look, DeskDouble(), environment=environment)


def test_loss_is_accepted_by_a_window_that_covers_it_before_anything_is_touched() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened, "failover --to db2")
        shown = " ".join(screen_text(opened.app).split())
        assert "gives up what only" in shown
        assert "at most 3.2s (bounded)" in shown
        assert "pps1 runs" in shown, "read as it is asked"
        assert "out for at least 12s" in shown
        assert desk.sessions == [], "asked before the lease is taken"
        await opened.press(*"2s")
        assert "does not cover the loss: at most 3.2s" in screen_text(opened.app)
        await opened.press("tab", "enter")
        assert desk.sessions == []
        await opened.press("shift+tab", "backspace", "backspace", *"5s", "tab", "enter")
        await on(opened, RunScreen)
        await idle(opened)
        answers = {
            event.step: event.data["answer"] for event in desk.sessions[0].scene.records.events if event.kind == "gate-answered"
        }
        assert answers == {"drain": "lab", "promote": "5s"}

    run_desk(look, DeskDouble())


def test_a_loss_that_is_not_accepted_begins_nothing() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened, "failover --to db2")
        await opened.press("escape")
        await on(opened, PlanScreen)
        assert desk.sessions == []

    run_desk(look, DeskDouble())


def test_it_opens_at_once_says_that_everything_is_read_again_and_counts_no_answer_before() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        may_read = asyncio.Event()
        plan = desk.plan

        async def waited(request: Request) -> Plan:
            await may_read.wait()
            return await plan(request)

        await to_plan(opened)
        desk.plan = waited  # type: ignore[method-assign]
        await opened.press("w", "x")
        await on(opened, Dialog)
        assert "reading   everything again" in screen_text(opened.app)
        await opened.press(*"lab", "tab", "enter")
        assert "locked: what it rests on is being read" in screen_text(opened.app)
        assert desk.sessions == []
        may_read.set()
        await opened.until(lambda: "reading   everything" not in screen_text(opened.app))
        await opened.press("enter")
        await on(opened, RunScreen)

    run_desk(look, DeskDouble())


def test_the_smallest_terminal_shows_the_loss_before_all_else() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened, "failover --to db2")
        shown = screen_text(opened.app)
        assert "at most 3.2s (bounded)" in shown
        assert "[ Cancel (Esc) ]" in shown
        assert "[ Accept the loss ]" in shown
        await opened.press("escape")

    run_desk(look, DeskDouble(), size=(40, 12))


def test_a_small_terminal_shows_field_and_buttons_all_the_same() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        shown = screen_text(opened.app)
        assert "[ Cancel (Esc) ]" in shown
        assert "[ Run switchover ]" in shown

    run_desk(look, DeskDouble(), size=(60, 14))


def test_keys_that_come_in_one_packet_edit_in_the_order_in_which_they_were_typed() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        await opened.press("l")
        for key, character in (("x", "x"), ("backspace", "\x7f"), ("a", "a"), ("b", "b")):
            opened.app.post_message(events.Key(key, character))
        await opened.until(lambda: dialog(opened).typed == "lab")

    run_desk(look, DeskDouble())


def test_a_gate_that_a_run_comes_to_is_asked_over_its_screen_wherever_somebody_is() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await opened.press("w", "e")
        plan = plan_for(Request("failover", to="db2"))
        await opened.app.host.begin(plan, {})
        opened.app.host.go_on()
        await on(opened, Dialog)
        rows = screen_lines(opened.app)
        assert rows[0].split()[:4] == ["lab", "LAB", "failover", "db2"], "what runs on what stays in sight"
        assert [rows[number].split()[0] for number in (1, 2)] == ["loss", "downtime"]
        assert "Type the cluster's name" in screen_text(opened.app)
        await opened.press(*"lab", "tab", "enter")
        await opened.until(lambda: "Loss that you accept" in screen_text(opened.app))
        assert screen_lines(opened.app)[0].split()[:4] == ["lab", "LAB", "failover", "db2"]
        await opened.press(*"5s", "tab", "enter")
        await on(opened, RunScreen)
        await idle(opened)
        assert opened.app.host.live.view.verdict is RunVerdict.SUCCESS

    run_desk(look, DeskDouble())
