"""Each rule of the status by value: one fact is otherwise, and exactly these judgements are not well any more."""

from dataclasses import replace
from typing import Any

import pytest

from ppsconsole.cluster.database import Receiver, Slot
from ppsconsole.cluster.judging import against
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict, worst
from ppsconsole.inventory.limits import Limit
from tests.unit.observations import change, facts, look, silence

WARN, DOWN, UNKNOWN = Verdict.WARN, Verdict.DOWN, Verdict.UNKNOWN


def not_well(snapshot: Snapshot) -> dict[str, Verdict]:
    """Return the verdicts that are neither ok nor off, by `NODE.RULE`."""
    every = [*snapshot.judgements, *(each for node in snapshot.nodes for each in node.judgements)]
    return {f"{each.subject}.{each.rule}": each.verdict for each in every if each.verdict in (WARN, DOWN, UNKNOWN)}


def with_changed(node: str, values: dict[str, Any]) -> Snapshot:
    found = facts()
    change(found, node, **values)
    return look(found)


SYNCHRONOUS = ("max_connections=50", "synchronous_standby_names=FIRST 2 (db2, db3)", "synchronous_commit=on")


@pytest.mark.parametrize(
    ("node", "values", "expected"),
    [
        ("db1", {}, {}),
        ("db1", {"quarantine": "2026-11-23T03:00:00Z run 1a2b"}, {"db1.quarantine": DOWN}),
        ("db2", {"quarantine": "2026-11-23T03:00:00Z run 1a2b"}, {}),
        ("db1", {"is_writable": False}, {"db1.is_writable": WARN}),
        ("db1", {"replicas": ()}, {"db1.replicas": WARN}),
        ("db1", {"slots": (Slot("db2", "physical", False, "reserved", 0),)}, {"db1.slots": WARN}),
        ("db1", {"slots": (Slot("db2", "physical", True, "lost", 0),)}, {"db1.slots": WARN}),
        ("db1", {"slots": (Slot("db2", "physical", True, "reserved", 0),)}, {}),
        ("db1", {"settings": SYNCHRONOUS}, {"db1.synchronous_standbys": DOWN}),
        ("db1", {"settings": (*SYNCHRONOUS[:2], "synchronous_commit=local")}, {}),
        ("db1", {"archiver_failed": 3}, {"db1.archiver_failed": WARN}),
        ("db1", {"data_directory": "/data/other"}, {"db1.data_directory": WARN}),
        ("db1", {"data_directory": "/data/db1/"}, {}),
        ("db2", {"is_replay_paused": True}, {"db2.is_replay_paused": WARN}),
        ("db2", {"timeline": 2}, {"cluster.timeline": WARN}),
        ("db2", {"settings": ("max_connections=40",)}, {"cluster.max_connections": WARN}),
        ("db2", {"settings": ("max_connections=60",)}, {}),
        ("db2", {"system_identifier": "8"}, {"cluster.system_identifier": DOWN}),
        ("db2", {"version": 170002}, {"cluster.version": WARN}),
        ("db2", {"version": 180001}, {}),
    ],
)
def test_one_fact_that_is_otherwise_is_judged_by_its_rule(
    node: str, values: dict[str, Any], expected: dict[str, Verdict]
) -> None:
    assert not_well(with_changed(node, values)) == expected


@pytest.mark.parametrize(("receiver", "expected"), [(None, UNKNOWN), (Receiver("none"), WARN), (Receiver("stopping"), WARN)])
def test_a_standby_is_well_only_while_it_streams(receiver: Receiver | None, expected: Verdict) -> None:
    assert not_well(with_changed("db2", {"receiver": receiver}))["db2.receiver"] is expected


# --- who is primary, and who is dead ----------------------------------------------------------------------------------


def gone(word: str, **of_db1: Any) -> Snapshot:
    """Return db1 without an answer but `word`; nothing of it is known, and db2 still hears it, unless changed."""
    found = facts()
    silence(found, "db1", word)
    change(found, "db1", **({"service": None, "service_pid": None, "control_state": None} | of_db1))
    return look(found)


