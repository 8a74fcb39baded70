"""The header at every width: what is wrong is said shorter, and never left out."""

from dataclasses import replace

import pytest

from ppsconsole.cluster.picture import Attempt
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import ASCII, UNICODE, line_text
from ppsconsole.draw.words import width_of
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.widgets.header_bar import header_line
from tests.tui.scripted import inventory
from tests.unit.snapshots import AT, fine, picture, primary_down
from tests.unit.snapshots import unknown as unseen


def scene(snapshot: Snapshot | None = None, environment: str = "production", **changes: object) -> Scene:
    shown = picture(snapshot or fine())
    return replace(Scene(inventory(environment), AT, shown), **changes)  # type: ignore[arg-type]


def said(shown: Scene, width: int) -> str:
    line = line_text(header_line(shown, width, UNICODE))
    assert width_of(line) <= width
    return line


def named(shown: Scene, name: str) -> Scene:
    return replace(shown, inventory=replace(shown.inventory, cluster=replace(shown.inventory.cluster, name=name)))


@pytest.mark.parametrize("width", [30, 40, 50, 60, 80, 100, 140, 300])
def test_cluster_place_lock_and_what_is_down_are_said_at_every_width(width: int) -> None:
    line = said(scene(primary_down()), width)
    assert all(word in line for word in ("prod-eu", "LIVE", "✗"))
    assert "RO" in line or "READ-ONLY" in line
    assert "3" in line
    assert "LAB" in said(scene(primary_down(), "lab"), width)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (100, " ppsconsole │ prod-eu │ active-passive │ LIVE │ READ-ONLY │ ✗ 3 DOWN ▲ 1 WARN ● 2 OK ○ 1 OFF"),
        (80, " prod-eu │ active-passive │ LIVE │ READ-ONLY │ ✗ 3 DOWN ▲ 1 WARN ● 2 OK ○ 1 OFF"),
        (60, " prod-eu │ LIVE │ READ-ONLY │ ✗ 3 DOWN ▲ 1 WARN"),
        (40, " prod-eu │ LIVE │ READ-ONLY │ ✗3 ▲1"),
        (30, " prod-eu │ LIVE │ RO │ ✗3 ▲1"),
    ],
)
def test_it_is_abbreviated_step_by_step(width: int, expected: str) -> None:
    assert said(scene(primary_down()), width) == expected


@pytest.mark.parametrize(("width", "words"), [(100, "✗ CLUSTER DOWN"), (60, "✗ CLUSTER DOWN"), (40, "✗")])
def test_a_cluster_that_is_worse_than_its_nodes_is_said_beside_them(width: int, words: str) -> None:
    from ppsconsole.advice.diagnosis import Advice

    shown = scene(fine(), advice=(Advice(Verdict.DOWN, "nobody gets in", (), "", ()),))
    assert words in said(shown, width)
    assert "CLUSTER" not in said(scene(primary_down(), advice=shown.advice), width)


@pytest.mark.parametrize("width", [40, 48, 60, 80])
def test_an_old_picture_says_so_at_every_width(width: int) -> None:
    line = said(scene(primary_down(), is_stale=True, now=AT + 47), width)
    assert "47s" in line
    assert "✗" in line
    stopped = said(scene(primary_down(), trouble="polling ended", is_stale=True), width)
    assert "NOT POLLING" in stopped or "STOPPED" in stopped
    assert "✗" in stopped


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_long_name_loses_its_middle_and_what_is_tried_goes_first(width: int) -> None:
    tried = replace(picture(primary_down()), attempts=(Attempt("bastion-frankfurt-am-main", AT - 4),))
    shown = named(replace(scene(), picture=tried), "production-frankfurt-am-main-eu1")
    line = said(shown, width)
    assert "eu1" in line
    assert "✗" in line
    assert "LIVE" in line


def test_unknown_is_told_and_fine_is_short() -> None:
    assert "? 7 UNKNOWN" in said(scene(unseen()), 60)
    assert "?7" in said(scene(unseen(), is_unlocked=True), 34)
    assert "6" in said(scene(), 40)


def test_ascii_holds_no_other_characters() -> None:
    for width in (40, 60, 100):
        line = header_line(scene(primary_down(), is_stale=True, now=AT + 47), width, ASCII)
        assert all(span.text.isascii() for span in line)
