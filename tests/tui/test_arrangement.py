"""Where the panes of the home screen stand, for any size of terminal."""

import pytest

from ppsconsole.tui.arrangement import PANES, arrange, form_of, left_of

SIZES = [(40, 12), (60, 20), (80, 24), (100, 30), (120, 36), (140, 45), (180, 50), (200, 60), (300, 100)]


@pytest.mark.parametrize("gauges", [0, 7, 40])
@pytest.mark.parametrize("size", SIZES)
def test_panes_fill_the_screen_between_header_and_keys_and_share_no_cell(size: tuple[int, int], gauges: int) -> None:
    width, height = size
    places = arrange(width, height, gauges, "topology")
    taken: set[tuple[int, int]] = set()
    for place in places.values():
        cells = {(row, col) for row in range(place.y, place.bottom) for col in range(place.x, place.right)}
        assert not cells & taken
        taken |= cells
    assert taken == {(row, col) for row in range(1, height - 1) for col in range(width)}


@pytest.mark.parametrize("size", SIZES[3:])
def test_the_topology_gets_the_largest_share(size: tuple[int, int]) -> None:
    places = arrange(*size, 8, "topology")
    if form_of(*size) == "full":
        assert set(places) == set(PANES)
    rows = {name: place.height for name, place in places.items()}
    assert rows["topology"] >= max(rows["gauges"], rows["advice"])
    assert places["topology"].height >= 10


def test_one_pane_where_there_is_room_for_one_with_a_line_of_advice_below() -> None:
    assert {name: place.height for name, place in arrange(40, 12, 8, "gauges").items()} == {"gauges": 9, "advice": 1}
    assert set(arrange(40, 12, 8, "advice")) == {"advice"}


def test_rows_that_the_topology_cannot_use_go_to_the_events_and_gauges_all_have_one() -> None:
    for size in ((140, 45), (200, 60)):
        full, less = arrange(*size, 12, "topology"), arrange(*size, 12, "topology", 15)
        assert less["topology"].height == 15
        assert less["events"].height == full["events"].height + full["topology"].height - 15
        assert full["gauges"].height == 14
        assert full["advice"].width == full["topology"].width == left_of(size[0])
