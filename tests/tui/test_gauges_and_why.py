"""A gauge and its history, why the advice says so, commands and events: by keys alone."""

from dataclasses import replace

from ppsconsole.cluster.picture import CommandRecord, Event, History
from ppsconsole.cluster.snapshot import Gauge
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import ASCII
from ppsconsole.tui.screens.gauge import GaugeScreen
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.screens.why import WhyScreen
from ppsconsole.tui.widgets.gauges import GaugesPanel
from tests.tui.screen_text import screen_text
from tests.tui.scripted import Console, run_console
from tests.unit.snapshots import AT, fine, gauged, picture, primary_down
from tests.unit.snapshots import starting as not_begun

WAVE = tuple(float(number % 9) / 10 for number in range(120))
RECENT = History({"lag db2": WAVE, "disk db1": (61.0,) * 120}, 2.0, 120)
LONG = History({"lag db2": WAVE[:60]}, 30.0, 60)


def gauges(opened: Console) -> GaugesPanel:
    assert isinstance(opened.app.screen, HomeScreen)
    panel = opened.app.screen.panels["gauges"]
    assert isinstance(panel, GaugesPanel)
    return panel


def test_enter_opens_the_history_of_the_selected_gauge_and_escape_leads_back() -> None:
    async def look(opened: Console) -> None:
        await opened.press("2", "down", "up")
        assert "Gauges, last 4 min" in screen_text(opened.app)
        assert gauges(opened).gauge == "lag db2"
        await opened.press("enter")
        assert isinstance(opened.app.screen, GaugeScreen)
        shown = screen_text(opened.app)
        assert "Gauge: lag db2" in shown
        assert "LAST 4m00s" in shown
        assert "from 0s to 0.8s" in shown
        await opened.press("escape")
        assert isinstance(opened.app.screen, HomeScreen)

    limited = gauged(fine(), "lag db2", warn=5, down=60, unit="s")
    for size in ((80, 24), (140, 45), (40, 12)):
        run_console(look, picture(limited, recent=RECENT, long=LONG), size)


def test_keys_move_among_the_gauges_and_stay_at_their_ends() -> None:
    async def look(opened: Console) -> None:
        names = [each.name for each in fine().gauges]
        await opened.press("2", "G")
        assert gauges(opened).gauge == names[-1]
        await opened.press("down")
        assert gauges(opened).gauge == names[-1]
        await opened.press("g", "down")
        assert gauges(opened).gauge == names[1]

    run_console(look, picture(fine(), recent=RECENT))


def test_a_chart_is_ascii_where_the_terminal_is() -> None:
    async def look(opened: Console) -> None:
        await opened.press("2", "enter")
        page = opened.app.screen
        assert isinstance(page, GaugeScreen)
        assert page.view.text().isascii()

    run_console(look, picture(fine(), recent=RECENT, long=LONG), glyphs=ASCII)


def test_what_is_stale_says_since_when_and_does_not_tick() -> None:
    async def look(opened: Console) -> None:
        opened.clock.advance(3600)
        await opened.until(lambda: opened.app.scene.is_stale)
        await opened.pilot.pause()
        lines = gauges(opened).lines
        assert "AS OF 03:14:07Z" in gauges(opened).text()
        assert "? old" in gauges(opened).text()
        opened.clock.advance(60)
        now = opened.app.scene.now
        await opened.until(lambda: opened.app.scene.now > now)
        assert gauges(opened).lines == lines

    run_console(look, picture(fine(), recent=RECENT), (140, 45))


def test_gauges_out_of_sight_are_not_drawn_again_until_they_change() -> None:
    many = tuple(Gauge(f"disk h{n}", f"h{n}", 40.0, "40%", Verdict.OK, "<85%", 85, 95, "%") for n in range(300))

    def history(value: float) -> History:
        return History({each.name: (40.0, value, value) for each in many}, 2.0, 3)

    async def look(opened: Console) -> None:
        base = replace(fine(), gauges=many)
        panel = gauges(opened)
        before = panel.lines
        await opened.show(picture(base, recent=history(80.0)))
        changed = [row for row, pair in enumerate(zip(before, panel.lines, strict=True)) if pair[0] != pair[1]]
        assert changed == list(range(panel.size.height))
        worse = (*many[:250], replace(many[250], value=99.0, text="99%", verdict=Verdict.DOWN), *many[251:])
        await opened.show(picture(replace(base, gauges=worse), recent=history(80.0)))
        assert "99%" in panel.text(), "what is wrong is drawn wherever it is"

    run_console(look, picture(replace(fine(), gauges=many), recent=history(41.0)), (140, 45))


def test_d_tells_rules_and_facts_behind_the_advice() -> None:
    async def look(opened: Console) -> None:
        await opened.press("d")
        assert isinstance(opened.app.screen, WhyScreen)
        shown = opened.app.screen.view.text()
        for part in ("rule ", "fact ", "otherwise ", "way ", "time ", "loss "):
            assert part in shown
        await opened.press("escape", "3", "enter")
        assert isinstance(opened.app.screen, WhyScreen)

    run_console(look, primary_down())


def test_why_says_so_where_all_is_well_and_before_the_first_look() -> None:
    async def well(opened: Console) -> None:
        await opened.press("d")
        assert "nothing to explain" in screen_text(opened.app)

    async def early(opened: Console) -> None:
        await opened.press("d")
        assert "first look has not ended" in screen_text(opened.app)

    run_console(well)
    run_console(early, picture(replace(not_begun(), is_complete=False)))


def test_slow_commands_are_marked_and_long_ones_are_whole_on_the_page() -> None:
    long = "df -P " + "/a/very/long/path " * 12 + "/end"
    commands = (CommandRecord(AT - 3, "db1-host", long, 2.31, "rc 0"), CommandRecord(AT - 2, "db1", "select 1", 0.2, "2 rows"))

    async def look(opened: Console) -> None:
        assert "SLOW >2s" in screen_text(opened.app)
        assert "/end" not in screen_text(opened.app)
        await opened.press("c")
        shown = " ".join(screen_text(opened.app).replace("║", " ").split())
        assert "2.31s SLOW df -P" in shown
        assert "/end" in shown

    run_console(look, picture(fine(), commands=commands), (140, 45))


def test_a_flood_of_events_is_one_row_and_whole_on_its_page() -> None:
    events = tuple(Event(AT - 5, f"n{number}", Verdict.DOWN, f"lost {number}") for number in range(20))

    async def look(opened: Console) -> None:
        assert "20 changes at once" in screen_text(opened.app)
        await opened.press("e")
        assert "lost 19" in opened.app.screen.text()  # type: ignore[attr-defined]

    run_console(look, picture(fine(), events=events), (140, 45))
