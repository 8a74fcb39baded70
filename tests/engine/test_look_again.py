"""A plan on a busy machine: what did not answer in time is looked at again, and is never told to be gone."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ppsconsole.clock import HeldClock
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.engine import facts
from ppsconsole.engine.desk import Desk
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.request import Request
from tests.unit.observations import change, change_host, silence
from tests.unit.runbook_cases import Found, declared, fine, host_gone, hung, plan, seen


def busy(*names: str) -> Found:
    """Return a healthy cluster on a machine on which the database instances `names` were too slow to answer."""
    found = fine()
    for name in names:
        silence(found, name, "timed-out")
    return found


def planned(
    monkeypatch: pytest.MonkeyPatch, request: Request, *worlds: Callable[[], Found]
) -> tuple[Callable[[], Plan], list[Snapshot]]:
    """Return what plans where the looks see `worlds` one after the other, the last one again and again; and the looks."""
    looks: list[Snapshot] = []

    async def look_with(*_: Any) -> Snapshot:
        looks.append(seen(worlds[min(len(looks), len(worlds) - 1)](), declared()))
        return looks[-1]

    async def tried_secrets(_: Any) -> dict[str, str]:
        return {}

    monkeypatch.setattr(facts, "look_with", look_with)
    monkeypatch.setattr(facts, "tried_secrets", tried_secrets)

    async def main() -> Plan:
        desk = Desk(declared(), environ={})
        try:
            return await desk.plan(request)
        finally:
            await desk.aclose()

    return lambda: asyncio.run(main()), looks


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.mark.parametrize("late", ["db1", "db2"])
def test_what_answers_at_the_next_look_was_busy(monkeypatch: pytest.MonkeyPatch, late: str) -> None:
    make, looks = planned(monkeypatch, Request("switchover", "", "db2"), lambda: busy(late), fine)
    assert make().to == "db2"
    assert len(looks) == 2


@pytest.mark.parametrize("to", ["db2", ""])
@pytest.mark.parametrize(("late", "rule"), [("db1", "primary-unseen"), ("db2", "standby-unseen")])
def test_what_stays_silent_is_told_to_be_silent_and_not_to_be_gone(
    monkeypatch: pytest.MonkeyPatch, late: str, rule: str, to: str
) -> None:
    make, looks = planned(monkeypatch, Request("switchover", "", to), lambda: busy(late))
    with pytest.raises(Barred, match=f"{late} did not answer in time") as told:
        make()
    assert (told.value.rule, told.value.exit_code, len(looks)) == (rule, 3, facts.LOOKS)


def test_a_standby_that_is_silent_is_looked_at_again_before_a_failover_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def both() -> Found:
        found = host_gone()
        silence(found, "db2", "timed-out")
        return found

    make, looks = planned(monkeypatch, Request("failover", "", "db2"), both)
    with pytest.raises(Barred, match="db2 did not answer in time"):
        make()
    assert len(looks) == facts.LOOKS


def test_nobody_waits_for_a_second_look_where_all_has_answered() -> None:
    inventory = declared()
    world = fine()
    assert not facts.is_worth_another_look(inventory, seen(world, inventory), plan(world, "switchover", to="db2"))


def test_a_failover_does_not_wait_for_a_host_that_is_silent_as_a_whole() -> None:
    inventory, world = declared(), host_gone()
    made = plan(world, "failover", to="db2")
    assert not made.blockers
    assert not facts.is_worth_another_look(inventory, seen(world, inventory), made)
    silence(world, "db1", "refused")
    change_host(world, "db1", ssh="timed-out")
    assert facts.is_worth_another_look(inventory, seen(world, inventory), made), "what refuses is no silent host"
    world = host_gone()
    change(world, "db2", service="running")
    silence(world, "db2", "timed-out")
    assert facts.is_worth_another_look(inventory, seen(world, inventory), made), "its host answers: it may be busy"


def test_a_failover_does_not_wait_for_processes_that_are_stopped() -> None:
    inventory, world = declared(), hung()
    made = plan(world, "failover", to="db2")
    assert not facts.is_worth_another_look(inventory, seen(world, inventory), made)


@pytest.mark.parametrize(("fenced_after_s", "count"), [(None, 0), (-0.5, 0), (0.5, 1)])
def test_a_look_from_before_the_fence_is_not_taken_for_what_was_written_until_then(
    monkeypatch: pytest.MonkeyPatch, fenced_after_s: float | None, count: int
) -> None:
    _, looks = planned(monkeypatch, Request("failover", "", "db2"), host_gone)
    inventory, before = declared(), seen(host_gone(), declared())
    made = plan(host_gone(), "failover", to="db2")
    gated = next(step for step in made.steps if step.gate is not None)
    fence = None if fenced_after_s is None else FenceProof("db1", Rung.QUIESCED, ("quiet",), before.at + fenced_after_s, "run1")

    async def main() -> None:
        desk = Desk(inventory, HeldClock(before.at + 1.0), environ={})
        try:
            desk.saw(before)
            desk.snapshot = before
            reading = await desk.read_again(gated, made, fence)
            assert reading.age_s == 1.0
        finally:
            await desk.aclose()

    asyncio.run(main())
    assert len(looks) == count


def test_a_look_from_before_the_run_acted_is_not_shown_as_what_is_there_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a question shows while users are out has to be what the last step left, not web nodes that it has stopped."""
    _, looks = planned(monkeypatch, Request("failover", "", "db2"), host_gone)
    inventory, before = declared(), seen(host_gone(), declared())
    made = plan(host_gone(), "failover", to="db2")
    gated = next(step for step in made.steps if step.gate is not None)

    async def main() -> None:
        desk = Desk(inventory, HeldClock(before.at + 1.0), environ={})
        try:
            desk.snapshot = before
            desk._heard(RunEvent("run1", 3, before.at + 0.2, "gate-answered", gated.id))
            await desk.read_again(gated, made)
            assert looks == [], "questions one after the other rest on one look"
            desk._heard(RunEvent("run1", 4, before.at + 0.5, "step-finished", "stop-pps1"))
            await desk.read_again(gated, made)
            assert len(looks) == 1
        finally:
            await desk.aclose()

    asyncio.run(main())
