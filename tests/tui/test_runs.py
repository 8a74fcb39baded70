"""Runs of other consoles and of the past, by keys alone: the list, replay, report, follow, take over, hand over."""

from pathlib import Path

import pytest

from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.tui.screens.dialog import Dialog
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.screens.replay import ReplayScreen
from ppsconsole.tui.screens.report import ReportScreen
from ppsconsole.tui.screens.run import RunScreen
from ppsconsole.tui.screens.runs import RunsScreen
from tests.engine.scripted import World
from tests.tui.desk_double import DeskDouble, Turnstile
from tests.tui.running import at, idle, on, run_desk, to_run
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console
from tests.tui.test_run_screen import left_behind, said

ANNA = "anna@ops2 pid 12"


def another_is_at_it() -> DeskDouble:
    """Return a desk with a run that another console holds before the promotion."""
    world = World()
    return DeskDouble(world, left=[left_behind(world)], custody="held", is_leased=True)


async def to_runs(opened: Console) -> None:
    await opened.press("H")
    await on(opened, RunsScreen)
    await opened.until(lambda: "OPEN:" in screen_text(opened.app))


async def to_followed(opened: Console) -> None:
    await opened.until(lambda: bool(opened.app.scene.unfinished))
    await opened.press("R")
    await on(opened, RunScreen)
    await opened.until(lambda: opened.app.host.live.activity == "followed")
    await opened.pilot.pause()


def flat(opened: Console) -> str:
    return " ".join(screen_text(opened.app).replace("║", " ").replace("#", " ").split())


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (140, 45), (300, 100)])
def test_the_list_has_open_runs_first_with_what_can_be_done(size: tuple[int, int]) -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        desk.missing = ("h9: no answer",)
        await to_run(opened)
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        await opened.press("escape", "escape")
        await to_runs(opened)
        await opened.until(lambda: "h9: no answer" in flat(opened))
        lines = screen_lines(opened.app)
        held = next(number for number, line in enumerate(lines) if "OPEN:" in line)
        assert "» " in lines[held - 1] + lines[held - 2]
        assert "held" in lines[held - 1] + lines[held - 2], "how it stands is not cut"
        if size[0] >= 80:
            assert "Runs: 2, 1 OPEN" in lines[1]
            assert "follow, take up, back out, abandon" in lines[held]
            ended = next(number for number, line in enumerate(lines) if "success" in line)
            assert ended > held
            about = "\n".join(lines[ended : ended + 2])
            assert all(words in about for words in ("LAB", "took 0s", "users", "loss none (proved)", "4711abcd"))
        await opened.press("escape")
        await on(opened, HomeScreen)

    run_desk(look, DeskDouble(World(), left=[left_behind(World())]), size=size)


def test_the_list_is_found_in_and_typed_to_and_says_when_there_is_nothing() -> None:
    left = left_behind(World())

    async def look(opened: Console, desk: DeskDouble) -> None:
        await opened.press("colon", *"runs", "enter")
        await on(opened, RunsScreen)
        await opened.until(lambda: "No run of lab is known yet" in screen_text(opened.app))
        desk.left.append(left)
        await opened.press("r")
        await opened.until(lambda: "0815dead" in screen_text(opened.app))
        await opened.press("slash", *"failover", "enter")
        assert "0815dead" not in screen_text(opened.app)

    run_desk(look, DeskDouble())


def test_a_run_that_has_ended_is_replayed_event_by_event() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        await opened.press("escape", "escape", "H")
        await on(opened, RunsScreen)
        await opened.until(lambda: "4711abcd" in screen_text(opened.app))
        await opened.press("enter")
        await on(opened, ReplayScreen)
        lines = screen_lines(opened.app)
        assert lines[0].startswith(" REPLAY  lab LAB  switchover"), "never taken for the real thing"
        assert "Steps 0/8 as of then" in screen_text(opened.app)
        await opened.press("right_square_bracket", "right_square_bracket")
        shown = screen_text(opened.app)
        assert "step started stop-web: Do stop-web" in shown
        assert "Steps 1/8 as of then" in shown
        assert "at it" in next(line for line in screen_lines(opened.app) if "2  Do stop-web" in line)
        before = opened.app.screen.index
        await opened.press("right", "l", "left", "h")
        assert opened.app.screen.index == before
        await opened.press("left_square_bracket")
        assert "step started drain" in screen_text(opened.app)
        await opened.press("G")
        shown = screen_text(opened.app)
        assert "run finished: all steps are done" in shown
        assert "Steps 8/8 as of then" in shown
        assert f"{len(opened.app.screen.events)}/{len(opened.app.screen.events)}" in shown
        await opened.press("right", "g", "left")
        assert opened.app.screen.index == 0

    run_desk(look, DeskDouble())


def test_a_report_is_read_turned_into_markdown_saved_and_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_runs(opened)
        await opened.press("o")
        await on(opened, ReportScreen)
        assert "Report of run 0815dead" in screen_text(opened.app)
        assert "because   held between two steps" in screen_text(opened.app)
        await opened.press("G")
        assert "held: held between two steps" in screen_text(opened.app)
        await opened.press("s", "m")
        assert "# switchover db2 of lab: held" in opened.app.screen.text()
        folder = tmp_path / "ppsconsole" / "reports"
        await opened.press("s")
        assert str(folder / "0815dead.md") in said(opened), "it says where"
        await opened.press("y")
        assert "What happened" in (folder / "0815dead.txt").read_text()
        assert (folder / "0815dead.md").read_text().startswith("# switchover")
        assert (tmp_path / "ppsconsole" / "copy.txt").read_text().startswith("# switchover")
        await opened.press("escape")
        await on(opened, RunsScreen)

    run_desk(look, DeskDouble(left=[left_behind(World())]))


