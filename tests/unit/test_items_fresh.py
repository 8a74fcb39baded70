"""What was not looked at keeps a run from beginning, and is named: the first items of preflight, by value."""

from dataclasses import replace

import pytest

from ppsconsole.runbooks.building import NOTHING_KNOWN
from ppsconsole.runbooks.case import Case
from ppsconsole.runbooks.items_stream import fresh_facts, same_cluster
from ppsconsole.runbooks.request import Request
from ppsconsole.runbooks.web_side import web_side
from tests.unit.observations import change
from tests.unit.runbook_cases import Found, declared, fine, seen

SYSTEM = ("system_identifier", "control_system_identifier")


def case(found: Found, *, is_complete: bool = True) -> Case:
    snapshot = replace(seen(found), is_complete=is_complete)
    old, new = snapshot.node("db1"), snapshot.node("db2")
    assert old is not None
    assert new is not None
    side = web_side(declared(), snapshot, "db2", "db1")
    return Case(declared(), snapshot, NOTHING_KNOWN, old, new, side, Request("switchover", to="db2"))


def test_a_first_look_that_is_not_whole_keeps_a_run_from_beginning() -> None:
    assert (fresh_facts(case(fine())).state, fresh_facts(case(fine())).is_blocking) == ("ok", True)
    item = fresh_facts(case(fine(), is_complete=False))
    assert (item.state, item.is_blocked, item.words) == ("failing", True, "not everything was looked at yet")


@pytest.mark.parametrize("name", ["db1", "db2"])
@pytest.mark.parametrize("sql", [None, "timed-out", "refused"])
def test_who_did_not_answer_is_named_and_keeps_a_run_from_beginning(name: str, sql: str | None) -> None:
    found = fine()
    change(found, name, sql=sql)
    item = fresh_facts(case(found))
    assert (item.state, item.is_blocked, item.words) == ("failing", True, f"{name} did not answer at the last look")


@pytest.mark.parametrize("name", ["db1", "db2"])
def test_whose_system_is_not_known_is_named_and_keeps_a_run_from_beginning(name: str) -> None:
    found = fine()
    change(found, name, **dict.fromkeys(SYSTEM))
    item = same_cluster(case(found))
    assert (item.state, item.words) == ("not checked", f"the system identifier of {name} is not known")
    assert item.is_blocking
    change(found, name, control_system_identifier="999")
    item = same_cluster(case(found))
    assert (item.state, item.is_blocked) == ("failing", True)
    assert f"{name} is 999" in item.words