@pytest.mark.parametrize("word", ["refused", "timed-out", "login-refused", "starting"])
def test_a_role_is_what_was_answered_and_not_what_was_known_before(word: str) -> None:
    found = facts()
    change(found, "db1", sql=word)  # and what it said of itself is still there
    db1 = look(found).node("db1")
    assert db1 is not None
    assert db1.role == "unknown"


@pytest.mark.parametrize(
    ("service", "control", "verdict", "words"),
    [
        ("stopped", "shut down", DOWN, "STOPPED"),
        ("stopped", "in production", DOWN, "CRASHED"),
        ("failed", "shut down", DOWN, "CRASHED"),
        ("failed", None, DOWN, "CRASHED"),
        ("stopped", None, DOWN, "STOPPED"),
        ("frozen", "in production", DOWN, "HUNG"),
        ("running", "in production", UNKNOWN, "unreachable"),
        (None, None, UNKNOWN, "unreachable"),
    ],
)
def test_a_silent_one_is_told_by_its_service_and_its_control_file(
    service: str | None, control: str | None, verdict: Verdict, words: str
) -> None:
    db1 = gone("timed-out", service=service, control_state=control).node("db1")
    assert db1 is not None
    assert (db1.verdict, db1.words) == (verdict, words)


def seen_by_db2(receiver: Receiver, word: str) -> tuple[Verdict, str, str]:
    """Return verdict and words for db1, which no web node can tell anything of, and how db2 sees it."""
    found = facts()
    silence(found, "db1", word)
    change(found, "db1", service=None, service_pid=None, control_state=None)
    change(found, "db2", receiver=receiver)
    for node in ("pps1", "pps2"):
        change(found, node, points_at=None)
    db1 = look(found).node("db1")
    assert db1 is not None
    [mine] = [each for each in db1.vantages if each.observer == "db2"]
    return db1.verdict, db1.words, mine.sees


STREAMS = Receiver("streaming", 1, "0/3000060", "0/3000060", 0.5, "db2", "127.9.1.21", 6001)


@pytest.mark.parametrize(
    ("receiver", "word", "expected"),
    [
        (STREAMS, "timed-out", (UNKNOWN, "unreachable", "alive")),
        (replace(STREAMS, message_age_s=15.0), "timed-out", (UNKNOWN, "unreachable", "alive")),
        (replace(STREAMS, message_age_s=15.5), "timed-out", (UNKNOWN, "unreachable", "silent")),
        (replace(STREAMS, message_age_s=None), "timed-out", (UNKNOWN, "unreachable", "silent")),
        (Receiver("none"), "timed-out", (UNKNOWN, "unreachable", "lost")),
        (Receiver("none"), "refused", (DOWN, "OUT OF REACH", "lost")),
    ],
)
def test_one_vantage_point_alone_calls_nobody_dead(receiver: Receiver, word: str, expected: tuple[Verdict, str, str]) -> None:
    assert seen_by_db2(receiver, word) == expected


def test_without_a_primary_it_is_unknown_as_long_as_one_that_nobody_sees_may_be_it() -> None:
    assert not_well(gone("timed-out", service=None))["cluster.no_primary"] is UNKNOWN
    assert not_well(gone("refused", service="failed", control_state="in production"))["cluster.no_primary"] is DOWN


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, UNKNOWN), (4.9, Verdict.OK), (5.0, WARN), (29.9, WARN), (30.0, DOWN)],
)
def test_both_borders_belong_to_the_worse_side(value: float | None, expected: Verdict) -> None:
    assert against(value, Limit(5.0, 30.0)) is expected


@pytest.mark.parametrize(("value", "expected"), [(None, UNKNOWN), (21.1, Verdict.OK), (21.0, WARN), (7.1, WARN), (7.0, DOWN)])
def test_where_less_is_worse_they_do_as_well(value: float | None, expected: Verdict) -> None:
    assert against(value, Limit(21.0, 7.0)) is expected


def test_what_is_unknown_is_louder_than_ok_and_never_hides_what_is_wrong() -> None:
    assert worst([Verdict.OFF, Verdict.OK]) is Verdict.OK
    assert worst([Verdict.OK, UNKNOWN]) is UNKNOWN
    assert worst([UNKNOWN, WARN]) is WARN
    assert worst([WARN, DOWN, UNKNOWN]) is DOWN
    assert worst([]) is UNKNOWN
