"""What an open run leaves to do: the way back is told only while there is one."""

import pytest

from ppsconsole.cli.watch import ways_on
from ppsconsole.engine.exits import NO_UNDO
from ppsconsole.plan.event import RunEvent
from ppsconsole.reports.story import story_of
from tests.engine.scripted import scripted_plan


@pytest.mark.parametrize(
    ("step", "has_acted", "back"),
    [
        ("stop-primary", True, "or go back:  ppsconsole runs back-out r1"),
        ("promote", False, "or go back:  ppsconsole runs back-out r1"),
        ("promote", True, f"no way back: {NO_UNDO}"),
    ],
)
def test_the_way_back_is_told_until_the_point_of_no_return_may_have_been_passed(step: str, has_acted: bool, back: str) -> None:
    plan = scripted_plan()
    data = {"outcome": "failed", "has_acted": has_acted, "values": {}, "took_s": 1.0}
    events = (RunEvent("r1", 1, 1.0, "step-finished", step, "", data),)
    view = story_of("r1", plan, events, is_lab=True, holder="somebody", started_at=1.0)
    go_on, told, end = ways_on(view, events)
    assert told == back
    assert go_on.endswith("runs resume r1")
    assert end.endswith("runs abandon r1 --reason TEXT")
