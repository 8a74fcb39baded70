"""The run on the screen and off it: every state, leaving and coming back, quitting; by keys, on a double of the desk."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from ppsconsole.draw.text import ASCII, line_text
from ppsconsole.errors import JournalError
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.reports.story import story_of
from ppsconsole.runbooks.request import Request
from ppsconsole.tui.live import Live
from ppsconsole.tui.screens.dialog import Dialog
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.screens.run import RunScreen
from ppsconsole.tui.widgets.run_panes import standing_words
from tests.engine.scripted import Scene, World
from tests.tui import desk_double
from tests.tui.desk_double import DeskDouble, OpenDouble, Turnstile, plan_for
from tests.tui.running import at, idle, on, run_desk, to_run
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console, console, inventory
from tests.unit.snapshots import AT, fine


def left_behind(world: World, *, until: str = "prove") -> OpenDouble:
    """Return a run that its console left, held, before the step behind `until`."""

    async def main() -> OpenDouble:
        plan = plan_for(Request("switchover", to="db2"))
        scene = Scene(world, plan, run="0815dead")

        async def yes(gate, step, plan) -> str:
            return "lab"

        scene.ask = yes
        runner = scene.runner()
        stop = Turnstile(world, until, "verify")
        task = asyncio.create_task(runner.run())
        await stop.is_there.wait()
        runner.hold()
        stop.open()
        await task
        await runner.recorder.aclose()
        return OpenDouble("0815dead", plan, "anna@ops2 pid 12", tuple(scene.records.events))

    return asyncio.run(main())


def said(opened: Console) -> str:
    """Return what was said in passing, in one line."""
    return " ".join(" ".join(str(each.message) for each in opened.app._notifications).split())


@pytest.mark.parametrize("size", [(80, 24), (140, 45), (40, 12), (300, 100)])
@pytest.mark.parametrize("environment", ["lab", "production"])
def test_three_lines_on_top_steps_output_and_answers(size: tuple[int, int], environment: str) -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "promote")

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await at(opened, stop)
        if size[0] >= 80:  # what is said beside a step is written down, and then shown, with what comes next
            await opened.until(lambda: "before promote" in screen_text(opened.app))
        lines = screen_lines(opened.app)
        shown = "\n".join(lines)
        assert len(lines) == size[1]
        assert ("LAB" if environment == "lab" else "LIVE") in lines[0]
        assert "switchover" in lines[0]
        is_small = size[0] < 60
        assert lines[1].startswith("loss  none (proved)" if is_small else "loss      none (proved)")
        assert lines[2].startswith("users none yet" if is_small else "downtime  users: ")
        assert "mkr@ops1" in "".join(lines[1:4])
        assert "Steps 4/8" in shown
        assert "RUNS at Do promote" in shown
        if size[0] >= 80:
            assert "Output, live" in shown
            assert "run 4711abcd" in lines[0]
            assert lines[3].startswith("lease     mkr@ops1 pid 4711, this console")
            assert "at it" in shown
            assert shown.index("Do prove") < shown.index("no way back below") < shown.index("Do promote")
            assert "Are there two writers? NO" in shown
            assert "Space Hold" in lines[-1]
        stop.open()
        await idle(opened)
        assert "SUCCESS" in screen_text(opened.app)

    run_desk(look, desk, size=size, environment=environment)


LONG = {
    "stop-web": "Set the data directory of db1 aside, and put the copy in its place; nothing is deleted",
    "promote": "Put db1 into quarantine: it is not started again, and an alarm is raised should it come back",
    "start-web": "Restore the newest bundle of offsite on scratch1, in a server of its own, and compare",
}
"""Titles as long as runbooks have them."""


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
def test_no_title_is_cut_at_80_columns_and_the_step_at_hand_is_in_sight(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def titled(request: Request, *, blocked: bool = False) -> Plan:
        plan = plan_for(request, blocked=blocked)
        return replace(plan, steps=tuple(replace(each, title=LONG.get(each.id, each.title)) for each in plan.steps))

    monkeypatch.setattr(desk_double, "plan_for", titled)
    desk = DeskDouble()
    stop = Turnstile(desk.world, "promote")

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await at(opened, stop)
        screen = opened.app.screen
        assert isinstance(screen, RunScreen)
        rows = [line_text(line) for line in screen.steps.lines]
        room = screen.steps.size.width - 25
        told = " ".join("".join(row[6 : 6 + room].ljust(room + 1) for row in rows).split())
        assert all(title in told for title in LONG.values())
        first = next(number for number, row in enumerate(rows) if row.startswith("»"))
        below = next(number for number, row in enumerate(rows) if number > first and row[:6].strip())
        assert screen.steps.top <= first < below <= screen.steps.top + screen.steps.size.height, "the whole of it is in sight"
        stop.open()
        await idle(opened)

    run_desk(look, desk, size=size)


def test_what_was_promised_to_users_stands_beside_downtime_and_loss() -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "promote")

    async def look(opened: Console, desk: DeskDouble) -> None:
        cluster = replace(opened.app.scene.inventory.cluster, downtime_objective_s=300.0, loss_objective_s=30.0)
        opened.app._scene = replace(opened.app.scene, inventory=replace(opened.app.scene.inventory, cluster=cluster))
        await to_run(opened)
        await at(opened, stop)
        assert "promised 30s" in screen_lines(opened.app)[1]
        assert "promised 5m00s" in screen_lines(opened.app)[2]
        stop.open()

    run_desk(look, desk)


def test_leaving_the_screen_leaves_the_run_alone_and_R_leads_back() -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "promote")

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await at(opened, stop)
        await opened.press("escape", "escape")
        assert isinstance(opened.app.screen, HomeScreen)
        assert "RUN switchover step 5/8" in screen_lines(opened.app)[0]
        await opened.press("e")
        assert "RUN switchover step 5/8" in screen_lines(opened.app)[0]
        stop.open()
        await idle(opened)
        assert desk.kinds[-1] == "run-finished", "it ended with no screen of its own"
        assert "RUN" not in screen_lines(opened.app)[0]
        await opened.press("escape", "R")
        assert isinstance(opened.app.screen, RunScreen)
        assert "SUCCESS all steps are done" in screen_text(opened.app)

    run_desk(look, desk)


def test_space_holds_after_the_step_at_hand_and_r_goes_on() -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "stop-web")

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await at(opened, stop)
        await opened.press("space")
        stop.open()
        await idle(opened)
        shown = screen_text(opened.app)
        assert "HELD held between two steps" in shown
        assert "Steps 2/8" in shown
        assert desk.world.facts["db1"] == "primary"
        await opened.press("r")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert opened.app.host.live.view.verdict is RunVerdict.SUCCESS
        assert desk.world.acts == [step.id for step in desk.sessions[0].plan.steps], "every act once"

    run_desk(look, desk)


def test_b_backs_out_with_a_reason_and_the_run_is_rolled_back() -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "stop-web")

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await at(opened, stop)
        await opened.press("space", "b")
        assert isinstance(opened.app.screen, RunScreen), "not while a step is at hand"
        stop.open()
        await idle(opened)
        await opened.press("b")
        await on(opened, Dialog)
        await opened.press(*"window", "space", *"closes", "tab", "enter")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        await opened.pilot.pause()
        shown = screen_text(opened.app)
        assert "ROLLED-BACK window closes" in shown
        assert "put back" in shown
        assert desk.world.facts["web"] == "running"

    run_desk(look, desk)


Look = Callable[[Console, DeskDouble], Awaitable[None]]


def fails(step: str, phase: str, fault: str) -> DeskDouble:
    desk = DeskDouble()
    desk.world.faults[(step, phase)] = fault
    return desk


def test_a_step_that_fails_past_the_point_of_no_return_stands_and_says_so() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await idle(opened)
        shown = screen_text(opened.app)
        assert "FAILED, HELD" in shown
        assert "FAILED" in next(line for line in screen_lines(opened.app) if "Do start-web" in line)
        await opened.press("escape", "escape")
        assert "RUN switchover step 6/8 HELD" in screen_lines(opened.app)[0]
        await opened.press("R", "b")
        assert isinstance(opened.app.screen, RunScreen), "nothing is asked that the engine would refuse"
        assert "point of no return may have been passed" in said(opened), "but it is said why"
        await opened.press("r")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert desk.world.acts.count("start-web") == 1

    run_desk(look, fails("start-web", "act", "no"))


def test_a_step_of_which_nobody_knows_whether_it_was_done_is_unknown_and_verified_first() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await idle(opened)
        shown = screen_text(opened.app)
        assert "UNKNOWN, HELD" in shown
        assert desk.world.acts.count("promote") == 1
        await opened.press("r")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert desk.world.acts.count("promote") == 1, "found done by looking, not done twice"

    run_desk(look, fails("promote", "verify", "unknown"))


def test_doubt_before_the_point_of_no_return_rolls_a_switchover_back_by_itself() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await opened.until(lambda: opened.app.host.live is not None and opened.app.host.live.activity == "ended")
        await opened.pilot.pause()
        assert "ROLLED-BACK" in screen_text(opened.app)
        assert desk.world.facts["db1"] == "primary"

    run_desk(look, fails("stop-primary", "act", "no"))


def test_an_optional_step_that_fails_is_a_success_with_issues() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await opened.until(lambda: opened.app.host.live is not None and opened.app.host.live.activity == "ended")
        await opened.pilot.pause()
        assert "SUCCESS-WITH-ISSUES" in screen_text(opened.app)

    run_desk(look, fails("follow", "act", "no"))


def test_a_console_whose_lease_was_taken_stands_and_says_why() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await idle(opened)
        assert "STOPPED" in screen_text(opened.app)
        assert "taken over" in screen_text(opened.app)

    run_desk(look, fails("start-web", "act", "lost"))


@pytest.mark.parametrize(("until", "is_ours", "head"), [(2, True, "OPEN"), (None, True, "HELD"), (2, False, "HELD")])
def test_a_run_that_this_console_has_just_taken_is_not_called_left(until: int | None, is_ours: bool, head: str) -> None:
    left = left_behind(World())
    events = left.events[:until]
    view = story_of(left.run, left.plan, events, is_lab=True, holder=left.holder, started_at=events[0].at)
    assert standing_words(Live(view, "standing", events, is_ours=is_ours))[0] == head


def test_a_disk_that_fills_in_the_middle_stops_the_run_and_r_goes_on_once_there_is_room() -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "prove")
    full = JournalError("the disk is full, and so is what was put by", where="journal.sqlite", remedy="Make room, then resume")

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await at(opened, stop)
        records = desk.sessions[0].scene.records

        def refuse(*_: RunEvent) -> None:
            raise full

        records.append = refuse  # type: ignore[method-assign]
        stop.open()
        await idle(opened)
        shown = " ".join(screen_text(opened.app).split())
        assert "STOPPED journal.sqlite: the disk is full" in shown
        assert "Make room, then resume" in shown
        assert "r Go on" in screen_lines(opened.app)[-1]
        assert desk.sessions[0].is_closed, "what nobody can write in any more is not held"
        assert "promote" not in desk.world.acts
        await opened.press("r")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert opened.app.host.live.view.verdict is RunVerdict.SUCCESS
        assert (len(desk.sessions), desk.sessions[1].run) == (2, desk.sessions[0].run)
        assert desk.world.acts.count("promote") == 1

    run_desk(look, desk)


def test_m_marks_done_only_what_is_seen_done_and_never_a_proof() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await idle(opened)
        await opened.press("m")
        await on(opened, Dialog)
        assert "Mark done: Do start-web" in screen_text(opened.app)
        await opened.press(*"by", "space", *"hand", "tab", "enter")
        await idle(opened)
        assert "it is not seen done" in screen_text(opened.app)
        desk.world.facts["web"] = "running"
        await opened.press("m")
        await on(opened, Dialog)
        await opened.press(*"by", "space", *"hand", "tab", "enter")
        await idle(opened)
        assert "marked done: by hand" in screen_text(opened.app)
        assert desk.world.acts.count("start-web") == 0

    run_desk(look, fails("start-web", "act", "no"))


def test_a_abandons_where_it_stands_and_touches_nothing() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await idle(opened)
        acts = list(desk.world.acts)
        await opened.press("a")
        await on(opened, Dialog)
        await opened.press(*"moved", "tab", "enter")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        await opened.pilot.pause()
        assert "INCOMPLETE abandoned: moved" in screen_text(opened.app)
        assert desk.world.acts == acts
        assert desk.sessions[0].is_closed

    run_desk(look, fails("start-web", "act", "no"))


def test_output_follows_until_it_is_scrolled_and_again_from_its_end() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await opened.until(lambda: opened.app.host.live is not None and opened.app.host.live.activity == "ended")
        await opened.pilot.pause()
        assert "run finished: success" in screen_text(opened.app)
        await opened.press("g")
        shown = screen_text(opened.app)
        assert "Output, held" in shown
        assert "run finished" not in shown
        await opened.press("pagedown", "k", "G")
        assert "Output, live" in screen_text(opened.app)

    run_desk(look, DeskDouble())


def test_a_second_run_does_not_begin_beside_an_open_one() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await idle(opened)
        await opened.press("escape", "escape", "F", "enter")
        await opened.until(lambda: len(desk.asked) == 3)
        await opened.press("x")
        await on(opened, Dialog)
        await opened.press(*"lab", "tab", "enter")
        await opened.until(lambda: bool(opened.app.scene.own_events))
        assert "is not ended" in opened.app.scene.own_events[-1].words
        assert len(desk.sessions) == 1

    run_desk(look, fails("start-web", "act", "no"))


def test_an_unfinished_run_is_offered_looked_at_read_only_and_resumed() -> None:
    world = World()
    desk = DeskDouble(world, left=[left_behind(world)])

    async def look(opened: Console, desk: DeskDouble) -> None:
        await opened.until(lambda: bool(opened.app.scene.unfinished))
        assert "UNFINISHED RUN: R" in screen_lines(opened.app)[0]
        await opened.press("R")
        await on(opened, RunScreen)
        shown = screen_text(opened.app)
        assert "run 0815dead" in shown
        assert "HELD held between two steps" in shown
        assert desk.sessions == [], "looking takes no lease"
        await opened.press("r")
        await opened.until(lambda: bool(opened.app.scene.own_events))
        assert "read-only" in opened.app.scene.own_events[-1].words
        assert desk.sessions == []
        await opened.press("w", "r")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert opened.app.host.live.view.verdict is RunVerdict.SUCCESS
        assert world.acts == [step.id for step in desk.sessions[0].plan.steps], "nothing was done twice"

    run_desk(look, desk)


def test_a_run_that_somebody_may_be_at_is_taken_over_with_a_reason_alone() -> None:
    world = World()
    desk = DeskDouble(world, left=[left_behind(world)], is_leased=True)

    async def look(opened: Console, desk: DeskDouble) -> None:
        await opened.until(lambda: bool(opened.app.scene.unfinished))
        await opened.press("R", "w")
        await on(opened, RunScreen)
        await opened.press("r")
        await on(opened, Dialog)
        assert "anna@ops2 pid 12 may be at it" in " ".join(screen_text(opened.app).replace("║", " ").split())
        await opened.press("escape")
        await on(opened, RunScreen)
        assert desk.reasons == []
        await opened.press("r")
        await on(opened, Dialog)
        await opened.press(*"asleep", "tab", "enter")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert desk.reasons == ["asleep"]

    run_desk(look, desk)


def test_a_run_whose_standby_is_lost_does_not_go_on_and_can_be_backed_out() -> None:
    world = World()
    desk = DeskDouble(world, left=[left_behind(world)], is_standby_lost=True)

    async def look(opened: Console, desk: DeskDouble) -> None:
        await opened.until(lambda: bool(opened.app.scene.unfinished))
        await opened.press("R", "w")
        await on(opened, RunScreen)
        await opened.press("r")
        await opened.until(lambda: bool(opened.app.scene.own_events))
        assert "the lease could not be taken" in opened.app.scene.own_events[-1].words
        assert desk.sessions == []
        await opened.press("b")
        await on(opened, Dialog)
        await opened.press(*"no standby", "tab", "enter")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert opened.app.host.live.view.verdict is RunVerdict.ROLLED_BACK

    run_desk(look, desk)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quitting_while_a_run_goes_asks_and_staying_changes_nothing(key: str) -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "stop-web")

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await at(opened, stop)
        await opened.press(key)
        await on(opened, Dialog)
        assert "A run is going" in screen_text(opened.app)
        assert opened.app.screen.query_one("#box").region.y >= 4, "what runs on what, its loss and the outage stay in sight"
        assert opened.app.screen.styles.background.a == 0
        await opened.press("enter")
        await on(opened, RunScreen)
        stop.open()
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert opened.app.host.live.view.verdict is RunVerdict.SUCCESS

    run_desk(look, desk)


@pytest.mark.parametrize("how", ["key", "signal", "exit"])
def test_leaving_finishes_and_verifies_the_step_at_hand_journals_held_and_begins_no_other(how: str) -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "stop-web")
    codes: list[int | None] = []

    async def main() -> None:
        async with console(fine(), desk=lambda: desk) as opened:
            await to_run(opened)
            await at(opened, stop)
            match how:
                case "key":
                    await opened.press("q")
                    await on(opened, Dialog)
                    await opened.press("tab", "enter")
                case "signal":
                    opened.app.leave_with(129)
                case "exit":
                    opened.app.exit()
            asyncio.get_running_loop().call_later(0.2, stop.open)
            if how != "exit":
                await opened.until(lambda: opened.app.return_code is not None)
        codes.append(opened.app.return_code)

    asyncio.run(main())
    assert codes == [{"key": 0, "signal": 129, "exit": 0}[how]]
    kinds = [kind for kind in desk.kinds if not kind.startswith("output")]
    assert kinds[-2:] == ["step-finished stop-web", "held"]
    assert desk.world.acts == ["drain", "stop-web"]
    assert desk.sessions[0].is_closed
    assert desk.is_closed


def test_a_hang_up_while_a_question_is_open_answers_it_with_nothing() -> None:
    world = World()
    plan = plan_for(Request("failover", to="db2"))
    events = left_behind(world).events
    desk = DeskDouble(world, left=[OpenDouble("0815dead", plan, "anna@ops2 pid 12", events)])

    async def main() -> None:
        async with console(fine(), desk=lambda: desk) as opened:
            await opened.until(lambda: bool(opened.app.scene.unfinished))
            await opened.press("R", "w")
            await on(opened, RunScreen)
            await opened.press("r")
            await on(opened, Dialog)
            assert opened.app.host.live is not None
            assert opened.app.host.live.activity == "asking"
            opened.app.leave_with(143)
            await opened.until(lambda: opened.app.return_code == 143)

    asyncio.run(main())
    assert "promote" not in world.acts
    assert [kind for kind in desk.kinds if not kind.startswith("output")][-1] == "held"


def test_ascii_draws_a_run_with_ascii_alone() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await idle(opened)
        assert screen_text(opened.app).isascii()

    run_desk(look, DeskDouble(), glyphs=ASCII)


def test_the_inventory_of_these_tests_is_the_one_that_plans_name() -> None:
    assert inventory().cluster.name == plan_for(Request("switchover")).cluster
    assert plan_for(Request("switchover")).made_at == AT
