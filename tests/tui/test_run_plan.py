"""Read-only and unlocked, choosing a way out, reading its plan: by keys, on a double of the desk."""

from dataclasses import replace

import pytest

from ppsconsole.draw.text import ASCII
from ppsconsole.errors import Blocked
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.request import Request
from ppsconsole.tui.lock import READ_ONLY_VARIABLE, Lock
from ppsconsole.tui.screens.choose import ChooseScreen
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.screens.plan import PlanScreen
from tests.tui.desk_double import DeskDouble, plan_for
from tests.tui.running import on, run_desk, to_dialog, to_plan
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console, run_console
from tests.unit.snapshots import fine, primary_down


def test_w_unlocks_in_place_and_locks_again() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        assert "READ-ONLY" in screen_lines(opened.app)[0]
        await opened.press("w")
        assert "UNLOCKED" in screen_lines(opened.app)[0]
        assert "w Lock" in screen_lines(opened.app)[-1]
        await opened.press("w")
        assert "READ-ONLY" in screen_lines(opened.app)[0]

    run_desk(look, DeskDouble())


def test_the_engine_reads_the_lock_and_not_the_screen() -> None:
    lock = Lock({})
    assert lock.environ[READ_ONLY_VARIABLE] == "1"
    lock.turn()
    assert lock.environ[READ_ONLY_VARIABLE] == "0"
    forced = Lock({READ_ONLY_VARIABLE: "yes"})
    with pytest.raises(Blocked, match=READ_ONLY_VARIABLE):
        forced.turn()
    assert forced.environ[READ_ONLY_VARIABLE] == "1"
    assert not forced.is_open


def test_a_console_that_is_read_only_refuses_to_run_and_asks_nothing() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened)
        await opened.press("x")
        assert isinstance(opened.app.screen, PlanScreen)
        assert desk.sessions == []
        with pytest.raises(Blocked, match="read-only"):
            await opened.app.host.begin(opened.app.screen.plan, {})

    run_desk(look, DeskDouble())


def test_f_plans_what_the_advice_ranks_first() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        way = opened.app.scene.advice[0].ways[0]
        shown = screen_text(opened.app)
        await opened.press("f")
        await on(opened, PlanScreen)
        assert way.command.startswith(f"ppsconsole run {desk.asked[0].runbook}")
        assert f"{desk.asked[0].runbook} " in shown, "what f does stands beside it, with its costs"

    run_desk(look, DeskDouble(), primary_down(), (140, 45))


def test_without_advice_f_leads_to_the_choice_and_esc_back() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await opened.press("f")
        assert isinstance(opened.app.screen, ChooseScreen)
        shown = screen_text(opened.app)
        assert "» switchover --to db2" in shown
        assert "--to db1" not in shown, "the primary is no target"
        await opened.press("j", "j")
        assert "» restart db1" in screen_text(opened.app)
        await opened.press("G")
        assert "» boot-guard-remove db2" in screen_text(opened.app)
        await opened.press("enter")
        await on(opened, PlanScreen)
        assert (desk.asked[0].runbook, desk.asked[0].node) == ("boot-guard-remove", "db2")
        await opened.press("escape", "escape")
        assert isinstance(opened.app.screen, HomeScreen)

    run_desk(look, DeskDouble(), fine())


def test_a_plan_that_cannot_be_made_says_why_and_what_to_do() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await opened.press("F", "enter")
        await opened.until(lambda: bool(opened.app.scene.own_events))
        assert isinstance(opened.app.screen, ChooseScreen)
        assert "split-brain. Look at it" in opened.app.scene.own_events[-1].words

    run_desk(look, DeskDouble(refusal="split-brain"))


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
def test_the_plan_is_read_before_anything_runs(size: tuple[int, int]) -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened, "failover --to db2")
        lines = screen_lines(opened.app)
        shown = "\n".join(lines)
        plan = desk and opened.app.screen.plan
        assert plan.hash in shown
        assert "at most 3.2s (bounded)" in shown
        assert "users are kept out for about 5.0s" in shown
        assert shown.index("licence") < shown.index("backup"), "what fails comes before what nobody looked at"
        assert "▲ warns        licence" in shown
        assert "next  Free one" in shown
        assert "? not checked  backup" in shown
        assert "● 2 ok" in shown
        assert "fresh-facts" not in shown
        assert "1  Do drain" in shown
        await opened.press("G")
        shown = screen_text(opened.app)
        assert shown.index("Do prove") < shown.index("no way back below") < shown.index("Do promote")
        assert "h$ set db2 primary" not in shown

    run_desk(look, DeskDouble(), size=size)


def test_enter_shows_exactly_what_a_step_sends_and_p_the_whole_preflight() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened, "failover --to db2")
        await opened.press("p")
        assert "fresh-facts" in screen_text(opened.app)
        await opened.press("p", "G", *["down"] * 4, "enter")
        shown = screen_text(opened.app)
        assert "» " in shown
        assert "h$ set db2 primary" in shown
        assert "asks   How much may be lost? (--accept-loss)" in shown
        assert "needs  proof: fence, zero-loss" in shown
        await opened.press("enter")
        assert "h$ set db2 primary" not in screen_text(opened.app)

    run_desk(look, DeskDouble(), size=(100, 40))


