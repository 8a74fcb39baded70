"""What items say of faults that were made for real in `tests.lab.test_faults_remedied`, by value."""

from dataclasses import replace

import pytest

from ppsconsole.cluster.database import Receiver
from ppsconsole.plan.preflight import Item
from tests.unit.observations import change
from tests.unit.runbook_cases import Found, fine, plan

HUNG = Receiver("streaming", 1, "0/3000060", "0/3000060", 90.0, "db2", "127.9.1.21", 6001)


def item(found: Found, name: str, runbook: str = "switchover") -> Item:
    return next(each for each in plan(found, runbook, to="db2").preflight if each.name == name)


def test_a_hung_receiver_is_called_that_also_when_its_sender_has_given_up() -> None:
    found = fine()
    change(found, "db2", receiver=HUNG)
    change(found, "db1", replicas=())
    said = item(found, "streaming")
    assert (said.state, said.is_blocking) == ("failing", True)
    assert "has heard nothing from db1 for 1m30s, which sends to nobody by now" in said.words
    assert "pg_terminate_backend(pid) FROM pg_stat_wal_receiver" in said.remedy
    assert "kill -CONT" in said.remedy, "a process that was stopped takes no other signal"


def test_one_that_was_given_up_a_moment_ago_is_told_how_to_connect_anew() -> None:
    found = fine()
    change(found, "db2", receiver=replace(HUNG, message_age_s=9.0))
    change(found, "db1", replicas=())
    said = item(found, "streaming")
    assert said.words.startswith("db1 knows of no standby although db2 says it streams")
    assert "SHOW primary_conninfo" in said.remedy
    assert "kill -CONT" in said.remedy


def test_one_that_hangs_on_another_primary_follows_that_one_first_of_all() -> None:
    found = fine()
    change(found, "db2", receiver=replace(HUNG, sender_host="127.9.2.21"))
    assert "not from db1" in item(found, "streaming").words


@pytest.mark.parametrize(
    ("days", "words", "is_blocking"),
    [(-0.02, "has ended: lb1", True), (0.0, "has ended: lb1", True), (2.0, "ends soon: lb1", False)],
)
def test_a_certificate_that_has_ended_bars_what_no_request_could_prove(days: float, words: str, *, is_blocking: bool) -> None:
    found = fine()
    change(found, "lb1", certificate_days=days)
    said = item(found, "front-certificate")
    assert (said.state, said.is_blocking) == ("failing", is_blocking)
    assert words in said.words
    assert "on the host of lb1: nginx -t && nginx -s reload" in said.remedy


def test_what_is_left_open_is_told_with_the_commands_that_end_it() -> None:
    found = fine()
    change(found, "db1", prepared_transactions=1, longest_transaction_s=7200.0)
    prepared, long = item(found, "prepared-transactions").remedy, item(found, "long-transactions").remedy
    assert "SELECT gid, database, owner" in prepared
    assert "psql -d DATABASE -c \"ROLLBACK PREPARED 'GID'\"" in prepared, "it can be ended in its own database only"
    assert "pg_terminate_backend(PID)" in long
