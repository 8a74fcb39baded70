"""Events newest first: a flood is one line, and the same again and again is said once."""

from ppsconsole.cluster.picture import Event
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.events import FLOOD, grouped

DOWN, OK = Verdict.DOWN, Verdict.OK


def flood(count: int, at: float = 100.0, verdict: Verdict = DOWN) -> list[Event]:
    return [Event(at, f"db{number}", verdict, f"ok → down: lost {number}") for number in range(count)]


def test_few_events_stay_as_they_are() -> None:
    events = flood(FLOOD)
    assert [(each.subject, each.words) for each in grouped(events)] == [(each.subject, each.words) for each in events]
    assert grouped(()) == ()


def test_a_flood_is_one_line_that_names_some_and_counts_all() -> None:
    later = Event(200.0, "lb1", OK, "back")
    told = grouped([later, *flood(23)])
    assert [each.subject for each in told] == ["lb1", "23 nodes"]
    assert told[1].words == "db0, db1, db2 and 20 more: 23 changes at once"
    assert len(told[1].members) == 23


def test_what_is_well_again_is_no_part_of_what_went_down() -> None:
    told = grouped([*flood(8, verdict=OK), *flood(8)])
    assert [(each.subject, each.first.verdict) for each in told] == [("8 nodes", OK), ("8 nodes", DOWN)]


def test_the_same_again_and_again_is_counted() -> None:
    events = [Event(100.0 - number * 30, "db2", DOWN, "link down") for number in range(12)]
    (told,) = grouped(events)
    assert (told.subject, told.words, told.first.at) == ("db2", "link down (12 times)", 100.0)


def test_events_far_apart_are_no_flood() -> None:
    events = [Event(1000.0 - number * 60, f"db{number}", DOWN, "gone") for number in range(9)]
    assert len(grouped(events)) == 9