def test_what_is_copied_of_a_plan_has_every_command() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened)
        assert isinstance(opened.app.screen, PlanScreen)
        text = opened.app.screen.text()
        assert all(command in text for step in opened.app.screen.plan.steps for command in step.commands)

    run_desk(look, DeskDouble())


def test_a_blocked_plan_is_shown_and_does_not_run() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened)
        assert "✗ BLOCKS" in screen_text(opened.app)
        await opened.press("w", "x")
        await opened.until(lambda: len(desk.asked) == 2)
        await opened.pilot.pause()
        assert isinstance(opened.app.screen, PlanScreen)
        assert desk.sessions == []

    run_desk(look, DeskDouble(is_blocked=True))


def test_a_plan_of_a_world_that_moved_has_to_be_read_again() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened)
        assert isinstance(opened.app.screen, PlanScreen)
        before = opened.app.screen.plan.hash
        await opened.press("w", "x")
        await opened.until(lambda: "The world moved" in screen_text(opened.app))
        assert opened.app.screen.plan.hash != before
        assert desk.sessions == []

    run_desk(look, DeskDouble(moves=1))


def test_a_lease_that_somebody_holds_is_said_and_nothing_begins() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_dialog(opened)
        await opened.press(*"lab", "tab", "enter")
        await opened.until(lambda: bool(opened.app.scene.own_events))
        assert "another run holds the lease: anna@ops2" in opened.app.scene.own_events[-1].words
        assert isinstance(opened.app.screen, PlanScreen)

    run_desk(look, DeskDouble(is_leased=True))


def test_a_console_without_a_desk_only_looks() -> None:
    async def look(opened: Console) -> None:
        await opened.press("F", "enter")
        await opened.until(lambda: bool(opened.app.scene.own_events))
        assert "opened to look only" in opened.app.scene.own_events[-1].words

    run_console(look)


def test_ascii_draws_plan_and_choice_with_ascii_alone() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await opened.press("F")
        assert screen_text(opened.app).isascii()
        await opened.press("enter")
        await on(opened, PlanScreen)
        assert screen_text(opened.app).isascii()

    run_desk(look, DeskDouble(), glyphs=ASCII)


def test_the_double_plans_what_the_runbooks_would_ask() -> None:
    kinds = [step.gate.kind for step in plan_for(Request("failover", to="db2")).steps if step.gate]
    assert kinds == ["name", "accept-loss"]


def test_a_failover_is_fenced_by_the_rung_that_is_chosen_on_its_plan() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened, "failover --to db2")
        first = opened.app.screen
        await opened.press("f")
        await on(opened, ChooseScreen)
        shown = screen_text(opened.app)
        assert [rung for rung in ("kept-down", "fence-command", "quiesced", "attested") if f"--fence {rung}" in shown]
        assert "no `fence` is declared for db1" in shown, "what keeps from a rung"
        await opened.press("G", "enter")
        await opened.until(lambda: opened.app.screen is first and first.request.fence == "attested")
        assert (desk.asked[-1].runbook, desk.asked[-1].to, desk.asked[-1].fence) == ("failover", "db2", "attested")

    run_desk(look, DeskDouble(), primary_down())


def test_a_rejoin_goes_the_way_that_is_chosen_on_its_plan_and_what_is_barred_says_why() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        plan = desk.plan

        async def planned(request: Request) -> Plan:
            ways = {
                "follow": "not possible: it was not stopped cleanly",
                "rewind (taken)": "it has data checksums",
                "re-clone": "yes",
            }
            return replace(await plan(request), runbook="rejoin", node="db1", to="", tolerances=ways)

        desk.plan = planned  # type: ignore[method-assign]
        opened.app._plan(Request("rejoin", node="db1"))
        await on(opened, PlanScreen)
        first = opened.app.screen
        await opened.press("f")
        await on(opened, ChooseScreen)
        shown = " ".join(screen_text(opened.app).split())
        assert "How it becomes a standby again" in shown
        assert "rejoin db1 --way follow ✗ BLOCKED" in shown
        assert "it was not stopped cleanly" in shown
        assert "rejoin db1 --way rewind advised" in shown
        await opened.press("G", "enter")
        await opened.until(lambda: opened.app.screen is first)
        assert desk.asked[-1] == Request("rejoin", node="db1", way="re-clone")

    run_desk(look, DeskDouble())


def test_what_can_be_done_in_one_manner_only_says_so() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_plan(opened)
        await opened.press("f")
        assert isinstance(opened.app.screen, PlanScreen)
        assert "There is one manner of switchover only" in next(iter(opened.app._notifications)).message

    run_desk(look, DeskDouble())
