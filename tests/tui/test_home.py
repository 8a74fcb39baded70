"""The home screen, by keys alone."""

from dataclasses import replace

import pytest

from ppsconsole.cluster.picture import Attempt, CommandRecord, Event
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import ASCII
from ppsconsole.tui.screens.home import HomeScreen
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console, run_console
from tests.unit.snapshots import AT, STATES, fine, many, picture, primary_down, starting


def home(opened: Console) -> HomeScreen:
    assert isinstance(opened.app.screen, HomeScreen)
    return opened.app.screen


def test_a_healthy_cluster_fits_into_80x24() -> None:
    async def look(opened: Console) -> None:
        lines = screen_lines(opened.app)
        assert len(lines) == 24
        assert all(word in lines[0] for word in ("lab", "LAB", "READ-ONLY", "6 OK"))
        shown = "\n".join(lines)
        for name in ("lb1", "pps1", "pps2", "db1 PRIMARY", "db2 standby", "lag db2", "disk db1"):
            assert name in shown
        assert "Nothing to do" in shown
        assert "? Help" in lines[-1]
        assert "q Quit" in lines[-1]

    run_console(look)


def test_a_dead_primary_is_told_with_what_to_do_and_selected() -> None:
    async def look(opened: Console) -> None:
        await opened.show(primary_down())
        lines = screen_lines(opened.app)
        assert "3 DOWN" in lines[0]
        shown = "\n".join(lines)
        assert "db1 DOWN" in shown
        assert "  f        failover --to db2: users are kept out" in shown, "the key, and what it costs"
        assert "connection refused" in shown
        assert home(opened).selected == "db1"
        assert "» Topology" in shown

    run_console(look)


def test_140x45_shows_node_detail_and_commands_too() -> None:
    commands = (
        CommandRecord(AT - 2, "db1-host", "df -P /", 0.02, "rc 0"),
        CommandRecord(AT - 1, "db1", "select pg_is_in_recovery()", 4.0, "timed-out"),
    )
    event = Event(AT - 41, "db1", Verdict.DOWN, "nothing serves 127.0.1.5:5432")

    async def look(opened: Console) -> None:
        lines = screen_lines(opened.app)
        shown = "\n".join(lines)
        assert len(lines) == 45
        assert "db1: Enter for all" in shown
        assert "Commands we ran" in shown
        assert shown.index("timed-out") < shown.index("df -P /"), "what went wrong comes first"
        assert "03:13:26Z ✗ DOWN    db1" in shown

    run_console(look, picture(primary_down(), commands=commands, events=(event,)), (140, 45))


def test_the_same_round_of_commands_changes_no_row() -> None:
    def ran(at: float, duration_s: float) -> CommandRecord:
        return CommandRecord(at, "db1-host", "df -P /", duration_s, "rc 0")

    async def look(opened: Console) -> None:
        before = screen_lines(opened.app)
        await opened.show(picture(fine(), commands=(ran(AT - 2, 0.02), ran(AT - 1, 0.5))))
        assert screen_lines(opened.app) == before

    run_console(look, picture(fine(), commands=(ran(AT - 2, 0.02),)), (140, 45))


def test_what_was_slow_long_ago_stands_among_the_others() -> None:
    async def look(opened: Console) -> None:
        slow, often = (CommandRecord(AT - 3.0, "zz", "(ssh login)", 7.0, "ok"), CommandRecord(AT, "aa", "df -P /", 0.1, "rc 0"))
        await opened.show(picture(fine(), commands=(slow, often)))
        assert screen_text(opened.app).index("(ssh login)") < screen_text(opened.app).index("df -P /")
        await opened.show(picture(fine(), commands=(replace(slow, at=AT - 300.0), often)))
        assert screen_text(opened.app).index("(ssh login)") > screen_text(opened.app).index("df -P /")

    run_console(look, fine(), (140, 45))


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 45), (40, 12), (12, 4)])
def test_every_state_is_drawn_at_every_size(size: tuple[int, int]) -> None:
    async def look(opened: Console) -> None:
        for make in (*STATES.values(), lambda: many(30)):
            await opened.show(picture(make(), commands=(CommandRecord(AT, "db1", "select 1", 0.1, "ok"),)))
            lines = screen_lines(opened.app)
            assert len(lines) == size[1]
            assert lines[0].strip().startswith(("ppsconsole", "lab")), "the header stays"

    run_console(look, primary_down(), size)


def test_arrows_and_letters_select_by_geometry_and_enter_opens_what_is_selected() -> None:
    async def look(opened: Console) -> None:
        assert home(opened).selected == "db1"
        await opened.press("right")
        assert home(opened).selected == "db2"
        await opened.press("k")
        assert home(opened).selected == "pps2"
        await opened.press("h")
        assert home(opened).selected == "pps1"
        await opened.press("up")
        assert home(opened).selected == "lb1"
        await opened.press("G")
        assert home(opened).selected == "db2"
        await opened.press("enter")
        shown = opened.app.screen.text()
        assert "system_identifier" in shown
        assert "db2: status query, under 10s ago" in shown
        await opened.press("escape")
        assert home(opened).selected == "db2"

    run_console(look)


def test_the_operators_selection_stays_when_something_else_breaks() -> None:
    async def look(opened: Console) -> None:
        await opened.press("right")
        await opened.show(primary_down())
        assert home(opened).selected == "db2"

    run_console(look)


