"""What `python -m tests.lab.kill_everywhere` goes through, and what it leaves out when it is called again."""

from argparse import Namespace
from pathlib import Path
from typing import Any, cast

import pytest

from ppsconsole.plan.event import RunEvent
from tests.lab.kill_case import Case
from tests.lab.kill_cases_roles import RestartDatabase, Switchover
from tests.lab.kill_notes import Notes
from tests.lab.kill_scene import KillScene, Story
from tests.lab.kill_trial import MACHINES, TAKING, Trial, chains, moments_of, repeating

HOW = {"seed": 1, "count": 0}


def events(*names: str) -> list[RunEvent]:
    return [RunEvent("r", number, 0.0, *name.split()) for number, name in enumerate(names, 1)]  # type: ignore[arg-type]


def test_behind_a_record_and_before_the_next_of_one_writing_is_one_moment() -> None:
    told = events("run-started", "step-started a", "step-checked a", "output a", "output a", "run-finished")
    both = moments_of(told, ("before", "after"), {1, 2, 5, 6})
    assert both == [
        "before run-started#1",
        "run-started#1",
        "before step-started a#1",
        "step-started a#1",
        "step-checked a#1",
        "output a#1",
        "before output a#2",
        "output a#2",
        "before run-finished#1",
    ]
    assert len(moments_of(told, ("before",), {1})) == len(told)


def test_no_run_has_two_moments_of_one_step() -> None:
    assert chains(["step-started a#1", "output a#1", "step-started b#1", "before output b#1"], 10) == [
        ["step-started a#1", "step-started b#1"],
        ["output a#1", "before output b#1"],
    ]


def test_what_was_not_right_is_run_again_by_one_line() -> None:
    again = repeating("rejoin-rewind", ["before output recover#2", "undo-started recover#1"], is_back=True)
    assert again == (
        "python -m tests.lab.kill_everywhere rejoin-rewind --back --at 'before output recover#2' --at 'undo-started recover#1'"
    )


def test_a_console_that_takes_over_is_killed_at_each_record_of_that_on_each_machine(tmp_path: Path) -> None:
    played = []

    class Scene:
        bringing_s = 0.0

        def played(self, case: Case, *kills: str, machines: tuple[str, ...], is_back: bool) -> Story:
            played.append(kills)
            return Story(case.name, "4f1c", kills[:-1])  # the last moment did not come

    def gone_through() -> tuple[str, ...]:
        chosen = Namespace(count=0, is_json=False)
        trial = Trial(cast(KillScene, Scene()), RestartDatabase(), chosen, Notes(tmp_path / "notes", HOW))
        trial.taken_over("step-started a#1")
        return trial.row.again

    assert (gone_through(), gone_through()) == (TAKING[-1:], ())  # the second time it is noted
    assert played == [("step-started a#1", *TAKING)]
    # The first console of a run is that of the first machine, and all of `TAKING` come behind it.
    reached = {(moment, MACHINES[(number + 1) % len(MACHINES)]) for number, moment in enumerate(TAKING)}
    assert reached == {(moment, machine) for moment in TAKING for machine in MACHINES}


@pytest.mark.parametrize(("case", "counts"), [(RestartDatabase(), [1, 1, 2]), (Switchover(), [1, 2, 3])])
def test_what_is_the_same_plan_each_time_is_planned_once_and_again_where_that_is_refused(case: Case, counts: list[int]) -> None:
    planned = []

    class Scene:
        def planned(self, *words: str) -> dict[str, Any]:
            planned.append(words)
            return {"hash": str(len(planned))}

    scene = cast(KillScene, Scene())
    approved = [int(case.begin(scene, is_refused=is_refused)[1]) for is_refused in (False, False, True)]
    assert approved == counts


def test_a_call_that_was_interrupted_is_picked_up(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    first = Notes(path, HOW)
    first.add("fence", ["lease-taken#1"])
    first.add("fence", [])
    first.end({"runbook": "backup"})
    with path.open("a") as file:
        file.write('{"of": "fence", "mom')
    Notes(path, HOW).add("fence", ["run-started#1"])
    notes = Notes(path, HOW)
    assert (notes.has("fence", "lease-taken#1"), notes.has("fence", "run-started#1")) == (True, True)
    assert not notes.has("restart", "lease-taken#1")
    assert notes.rows == {"backup": {"runbook": "backup"}}
    with pytest.raises(ValueError, match="is of a call with"):
        Notes(path, {**HOW, "seed": 2})
