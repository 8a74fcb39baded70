"""The list of commands: bounded, and the same from round to round."""

from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.probes.sent import KEPT, Sent


def record(at: float, words: str, where: str = "db1") -> CommandRecord:
    return CommandRecord(at, where, words, 0.1, "ok")


def test_a_command_that_is_sent_only_now_and_then_stays_until_it_is_sent_again() -> None:
    sent = Sent(forgotten_s=90.0)
    for second in range(600):
        if second % 30 == 0:
            sent.keep(record(second, "slowly"))
        for number in range(20):
            sent.keep(record(second, f"often {number}"))
        if second >= 30:
            assert len({each.command for each in sent.records()}) == 21
            assert [each.command for each in sent.records()].count("slowly") == 1


def test_what_is_not_sent_any_more_is_forgotten() -> None:
    sent = Sent(forgotten_s=90.0)
    sent.keep(record(0.0, "once"))
    for second in range(91 + KEPT):
        sent.keep(record(second, "again"))
        is_there = any(each.command == "once" for each in sent.records())
        assert is_there == (second < KEPT - 1 or second <= 90)
    assert len(sent.records()) == KEPT


def test_records_stand_in_the_order_of_time_and_are_bounded() -> None:
    sent = Sent(forgotten_s=1e9)
    for number in range(5000):
        sent.keep(record(number, f"another {number}"))
    records = sent.records()
    assert [each.at for each in records] == sorted(each.at for each in records)
    assert len(records) <= KEPT + 500
    assert records[-1].command == "another 4999"


def test_a_command_at_another_host_is_another_one() -> None:
    sent = Sent(forgotten_s=1e9)
    for where in ("db1", "db2"):
        sent.keep(record(0.0, "the same", where))
    for number in range(KEPT):
        sent.keep(record(1.0 + number, "again"))
    assert {each.where for each in sent.records() if each.command == "the same"} == {"db1", "db2"}
