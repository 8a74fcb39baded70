"""A plan on a busy machine: what did not answer in time is looked at again, and is never told to be gone."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ppsconsole.clock import HeldClock
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.engine import facts
from ppsconsole.engine.desk import Desk
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.inventory.secret import SecretRef
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
    monkeypatch: pytest.MonkeyPatch,
    request: Request,
    *worlds: Callable[[], Found],
    of: Inventory | None = None,
    takes_s: float = 0.0,
) -> tuple[Callable[[], Plan], list[Snapshot]]:
    """Return what plans where the looks see `worlds` one after the other, the last one again and again; and the looks.

    A look at a world in which nothing is late takes no time, any other one `takes_s`, or what it is given where that is less.
    """
    looks: list[Snapshot] = []
    inventory = declared() if of is None else of

    async def look_with(_tools: Any, _inventory: Any, clock: HeldClock, limit_s: float) -> Snapshot:
        looks.append(seen(worlds[min(len(looks), len(worlds) - 1)](), inventory))
        clock.advance(min(takes_s, limit_s) if worlds[min(len(looks), len(worlds)) - 1] is not fine else 0.0)
        return looks[-1]

    async def tried_secrets(_: Any) -> dict[str, str]:
        return {}

    monkeypatch.setattr(facts, "look_with", look_with)
    monkeypatch.setattr(facts, "tried_secrets", tried_secrets)

    async def main() -> Plan:
        desk = Desk(inventory, HeldClock(), environ={})
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


SLOW_S = 15.0
"""So long a look takes at most on which something stays silent: longer than a plan goes on looking."""


def with_vault(source: str | None) -> Inventory:
    place = Backup("vault", "/srv/vault", host="vault", encryption_key=SecretRef("env", "KEY"), source=source)
    instances = {name: replace(each, dumps={name: f"host={name}"}) for name, each in declared().database.instances.items()}
    hosts = {**declared().hosts, "vault": Host("vault", "b", "127.0.0.9")}
    return declared(backups={"vault": place}, hosts=hosts, database=replace(declared().database, instances=instances))


@pytest.mark.parametrize(("late", "source"), [("db1", None), ("db2", "db2")])
def test_one_look_that_was_too_slow_decides_no_backup(monkeypatch: pytest.MonkeyPatch, late: str, source: str | None) -> None:
    """It took all the time that a plan looks for, on a machine that was busy: what it did not see is looked at once more."""
    of = with_vault(source)
    make, looks = planned(monkeypatch, Request("backup"), lambda: busy(late), fine, of=of, takes_s=SLOW_S)
    assert (make().steps[0].arguments["source"], len(looks)) == (late, 2)


def test_a_backup_says_whom_it_did_not_see_in_time_and_calls_nobody_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    make, looks = planned(monkeypatch, Request("backup"), lambda: busy("db2"), of=with_vault("db2"), takes_s=SLOW_S)
    with pytest.raises(Barred, match="db2 did not answer in time, and `source` says that it is dumped") as told:
        make()
    assert (told.value.rule, len(looks)) == ("source-unseen", 2)
    make, looks = planned(monkeypatch, Request("backup"), lambda: busy("db1"), of=with_vault(None), takes_s=SLOW_S)
    made = make()
    [item] = [each for each in made.preflight if each.name == "source"]
    assert item.words == "db1 did not answer in time, and no other is primary: db2 is dumped, with what it has received"
    assert (item.state, len(looks)) == ("failing", 2)


@pytest.mark.parametrize(("late", "to"), [("db1", "db2"), ("db2", "db2")])
def test_one_look_that_was_too_slow_decides_no_switchover(monkeypatch: pytest.MonkeyPatch, late: str, to: str) -> None:
    make, looks = planned(monkeypatch, Request("switchover", "", to), lambda: busy(late), fine, takes_s=SLOW_S)
    assert (make().to, len(looks)) == (to, 2)


def test_a_balancer_whose_host_was_too_slow_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreached() -> Found:
        found = fine()
        change_host(found, "lb1", ssh="timed-out")
        return found

    make, looks = planned(monkeypatch, Request("switchover", "", "db2"), unreached, fine, takes_s=SLOW_S)
    assert ("drain-lb1" in {step.id for step in make().steps}, len(looks)) == (True, 2)


def test_what_may_be_deleted_is_looked_at_again_where_it_was_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    make, looks = planned(monkeypatch, Request("backup-prune"), fine, of=with_vault(None))
    with pytest.raises(Barred, match="what there is was not seen at vault"):
        make()
    assert len(looks) == facts.LOOKS


@pytest.mark.parametrize("runbook", ["backup", "switchover"])
def test_where_all_has_answered_it_is_looked_at_once(monkeypatch: pytest.MonkeyPatch, runbook: str) -> None:
    request = Request(runbook, "", "db2" if runbook == "switchover" else "")
    make, looks = planned(monkeypatch, request, fine, of=with_vault(None), takes_s=SLOW_S)
    assert (make().runbook, len(looks)) == (runbook, 1)


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
