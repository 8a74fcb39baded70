"""What can be planned, and what is said of what cannot: a move that cannot be is offered as blocked, with the rule's reason."""

from ppsconsole.advice.choices import Choice, choices
from ppsconsole.advice.diagnosis import advise
from ppsconsole.runbooks.building import NOTHING_KNOWN
from ppsconsole.runbooks.catalog import RUNBOOKS
from tests.unit.runbook_cases import Found, declared, fine, killed, seen


def found(of: Found) -> dict[str, Choice]:
    snapshot, inventory = seen(of), declared()
    return {each.title: each for each in choices(advise(snapshot, inventory), snapshot, inventory, NOTHING_KNOWN)}


def test_what_a_dead_primary_bars_is_blocked_with_its_reason_and_comes_last() -> None:
    ways = found(killed())
    assert list(ways)[:2] == ["restart db1", "failover --to db2"], "what the advice ranks, in its order"
    for title in ("failover --to db1", "switchover --to db1", "switchover --to db2"):
        assert ways[title].is_blocked
    assert ways["switchover --to db2"].words.startswith("no instance answers as a primary")
    blocked = [each.is_blocked for each in ways.values()]
    assert blocked == sorted(blocked)


def test_an_open_way_that_nobody_advises_says_what_it_costs_and_what_it_does() -> None:
    way = found(fine())["switchover --to db2"]
    assert (way.is_blocked, way.is_advised) == (False, False)
    assert way.words.startswith("users are kept out for about ")
    assert "; loss none (proved). " in way.words
    assert way.words.endswith(RUNBOOKS["switchover"].sentence)


def test_before_anything_was_seen_every_way_says_what_it_does() -> None:
    ways = choices((), None, declared(), NOTHING_KNOWN)
    assert {each.words for each in ways} <= {each.sentence for each in RUNBOOKS.values()}
    assert not any(each.is_blocked or each.is_advised for each in ways)
