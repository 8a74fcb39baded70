"""When a primary counts as dead, by value: who has to have seen what, and what keeps a failover from being run (law 9)."""

from dataclasses import replace

import pytest

from ppsconsole.cluster.snapshot import Vantage
from ppsconsole.runbooks.building import NOTHING_KNOWN
from ppsconsole.runbooks.case import Case
from ppsconsole.runbooks.items_death import dead
from ppsconsole.runbooks.request import Request
from ppsconsole.runbooks.web_side import web_side
from tests.unit.observations import change
from tests.unit.runbook_cases import Found, declared, fine, hung, killed, seen, unreachable


def judged(found: Found, *vantages: str, words: str = "", attest: str = "") -> tuple[str, bool, str]:
    """Return state, whether it blocks, and words, where these observers see it so: `console dead`, `db2 lost`."""
    snapshot = seen(found)
    old, new = snapshot.node("db1"), snapshot.node("db2")
    assert old is not None
    assert new is not None
    told = tuple(Vantage(*each.split(" "), f"as {each}") for each in vantages)  # type: ignore[arg-type]
    old = replace(old, vantages=told, words=words)
    side = web_side(declared(), snapshot, "db2", "db1")
    case = Case(declared(), snapshot, NOTHING_KNOWN, old, new, side, Request("failover", to="db2", attest=attest))
    item = dead(case)
    return item.state, item.is_blocked, item.words


@pytest.mark.parametrize(
    ("vantages", "attest", "said"),
    [
        (("console dead", "host dead"), "", "db1 is dead as seen by console, host"),
        (("console dead", "db2 lost"), "", "db1 is dead as seen by console, and lost to db2"),
        (("host dead", "pps1 lost", "console silent"), "", "db1 is dead as seen by host, and lost to pps1"),
        (("console dead",), "it is off", "db1 is dead as seen by console, the operator"),
        (("console silent", "db2 lost"), "it is off", "db1 is dead as seen by the operator, and lost to db2"),
    ],
)
def test_two_have_to_say_so_and_one_of_them_that_it_is_dead(vantages: tuple[str, ...], attest: str, said: str) -> None:
    assert judged(killed(), *vantages, attest=attest) == ("ok", False, said)


@pytest.mark.parametrize(
    ("vantages", "attest"),
    [
        ((), ""),
        ((), "it is off"),
        (("console dead",), ""),
        (("console silent",), ""),
        (("console silent",), "it is off"),
        (("console silent", "host silent"), ""),
        (("console silent", "host silent"), "it is off"),
        (("db2 lost",), ""),
    ],
)
def test_one_who_says_so_or_silence_alone_is_not_enough(vantages: tuple[str, ...], attest: str) -> None:
    state, is_blocked, words = judged(unreachable(), *vantages, attest=attest)
    assert (state, is_blocked) == ("failing", True)
    assert words.startswith("db1 is not seen dead by two: ")


@pytest.mark.parametrize("vantages", [("console silent", "db2 lost"), ("db2 lost", "pps1 lost"), ("console dead", "host silent")])
def test_out_of_reach_from_two_places_is_left_to_the_fence_and_is_not_called_dead(vantages: tuple[str, ...]) -> None:
    state, is_blocked, words = judged(unreachable(), *vantages)
    assert (state, is_blocked) == ("failing", False)
    assert words.startswith("db1 was not seen dead: it is unreachable from ")
    assert words.endswith(", and may still run and take writes")


@pytest.mark.parametrize("others", [(), ("console dead", "host dead"), ("db2 lost", "host dead")])
@pytest.mark.parametrize("observer", ["console", "host", "db2", "pps1"])
def test_one_who_sees_it_alive_outweighs_all_others(observer: str, others: tuple[str, ...]) -> None:
    for attest in ("", "it is off"):
        state, is_blocked, words = judged(killed(), *others, f"{observer} alive", attest=attest)
        assert (state, is_blocked) == ("failing", True)
        assert words.startswith("db1 lives: ")


@pytest.mark.parametrize("words", ["STARTING", "STOPPING"])
def test_what_starts_or_stops_is_waited_for(words: str) -> None:
    state, is_blocked, said = judged(killed(), "console dead", "host dead", words=words)
    assert (state, is_blocked, said) == ("failing", True, f"db1 is {words.lower()}")


def test_what_hangs_where_it_stands_is_left_to_the_fence_unless_somebody_works_with_it() -> None:
    assert judged(hung(), "console silent", "host silent")[:2] == ("ok", False)
    assert judged(hung(), "console silent", "db2 alive")[:2] == ("ok", False), "a standby only remembers"
    assert judged(hung(), "console silent", "pps1 alive")[:2] == ("failing", True)


def wedged() -> Found:
    """Return: its host says that it runs, and it answers nobody."""
    found = hung()
    change(found, "db1", service="running")
    return found


def test_what_runs_and_answers_nobody_is_wedged_only_where_somebody_lost_it_and_nobody_has_it() -> None:
    state, is_blocked, words = judged(wedged(), "console silent", "host alive", "db2 lost")
    assert (state, is_blocked) == ("ok", False)
    assert words.startswith("db1 is wedged: it runs and answers nobody (")
    for others in (("host alive",), ("host alive", "db2 lost", "pps1 alive"), ("host alive", "pps1 lost", "db2 alive")):
        assert judged(wedged(), "console silent", *others)[:2] == ("failing", True)


def test_what_has_no_connection_left_lives() -> None:
    found = fine()
    change(found, "db1", sql="no-connection-left")
    state, is_blocked, words = judged(found, "db2 lost", "host dead")
    assert (state, is_blocked) == ("failing", True)
    assert words == "db1 lives, and has no connection left for the console"
