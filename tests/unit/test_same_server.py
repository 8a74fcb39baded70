"""Whether what answers by SQL is what runs on the host, by value: a process of it, and when that was started."""

from dataclasses import replace
from typing import Any

import pytest

from ppsconsole.runbooks.building import NOTHING_KNOWN
from ppsconsole.runbooks.case import Case
from ppsconsole.runbooks.items_identity import NO_SERVER, same_server
from ppsconsole.runbooks.request import Request
from ppsconsole.runbooks.web_side import web_side
from tests.unit.observations import change
from tests.unit.runbook_cases import declared, fine, seen

OK = ("ok", "what answers by SQL runs on the hosts that are logged in to")
OWN = {
    "db1": {"checkpointer_pid": 41, "server_process": "41", "server_started_at": 1000.0, "started_at": 1000.4},
    "db2": {"checkpointer_pid": 52, "server_process": "52", "server_started_at": 2000.0, "started_at": 2000.4},
}


def judged(gone: str = "", **changes: dict[str, Any]) -> tuple[str, str]:
    """Return state and words where these facts of instances are others; it always keeps a run from beginning."""
    found = fine()
    for name, facts in OWN.items():
        change(found, name, **{**facts, **changes.get(name, {})})
    snapshot = seen(found)
    old, new = snapshot.node("db1"), snapshot.node("db2")
    assert old is not None
    assert new is not None
    old = replace(old, role="unknown") if gone else old
    side = web_side(declared(), snapshot, "db2", "db1")
    item = same_server(Case(declared(), snapshot, NOTHING_KNOWN, old, new, side, Request("switchover", to="db2")))
    assert item.is_blocking
    return item.state, item.words


def test_the_same_process_started_at_the_same_time_is_the_same_server() -> None:
    assert judged() == OK
    for began, told in ((None, 1000.0), (1000.0, None), (None, None), (1000.0, 1000.0)):
        assert judged(db1={"server_started_at": began, "started_at": told}) == OK


@pytest.mark.parametrize("name", ["db1", "db2"])
def test_another_process_is_another_server(name: str) -> None:
    state, words = judged(**{name: {"server_process": "77"}})
    assert state == "failing"
    assert f"answers for {name} a server whose checkpointer has pid {OWN[name]['checkpointer_pid']}, and on its host " in words
    assert words.endswith("it has pid 77")
    state, words = judged(**{name: {"server_process": NO_SERVER}})
    assert (state, "no server runs in " in words) == ("failing", True)


def test_a_process_of_the_same_number_that_was_started_at_another_time_is_another_server() -> None:
    for apart in (3600.0, -3600.0):
        state, words = judged(db1={"started_at": 1000.0 + apart})
        assert (state, words.endswith("was started 1h00m apart from it")) == ("failing", True), words


def test_whose_server_it_is_is_told_where_it_is_known() -> None:
    state, words = judged(db1={"checkpointer_pid": 52})
    assert (state, words.endswith("it has pid 41: it is the server of db2")) == ("failing", True), words


@pytest.mark.parametrize("fact", ["checkpointer_pid", "server_process"])
def test_what_was_not_seen_is_not_called_the_same(fact: str) -> None:
    state, words = judged(db2={fact: None})
    assert (state, words) == ("not checked", "whether what answers for db2 by SQL runs on its host was not seen")


def test_a_primary_that_answers_nobody_is_not_asked_who_it_is() -> None:
    assert judged(gone="db1", db1={"checkpointer_pid": None, "server_process": "77"}) == OK
    assert judged(gone="db1", db2={"server_process": "77"})[0] == "failing"
