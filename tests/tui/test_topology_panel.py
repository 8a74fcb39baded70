"""The pane of the topology: what is selected is in sight, what is old says so, and only what changed is drawn again."""

from dataclasses import replace

import pytest
from textual.geometry import Region

from ppsconsole.draw.text import UNICODE, line_text
from ppsconsole.draw.topology import draw_topology
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.selection import end, most_urgent, neighbour
from ppsconsole.tui.widgets.topology import TopologyPanel
from tests.tui.screen_text import screen_lines, screen_text
from tests.tui.scripted import Console, run_console
from tests.unit import worlds
from tests.unit.snapshots import AT, fine, primary_down, split_brain

LARGE = worlds.world(60, 3)


def panel(opened: Console) -> TopologyPanel:
    assert isinstance(opened.app.screen, HomeScreen)
    return opened.app.screen.topology


def is_in_sight(opened: Console) -> bool:
    view = panel(opened)
    assert view.selected is not None
    return view.top <= view.spots[view.selected][0] < view.top + view.size.height


def test_what_is_selected_is_in_sight_and_the_frame_says_which_part_is_shown() -> None:
    async def look(opened: Console) -> None:
        view = panel(opened)
        assert len(view.lines) > view.size.height
        assert view.selected == "db1"
        assert is_in_sight(opened)
        for key in ("g", "G", "k", "k", "j", "h", "l", "g"):
            await opened.press(key)
            assert is_in_sight(opened), key
        assert f"1-{view.size.height} of {len(view.lines)}" in screen_text(opened.app)

    run_console(look, LARGE, (80, 24))


def test_the_frame_says_why_there_are_no_lines() -> None:
    async def look(opened: Console) -> None:
        assert "Topology  too many nodes for lines: links in words" in screen_lines(opened.app)[1]
        await opened.show(fine())
        assert "too many" not in screen_text(opened.app)

    run_console(look, LARGE, (80, 24))


@pytest.mark.parametrize("width", [40, 60, 80, 140, 300])
@pytest.mark.parametrize("count", [2, 7, 12, 20, 60])
def test_every_node_is_reached_by_the_arrow_keys(count: int, width: int) -> None:
    drawing = draw_topology(worlds.world(count, 1 if count == 2 else 3), width, 20, UNICODE)
    centres = {name: (col + wide / 2, row) for name, (row, col, wide) in drawing.spots.items()}
    first = end(centres, 0)
    assert first is not None
    seen, todo = {first}, [first]
    while todo:
        here = todo.pop()
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            there = neighbour(centres, here, dx, dy)
            if there is not None and there not in seen:
                seen.add(there)
                todo.append(there)
    assert seen == set(drawing.spots)


def test_a_new_picture_does_not_scroll_back_whoever_looks_elsewhere() -> None:
    async def look(opened: Console) -> None:
        view = panel(opened)
        await opened.press("g")
        view.go_to(8)
        await opened.show(worlds.degraded(LARGE))
        assert view.top == 8
        await opened.press("j")
        assert is_in_sight(opened), "the next key leads back to what is selected"

    run_console(look, LARGE, (80, 24))


def test_one_node_that_changes_draws_its_rows_and_no_others() -> None:
    async def look(opened: Console) -> None:
        view = panel(opened)
        drawn: list[int] = []
        refresh = view.refresh

        def noted(*regions: Region, **options: bool) -> TopologyPanel:
            drawn.extend(region.y for region in regions)
            assert regions or options, "not everything is drawn again"
            return refresh(*regions, **options)

        await opened.press("g")
        assert view.top == 0
        view.refresh = noted  # type: ignore[method-assign]
        await opened.show(worlds.degraded(LARGE))
        view.refresh = refresh  # type: ignore[method-assign]
        changed = {view.spots[name][0] for name in ("pps1", "db6")} | {view.spots["db1"][0] - 1}
        assert set(drawn) == {row for row in changed if row < view.size.height}, "the two nodes, and how many links are behind"

    run_console(look, LARGE, (140, 60))


def test_an_old_picture_is_drawn_as_unknown_with_its_moment() -> None:
    async def look(opened: Console) -> None:
        assert "AS OF" not in screen_text(opened.app)
        opened.clock.advance(60)
        await opened.until(lambda: opened.app.scene.is_stale)
        await opened.pilot.pause()
        shown = screen_text(opened.app)
        assert "? AS OF 03:14:07Z" in shown
        assert "[? db1 PRIMARY" in shown or "[?»db1 PRIMARY" in shown
        drawn = "\n".join(line_text(line) for line in panel(opened).lines)
        assert "seen 03:14:07Z" in drawn
        await opened.show(replace(primary_down(), at=AT + 60))
        assert "AS OF" not in screen_text(opened.app)

    run_console(look, fine())


def test_two_primaries_are_in_the_frame_even_when_they_are_scrolled_out_of_sight() -> None:
    async def look(opened: Console) -> None:
        await opened.press("g")
        assert "✗ SPLIT BRAIN" in screen_text(opened.app)

    run_console(look, worlds.split_brain(LARGE), (80, 24))
    run_console(look, worlds.split_brain(LARGE), (40, 12))
    run_console(look, split_brain(), (140, 45))


def test_rows_that_are_free_say_what_the_lines_mean() -> None:
    async def look(opened: Console) -> None:
        assert "serving" in line_text(panel(opened).lines[-1])
        assert "replication" in "\n".join(screen_lines(opened.app))
        await opened.show(split_brain())
        lines = [line_text(line) for line in panel(opened).lines]
        assert any("db1 and db2 are both primaries" in line for line in lines)

    run_console(look, fine(), (140, 45))


def test_a_directory_that_nobody_probes_is_not_what_is_looked_at_first() -> None:
    assert most_urgent(LARGE) == "db1"
    assert most_urgent(worlds.degraded(LARGE)) == "db6"
    assert most_urgent(worlds.unknown(LARGE)) == "db1"
