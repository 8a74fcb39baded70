"""Since when users are out: from when they were first seen to be, which goes before the run; what the run took is told apart."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.run import run_head
from ppsconsole.draw.run_head import pinned_head
from ppsconsole.draw.run_view import Outage, RunView
from ppsconsole.draw.text import UNICODE, Line, line_text
from ppsconsole.engine import memory
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan
from ppsconsole.reports.document import document_of
from ppsconsole.reports.story import story_of
from ppsconsole.reports.text import report_lines, report_markdown
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.costs import outage_of
from ppsconsole.runbooks.history import History
from tests.unit.observations import NOW, change, look
from tests.unit.runbook_cases import Found, declared, fine, killed, plan, seen, unreachable


def at(found: Found, moment: float) -> Snapshot:
    return look(found, moment, declared())


def told(lines: tuple[Line, ...]) -> str:
    return " ".join(" ".join(line_text(line) for line in lines).split())


BEFORE = History().after(at(fine(), NOW))
DEAD = BEFORE.after(at(killed(), NOW + 2))


def test_users_are_out_from_the_first_look_that_saw_the_primary_dead() -> None:
    assert (BEFORE.served_at, BEFORE.out_since, BEFORE.out_said()) == (NOW, None, "")
    assert (DEAD.served_at, DEAD.out_since, DEAD.dead_since) == (NOW, NOW, NOW), "its facts are of the moment of the look"
    later = DEAD.after(at(killed(), NOW + 60))
    assert later.out_since == NOW
    assert later.out_said() == f"db1 was first seen dead then; last seen served at {hhmmss(NOW)}Z"
    assert History().after(at(killed(), NOW + 2)).out_said().endswith("nobody saw them served before")


def test_a_door_that_lets_nobody_in_is_an_outage_and_one_that_answers_beside_a_dead_primary_is_none_the_less() -> None:
    shut = fine()
    change(shut, "lb1", http=502)
    found = BEFORE.after(at(shut, NOW + 4))
    assert (found.out_since, found.out_by) == (NOW + 4, "it was first seen then that nobody is let in")
    open_all_the_same = killed()
    change(open_all_the_same, "lb1", http=200)
    assert BEFORE.after(at(open_all_the_same, NOW + 2)).out_since is not None
    assert BEFORE.after(seen(unreachable())).out_since is None, "only the console cannot reach it: users are served"


def test_who_is_served_again_is_out_no_more() -> None:
    back = DEAD.after(at(fine(), NOW + 9))
    assert (back.served_at, back.out_since, back.out_by) == (NOW + 9, None, "")
    unseen = fine()
    change(unseen, "lb1", http=None)
    found = DEAD.after(at(unseen, NOW + 2))
    assert (found.served_at, found.out_since) == (NOW, None), "nobody saw that they are let in, nor that they are not"
    still = killed()
    change(still, "lb1", http=None)
    assert DEAD.after(at(still, NOW + 2)).out_since == NOW
    without = declared(balancers={})
    gone = History().after(look(fine(), NOW, without)).after(look(killed(), NOW + 2, without))
    assert (gone.served_at, gone.out_since) == (NOW, NOW)
    assert gone.after(look(fine(), NOW + 4, without)).out_since is None, "a primary answers, and no door is in front of it"
    assert DEAD.after(replace(at(fine(), NOW + 9), is_complete=False)) == DEAD


@pytest.mark.parametrize(
    ("pause_s", "out", "dead"), [(5.0, True, True), (40.0, True, False), (3599.0, True, False), (3601.0, False, False)]
)
def test_an_outage_is_remembered_over_a_pause_in_which_a_death_is_not(
    tmp_path: Path, pause_s: float, out: bool, dead: bool
) -> None:
    memory.keep("lab", DEAD, NOW + 2, tmp_path)
    found = memory.recall("lab", NOW + 2 + pause_s, tmp_path)
    assert (found.out_since, found.out_by) == ((NOW, "db1 was first seen dead then") if out else (None, ""))
    assert (found.dead_since, found.served_at) == (NOW if dead else None, NOW)


def test_what_an_earlier_version_kept_is_read(tmp_path: Path) -> None:
    memory.keep("lab", DEAD, NOW, tmp_path)
    [path] = tmp_path.iterdir()
    kept = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({name: kept[name] for name in ("at", "primary", "dead_since", "samples")}), encoding="utf-8")
    found = memory.recall("lab", NOW, tmp_path)
    assert (found.primary, found.dead_since, found.out_since, found.served_at) == ("db1", NOW, None, None)


def test_two_histories_count_from_the_earlier_outage_unless_users_were_served_in_between() -> None:
    own = replace(History("db1").after(at(killed(), NOW + 2)), out_since=NOW + 30, out_by="seen by this console")
    assert (DEAD.then(own).out_since, DEAD.then(own).out_by, DEAD.then(own).served_at) == (NOW, DEAD.out_by, NOW)
    between = replace(own, served_at=NOW + 9)
    assert (DEAD.then(between).out_since, DEAD.then(between).served_at) == (NOW + 30, NOW + 9)


OUT = History("db1", NOW - 80, served_at=NOW - 85, out_since=NOW - 80, out_by="db1 was first seen dead then")
WORDS = f"db1 was first seen dead then; last seen served at {hhmmss(NOW - 85)}Z"


def failed_over(made: Plan, ended_at: float | None = None) -> RunView:
    """Return the run of a failover that began at NOW; users were let in at `ended_at`."""
    last = outage_of(made.steps, is_out=True)[-1].id
    events = [RunEvent("4711abcd", 1, NOW, "run-started", "")]
    if ended_at is not None:
        data = {"outcome": "done", "has_acted": True, "values": {}, "took_s": 1.0}
        events.append(RunEvent("4711abcd", 2, ended_at, "step-finished", last, "", data))
    return story_of("4711abcd", made, events, is_lab=True, holder="anna", started_at=NOW)


def failover(history: History = OUT) -> Plan:
    return plan(killed(), "failover", to="db2", background=Background(history=history))


def test_a_plan_says_since_when_users_are_out_and_its_hash_does_not() -> None:
    made = failover()
    assert (made.out_since, made.out_words) == (NOW - 80, WORDS)
    assert made.hash == failover(History()).hash
    assert Plan.from_json(json.loads(json.dumps(made.as_json()))) == made
    old = {name: value for name, value in made.as_json().items() if name not in ("out_since", "out_words")}
    assert (Plan.from_json(old).out_since, Plan.from_json(old).out_words) == (None, "")


def test_the_run_screen_counts_from_when_users_were_out_and_tells_its_own_part_apart() -> None:
    view = failed_over(failover())
    assert view.users == Outage(NOW - 80, None)
    assert view.own_outage == Outage(NOW, None)
    since = hhmmss(NOW - 80)
    about = f"{view.plan.downtime_s:.0f}s"
    assert f"users: OUT for 1m29s, since {since}Z; this run 9.0s of about {about}" in told(run_head(view, NOW + 9, 200, UNICODE))
    assert f"users: OUT for 1m29s, since {since}Z; this run 9.0s" in told(pinned_head(view, NOW + 9, (120, 4), UNICODE, lease=()))
    assert f"users OUT 1m29s since {since}Z" in told(pinned_head(view, NOW + 9, (60, 3), UNICODE, lease=()))
    ended = failed_over(failover(), NOW + 13)
    assert f"users: 1m33s, since {since}Z; 13s of it in this run" in told(run_head(ended, NOW + 50, 200, UNICODE))


def test_the_report_counts_from_when_users_were_out_says_who_saw_it_and_tells_its_own_part_apart() -> None:
    view = failed_over(failover(), NOW + 13)
    words = f"Z, for 1m33s ({WORDS}); the run itself took 13s of it"
    for text in (told(report_lines(view, (), NOW + 50, 400, UNICODE)), report_markdown(view, (), NOW + 50).replace("\\", "")):
        assert text.count("users out since 2026-") == 1
        assert words in text
        assert "were announced" in text
    users = document_of(view, (), NOW + 50)["downtime"]["users"]
    assert (users["length_s"], users["in_run_s"], users["known_by"]) == (93.0, 13.0, WORDS)
    assert view.writes.began_at == NOW - 80, "what nobody could write to took no writes either"


def test_where_nobody_saw_them_out_it_counts_from_the_runs_beginning() -> None:
    view = failed_over(failover(History()))
    assert (view.users, view.own_outage) == (Outage(NOW, None), Outage(NOW, None))
    assert f"users: OUT for 9.0s, of about {view.plan.downtime_s:.0f}s, since {hhmmss(NOW)}Z" in told(
        run_head(view, NOW + 9, 200, UNICODE)
    )


def test_a_switchover_counts_from_its_own_step_whatever_was_before() -> None:
    made = plan(fine(), "switchover", to="db2", background=Background(history=OUT))
    first = outage_of(made.steps, is_out=False)[0].id
    events = (RunEvent("4711abcd", 1, NOW + 5, "step-started", first, "", {"attempt": 1}),)
    view = story_of("4711abcd", made, events, is_lab=True, holder="anna", started_at=NOW)
    assert view.users == Outage(NOW + 5, None)
    assert "this run" not in told(run_head(view, NOW + 9, 200, UNICODE))