def test_tab_goes_through_the_panes_and_keys_scroll_them() -> None:
    async def look(opened: Console) -> None:
        await opened.press("tab", "tab")
        advice = home(opened).panels["advice"]
        assert home(opened).current is advice
        assert "» What happened" in screen_text(opened.app)
        assert "» Topology" not in screen_text(opened.app)
        await opened.press("j", "j")
        assert advice.top == 2
        await opened.press("g")
        assert advice.top == 0
        await opened.press("G")
        assert "receiver: connection refused" in screen_text(opened.app), "the last evidence"
        await opened.press("tab")
        assert home(opened).current is home(opened).topology, "the row of the newest event is passed over"
        await opened.press("shift+tab", "escape")
        assert home(opened).current is home(opened).topology

    run_console(look, primary_down())


def test_a_small_terminal_shows_one_pane_at_a_time() -> None:
    async def look(opened: Console) -> None:
        assert "Topology" in screen_text(opened.app)
        await opened.press("tab")
        assert "Gauges" in screen_text(opened.app)
        assert "Topology" not in screen_text(opened.app)
        await opened.pilot.resize_terminal(80, 24)
        await opened.pilot.pause()
        assert "Topology" in screen_text(opened.app)
        assert "» Gauges" in screen_text(opened.app)

    run_console(look, size=(40, 12))


def test_a_selected_node_that_is_out_of_sight_is_scrolled_to() -> None:
    async def look(opened: Console) -> None:
        await opened.press("G")
        selected = home(opened).selected
        assert selected is not None
        assert f"{selected} " in screen_text(opened.app)

    run_console(look, many(30), (50, 12))


def test_a_lab_does_not_look_like_production() -> None:
    frames: dict[str, str] = {}

    def keep(name: str) -> object:
        async def look(opened: Console) -> None:
            frames[name] = screen_text(opened.app)

        return look

    for environment in ("lab", "production"):
        run_console(keep(environment), environment=environment)  # type: ignore[arg-type]
    assert "LAB" in frames["lab"]
    assert "LIVE" not in frames["lab"]
    assert "LIVE" in frames["production"]
    assert "LAB" not in frames["production"]
    assert "╔" in frames["lab"], "told without colour: a frame of its own"
    assert "╔" not in frames["production"]


def test_ascii_draws_with_ascii_alone() -> None:
    async def look(opened: Console) -> None:
        assert screen_text(opened.app).isascii()
        for key in ("enter", "question_mark", "e", "c"):
            await opened.press(key)
            assert screen_text(opened.app).isascii()

    run_console(look, primary_down(), (140, 45), glyphs=ASCII)


def test_text_from_a_host_is_never_markup() -> None:
    event = Event(AT, "db1", Verdict.WARN, "[red]could not open [/]etc[/red] [@click=app.quit]x[/]")

    async def look(opened: Console) -> None:
        assert event.words in screen_text(opened.app)
        await opened.press("e")
        assert event.words in screen_text(opened.app)

    run_console(look, picture(fine(), events=(event,)), (120, 30))


def test_before_anything_answered_nothing_is_called_well_or_down() -> None:
    async def look(opened: Console) -> None:
        shown = screen_text(opened.app)
        assert "7 UNKNOWN" in shown
        assert "First look: nothing was tried yet" in shown
        assert " OK" not in shown
        assert "DOWN" not in shown

    run_console(look, starting())


def test_ages_run_only_while_the_picture_is_stale() -> None:
    async def look(opened: Console) -> None:
        fresh = screen_lines(opened.app)
        opened.clock.advance(5)
        opened.app._look_at_the_clock()
        await opened.pilot.pause()
        assert screen_lines(opened.app) == fresh, "nothing ticks while fresh"
        opened.clock.advance(35)
        opened.app._look_at_the_clock()
        await opened.pilot.pause()
        assert "polled 40s ago" in screen_lines(opened.app)[0]
        await opened.show(replace(fine(), at=opened.clock.now()))
        assert "polled" not in screen_lines(opened.app)[0]

    run_console(look)


def test_a_connection_that_is_tried_is_named_with_its_time() -> None:
    async def look(opened: Console) -> None:
        assert "still trying db2 (4s)" in screen_lines(opened.app)[0]
        opened.clock.advance(1)
        opened.app._look_at_the_clock()
        await opened.pilot.pause()
        assert "still trying db2 (5s)" in screen_lines(opened.app)[0]

    run_console(look, picture(fine(), attempts=(Attempt("db2", AT - 4),)))


@pytest.mark.parametrize("size", [(40, 12), (59, 19)])
def test_one_line_of_the_loudest_advice_is_there_on_the_smallest_home(size: tuple[int, int]) -> None:
    async def look(opened: Console) -> None:
        assert screen_lines(opened.app)[-2].startswith("● OK Nothing to do")
        await opened.show(primary_down())
        for _ in range(6):
            line = screen_lines(opened.app)[-2]
            if home(opened).current.id == "advice":
                assert home(opened).current.size.height > 5
            else:
                assert line.startswith("✗ DOWN ")
                assert "..." in line or "…" in line or line.endswith("failover --to db2")
            await opened.press("tab")
        assert home(opened).current.id == "topology"

    run_console(look, size=size)
