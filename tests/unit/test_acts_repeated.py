"""Which acts are sent a second time, and what comes before each of them: by value, a list of all that was done in order."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.clock import HeldClock
from ppsconsole.engine.line_wait import LINE_BACK_S, WAY_BACK_S
from ppsconsole.engine.perform import Performance, StepResult
from ppsconsole.engine.stage import LeaseLost, Stage
from ppsconsole.errors import (
    BadAnswer,
    BastionDown,
    Blocked,
    HostKeyRefused,
    JournalError,
    LoginRefused,
    TimedOut,
    Unreachable,
    WorldMoved,
)
from ppsconsole.plan.outcomes import Outcome
from ppsconsole.plan.step import Step
from tests.unit.runbook_cases import declared, fine, plan

ONCE = ["precheck", "beside", "durable", "act"]


class Double:
    """An action, and all else that a step is done with; each act fails of the next error, and `done` has what was done."""

    def __init__(self, *errors: BaseException | None, is_refused: bool = True, sent: int = 0, verify: str = "yes") -> None:
        self.errors, self.is_refused, self.sent, self.state, self.done = list(errors), is_refused, sent, verify, []
        self.stage, self.journal, self.beside = Stage(), None, None
        self.clock = HeldClock()

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        self.done.append("precheck")
        return Finding("yes", "may act", {"was": 1})

    async def act(self, bench: Workbench, step: Step) -> None:
        self.done.append("act")
        error = self.errors.pop(0) if self.errors else None
        self.stage.sent += self.sent if error is not None else 1
        if error is not None:
            if self.is_refused:
                self.stage.refused = error
            raise error

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        self.done.append("verify")
        return Finding(self.state, "as it is")  # type: ignore[arg-type]

    async def before(self, values: Mapping[str, Any]) -> None:
        assert values == {"was": 1}
        self.done.append("durable")
        if self.journal is not None:
            raise self.journal

    async def around(self) -> None:
        self.done.append("beside")
        if self.beside is not None:
            raise self.beside

    def go(self, *, is_doubtful: bool = False, is_optional: bool = False) -> StepResult:
        bench = Workbench(declared(), plan(fine(), "switchover", to="db2"), "r", self.clock, None, None, lambda words: None)  # type: ignore[arg-type]
        step = replace(Step("x", "x", "x", "db1"), is_optional=is_optional)
        made = Performance(self, bench, step, self.stage, self.around, self.before)  # type: ignore[arg-type]
        return asyncio.run(made.go(is_doubtful=is_doubtful))


def test_what_is_known_is_durable_before_the_act_and_the_world_is_looked_at_behind_it() -> None:
    double = Double()
    result = double.go()
    assert double.done == [*ONCE, "verify"]
    assert (result.outcome, result.has_acted, result.words) == (Outcome.DONE, True, "as it is")


def test_what_cannot_be_made_durable_is_not_done() -> None:
    double = Double()
    double.journal = JournalError("the disk is full")
    with pytest.raises(JournalError):
        double.go()
    assert "act" not in double.done
    double = Double()
    double.beside = JournalError("the disk is full")
    with pytest.raises(JournalError):
        double.go()
    assert "act" not in double.done


def test_a_world_that_moved_is_not_acted_on_again() -> None:
    double = Double(WorldMoved("another system identifier"), WorldMoved("another one"))
    result = double.go()
    assert double.done == ONCE
    assert (result.outcome, result.has_acted) == (Outcome.FAILED, False)
    assert result.words == "nothing was done: another system identifier"


def test_a_lease_that_is_lost_is_not_acted_under_again() -> None:
    double = Double(LeaseLost("taken over"))
    with pytest.raises(LeaseLost):
        double.go()
    assert double.done == ONCE


@pytest.mark.parametrize("error", [BastionDown("away"), HostKeyRefused("changed"), LoginRefused("no key")])
def test_what_came_before_any_login_is_tried_once_more_and_no_more(error: BaseException) -> None:
    double = Double(error, is_refused=False)
    assert double.go().outcome is Outcome.DONE
    assert double.done == [*ONCE, "act", "verify"]
    double = Double(error, error, error, is_refused=False)
    result = double.go(is_optional=True)
    assert double.done == [*ONCE, "act"]
    assert (result.outcome, result.has_acted) == (Outcome.FAILED, False)


def test_what_the_guard_saw_refused_is_tried_once_more() -> None:
    double = Double(BadAnswer("no channel"))
    assert double.go().outcome is Outcome.DONE
    assert double.done == [*ONCE, "act", "verify"]


@pytest.mark.parametrize(
    "error",
    [TimedOut("no answer"), Unreachable("no route"), WorldMoved("moved"), BadAnswer("nonsense"), RuntimeError("a mistake")],
)
@pytest.mark.parametrize(("verify", "outcome"), [("yes", Outcome.DONE), ("no", Outcome.FAILED), ("unknown", Outcome.UNKNOWN)])
def test_what_may_have_been_done_is_answered_by_looking(error: BaseException, verify: str, outcome: Outcome) -> None:
    """Where a command of the act was sent, or nothing shows that none was, it is never sent again."""
    for double in (Double(error, sent=1, verify=verify), Double(error, is_refused=False, verify=verify)):
        result = double.go()
        assert double.done == [*ONCE, "verify"]
        assert (result.outcome, result.has_acted) == (outcome, True)
        assert result.words.startswith("as it is; ")


def test_a_second_try_that_may_have_been_done_is_answered_by_looking() -> None:
    double = Double(BastionDown("away"), TimedOut("no answer"), is_refused=False, verify="no")
    result = double.go()
    assert double.done == [*ONCE, "act", "verify"]
    assert (result.outcome, result.has_acted) == (Outcome.FAILED, True)


def test_a_line_that_comes_back_is_looked_over_before_it_is_acted_on() -> None:
    away = Unreachable("no route", where="db1")
    double = Double(away, away)
    assert double.go().outcome is Outcome.DONE
    assert double.done == [*ONCE, "act", *ONCE, "verify"]
    double = Double(away, away)
    assert double.go(is_optional=True).outcome is Outcome.FAILED
    assert double.done == [*ONCE, "act"], "what can be left out keeps nobody waiting"


def test_a_port_that_is_closed_is_no_line_that_comes_back() -> None:
    closed = Unreachable("refused", where="db1", is_refused=True)
    double = Double(closed, closed, closed)
    assert double.go().outcome is Outcome.FAILED
    assert double.done == [*ONCE, "act"]


def test_an_action_that_refuses_by_itself_before_it_sent_anything_has_done_nothing() -> None:
    double = Double(Blocked("not now"), is_refused=False)
    result = double.go()
    assert double.done == ONCE
    assert (result.outcome, result.has_acted, result.words) == (Outcome.FAILED, False, "not begun: not now")
    double = Double(Blocked("not now"), is_refused=False, sent=1)
    result = double.go()
    assert double.done == [*ONCE, "verify"]
    assert result.has_acted


@pytest.mark.parametrize(
    ("verify", "done", "outcome"),
    [
        ("yes", ["verify"], Outcome.DONE),
        ("unknown", ["verify"], Outcome.UNKNOWN),
        ("no", ["verify", *ONCE, "verify"], Outcome.FAILED),
    ],
)
def test_a_step_in_doubt_is_looked_at_before_anything_else(verify: str, done: list[str], outcome: Outcome) -> None:
    double = Double(verify=verify)
    result = double.go(is_doubtful=True)
    assert double.done == done
    assert (result.outcome, result.has_acted) == (outcome, True)


class Looking(Double):
    """An action whose looks behind an act come to these, one after the other, the last one for ever."""

    def __init__(self, *seen: Finding | BaseException) -> None:
        super().__init__()
        self.seen = list(seen)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        self.done.append("verify")
        found = self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]
        if isinstance(found, BaseException):
            raise found
        return found

    undo, verify_undone = Double.act, verify

    def undone(self, timeout_s: float) -> tuple[str, str]:
        bench = Workbench(declared(), plan(fine(), "switchover", to="db2"), "r", self.clock, None, None, lambda words: None)  # type: ignore[arg-type]
        step = replace(Step("x", "x", "x", "db1"), timeout_s=timeout_s)
        made = Performance(self, bench, step, self.stage, self.around, self.before)  # type: ignore[arg-type]
        return asyncio.run(made.undo())


AWAY = Unreachable("no route", where="db1")


def test_a_lost_line_is_waited_for_as_long_as_users_may_wait_however_long_the_step_may_take() -> None:
    double = Looking(AWAY)
    began = double.clock.monotonic()
    assert double.go().outcome is Outcome.UNKNOWN
    assert double.clock.monotonic() - began == LINE_BACK_S
    assert double.done == [*ONCE, *["verify"] * 6]


def test_a_look_that_was_answered_is_not_made_again_for_a_line_that_was_lost_before() -> None:
    double = Looking(AWAY, Finding("no", "not done"))
    assert double.go().outcome is Outcome.FAILED
    assert double.done == [*ONCE, "verify", "verify"]
    double = Looking(AWAY, Finding("yes", "done"))
    assert double.go().outcome is Outcome.DONE


def test_a_way_back_waits_once_for_both_of_its_tries() -> None:
    no = Finding("no", "not back")
    double = Looking(AWAY, no, AWAY)
    began = double.clock.monotonic()
    assert double.undone(60.0)[0] == "undo-unknown"
    assert double.clock.monotonic() - began <= WAY_BACK_S
    assert double.done.count("act") == 2