def test_a_report_opens_in_the_pager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paged: list[str] = []

    async def pager(app: object, text: str, command: str) -> str:
        paged.append(f"{command}: {text}")
        return ""

    monkeypatch.setenv("PAGER", "cat")
    monkeypatch.setattr("ppsconsole.tui.pager.show_in_pager", pager)

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_runs(opened)
        await opened.press("o")
        await on(opened, ReportScreen)
        await opened.press("o")
        await opened.until(lambda: bool(paged))
        assert paged[0].startswith("cat: ")
        assert "run 0815dead" in paged[0]

    run_desk(look, DeskDouble(left=[left_behind(World())]))


def test_a_run_that_another_console_is_at_is_followed_and_not_touched() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_followed(opened)
        assert f"lease     {ANNA}" in screen_text(opened.app)
        assert f"FOLLOWED held by {ANNA}" in screen_text(opened.app)
        await opened.press("w")
        for key, words in (
            ("space", "is at it, and here it is only followed"),
            ("m", "is at it, and here it is only followed"),
            ("h", "has it; ask for it there"),
        ):
            await opened.press(key)
            assert isinstance(opened.app.screen, RunScreen), "nothing is asked"
            assert f"{ANNA} {words}" in said(opened), key
        desk.happened("0815dead", "resumed", "going on", holder=ANNA)
        desk.happened("0815dead", "step-started", "Do promote", "promote", attempt=1)
        await opened.until(lambda: f"FOLLOWED {ANNA} is at Do promote" in screen_text(opened.app))
        assert desk.sessions == []
        desk.happened("0815dead", "run-finished", "all steps are done", verdict="success")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert opened.app.host.live.view.verdict is RunVerdict.SUCCESS
        looks = desk.looks
        await opened.pilot.pause(1.5)
        assert desk.looks == looks, "what has ended is not looked at any more"

    run_desk(look, another_is_at_it())


def test_nothing_is_drawn_while_a_followed_run_has_no_news() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_followed(opened)
        live, looks = opened.app.host.live, desk.looks
        desk.beat_age_s = 4.0
        await opened.until(lambda: desk.looks > looks + 1)
        assert opened.app.host.live is live

    run_desk(look, another_is_at_it())


def test_a_followed_run_is_taken_over_with_a_typed_reason() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_followed(opened)
        await opened.press("w", "r")
        await on(opened, Dialog)
        assert "Taking over makes the other console powerless" in flat(opened)
        await opened.press("escape")
        await on(opened, RunScreen)
        assert desk.reasons == []
        await opened.press("r")
        await on(opened, Dialog)
        await opened.press(*"asleep", "tab", "enter")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert desk.reasons == ["asleep"]
        assert opened.app.host.live.view.verdict is RunVerdict.SUCCESS

    run_desk(look, another_is_at_it())


@pytest.mark.parametrize(
    ("custody", "words"), [("dead", "is dead and nobody is at it"), ("silent", "gives no sign of life"), ("left", "HELD held")]
)
def test_it_is_said_when_the_other_console_is_not_there_any_more(custody: str, words: str) -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_followed(opened)
        desk.custody, desk.beat_age_s = custody, 41.0
        await opened.until(lambda: words in flat(opened))

    run_desk(look, another_is_at_it())


def test_h_hands_the_run_over_after_the_step_at_hand_and_it_is_offered_without_a_reason() -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "stop-web")

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await at(opened, stop)
        await opened.press("h")
        await on(opened, Dialog)
        assert "Words for it" in screen_text(opened.app)
        await opened.press(*"my", "space", *"shift", "space", *"ends", "tab", "enter")
        await on(opened, RunScreen)
        assert "it stops after this step" in screen_text(opened.app)
        await opened.press("space")
        assert "It stops after the step at hand already" in said(opened)
        stop.open()
        await opened.until(lambda: "HANDED OVER by mkr@ops1 pid 4711: my shift ends. r takes it up" in flat(opened))
        assert desk.sessions[0].is_closed
        assert desk.world.acts == ["drain", "stop-web"]
        await opened.until(lambda: desk.looks > 0)
        await opened.press("r")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert desk.reasons == [""]
        assert desk.world.acts == [step.id for step in desk.sessions[0].plan.steps], "nothing was done twice"

    run_desk(look, desk)


def test_a_follower_is_told_that_the_run_was_handed_over_wherever_it_is() -> None:
    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_followed(opened)
        await opened.press("escape")
        await on(opened, HomeScreen)
        desk.happened("0815dead", "held", f"handed over by {ANNA}: bye", is_handed_over=True, verdict="incomplete")
        desk.custody, desk.is_leased = "left", False
        await opened.until(lambda: "handed over by anna@ops2 pid 12: bye" in said(opened))
        await opened.press("w", "R", "r")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        assert desk.reasons == [""]

    run_desk(look, another_is_at_it())


def test_m_is_refused_with_why_on_a_step_that_proves_something() -> None:
    desk = DeskDouble()
    stop = Turnstile(desk.world, "stop-web")

    async def look(opened: Console, desk: DeskDouble) -> None:
        await to_run(opened)
        await at(opened, stop)
        await opened.press("m")
        assert "The run is at a step" in said(opened)
        await opened.press("space")
        stop.open()
        await idle(opened)
        await opened.press("m")
        assert isinstance(opened.app.screen, RunScreen)
        assert "Do stop-primary: this step is never marked done" in said(opened)
        assert opened.app.screen.keys.barred == {"hold", "mark-done"}
        await opened.press("r")
        await opened.until(lambda: opened.app.host.live.activity == "ended")
        for key in "rhb":
            await opened.press("y")  # says something else
            await opened.press(key)
            assert "The run has ended: success" in said(opened), key

    run_desk(look, desk)
