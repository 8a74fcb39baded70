"""The other standbys of a group, by value: who is told to follow the new primary, who goes along, who cannot."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ppsconsole.actions.follow import _keeps_log_for
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.database import Receiver, Replica, Slot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from tests.unit.observations import change, change_host, silence
from tests.unit.runbook_cases import Found, fine, killed, plan, seen, state, swapped, three, with_third

ADDRESSES = {"db1": "127.9.1.21", "db2": "127.9.2.21", "db3": "127.9.2.22"}


def streaming(source: str, timeline: int = 1) -> Receiver:
    return Receiver("streaming", timeline, "0/3000060", "0/3000060", 0.5, "x", ADDRESSES[source], 6001)


def beside(found: Found, source: str = "", **values: Any) -> Found:
    """Add db3, which streams from `source`; from nobody where that is empty."""
    receiver = streaming(source) if source else Receiver("none")
    return with_third(found, **{"receiver": receiver, **values})


def of_db3(made: Plan) -> list[tuple[str, dict[str, str], bool]]:
    return [(step.verb, dict(step.arguments), step.is_optional) for step in made.steps if step.node == "db3"]


def words_of(made: Plan) -> str:
    return next(item.words for item in made.preflight if item.name == "other-standbys")


TOLD = [("repoint", {"source": "db2"}, True)]
ALONG = [("check-following", {"source": "db2", "primary": "db2"}, True)]


@pytest.mark.parametrize(("runbook", "world"), [("switchover", fine), ("failover", killed)])
@pytest.mark.parametrize(("source", "steps"), [("db1", TOLD), ("", TOLD), ("db2", ALONG)])
def test_one_that_followed_the_old_one_is_told_and_one_behind_the_new_one_goes_along(
    runbook: str, world: Any, source: str, steps: Any
) -> None:
    made = plan(beside(world(), source), runbook, to="db2", inventory=three())
    assert of_db3(made) == steps
    assert state(made, "other-standbys") == ("ok", False)
    verbs = [step.verb for step in made.steps]
    assert verbs.index(steps[0][0]) > verbs.index("verify-service"), "users come first"
    assert words_of(made) == ("db3 goes along with db2" if steps is ALONG else "db3 is told to follow db2")
    without = plan(world(), runbook, to="db2")
    assert made.downtime_s == without.downtime_s


def test_the_slots_of_those_that_were_told_are_given_up_by_the_old_primary() -> None:
    made = plan(beside(fine(), "db1"), "switchover", to="db2", inventory=three())
    assert dict(made.step("follow").arguments) == {"primary": "db2", "others": "db3"}
    along = plan(beside(fine(), "db2"), "switchover", to="db2", inventory=three())
    assert dict(along.step("follow").arguments) == {"primary": "db2"}
    inventory = three()
    instances = dict(inventory.database.instances)
    instances["db2"] = replace(instances["db2"], upstreams={"db1": "host=db1 user=replicator"})
    known = replace(inventory, database=replace(inventory.database, instances=instances))
    dropped = [each for each in ACTIONS["follow"].commands(known, made.step("follow")) if "--drop-slot" in each]
    assert [each.partition(" -S ")[2].split()[0] for each in dropped] == ["db2", "db3"]
    assert all(each.startswith("db2$ ") for each in dropped)


@pytest.mark.parametrize(("followed", "given_up"), [("db2", ["db2", "db3"]), ("", ["db2"])])
def test_the_slot_of_one_that_did_not_come_along_is_kept(followed: str, given_up: list[str]) -> None:
    inventory = three()
    instances = dict(inventory.database.instances)
    instances["db2"] = replace(instances["db2"], upstreams={"db1": "host=db1 user=replicator"})
    known = replace(inventory, database=replace(inventory.database, instances=instances))
    idle = tuple(Slot(name, "physical", False, "reserved", 0) for name in ("db2", "db3", "archive"))

    class Old:
        async def status(self, _: Any, **__: Any) -> Any:
            return SimpleNamespace(slots=idle)

    old = SimpleNamespace(inventory=known, tools=SimpleNamespace(postgres=Old()))
    old.found_by = lambda verb, node: {"follows": followed} if (verb, node) == ("repoint", "db3") else {}
    step = Step("follow", "", "follow", "db1", "db1", {"primary": "db2", "others": "db3"})
    assert asyncio.run(_keeps_log_for(old, step)) == given_up


def test_one_behind_another_standby_stays_there() -> None:
    """db4 streams from db3, which followed the old primary: db3 is told, and db4 is looked at behind it, in this order."""
    found, inventory = beside(killed(), "db1"), four()
    for (subject, name), value in list(found.items()):
        if subject in ("node:db3", "host:db3"):
            found[subject.replace("db3", "db4"), name] = value
    change_host(found, "db4", hostname="db4")
    change(found, "db4", data_directory="/data/db4", receiver=streaming("db3"))
    change(found, "db3", receiver=Receiver("none"))
    made = plan(found, "failover", to="db2", inventory=inventory)
    later = [(step.verb, step.node, dict(step.arguments)) for step in made.steps if step.node in ("db3", "db4")]
    along = ("check-following", "db4", {"source": "db3", "primary": "db2"})
    assert later == [("repoint", "db3", {"source": "db2"}), along]
    assert words_of(made) == "db3 is told to follow db2; db4 goes along with db2, through db3"


def four() -> Inventory:
    inventory = three()
    db3, host = inventory.database.instances["db3"], inventory.hosts["db3"]
    db4 = replace(db3, name="db4", host="db4", data_directory="/data/db4")
    group = replace(inventory.database, instances={**inventory.database.instances, "db4": db4})
    return replace(inventory, hosts={**inventory.hosts, "db4": replace(host, name="db4", address="127.9.2.23")}, database=group)


def silent(found: Found) -> None:
    silence(found, "db3", "timed-out")


def of_another_system(found: Found) -> None:
    change(found, "db3", system_identifier="8")


def out_of_reach(found: Found) -> None:
    change_host(found, "db3", ssh="unreachable")


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (silent, "does not answer as a standby"),
        (of_another_system, "is not the same system as db2"),
        (out_of_reach, "has a host that cannot be logged in to"),
    ],
)
def test_one_that_cannot_be_told_is_left_as_it_is_and_its_way_home_is_said(broken: Any, why: str) -> None:
    found = beside(killed(), "db1")
    broken(found)
    made = plan(found, "failover", to="db2", inventory=three())
    assert of_db3(made) == []
    assert state(made, "other-standbys") == ("failing", False)
    [item] = [each for each in made.preflight if each.name == "other-standbys"]
    assert (item.words, "ppsconsole run rejoin db3" in item.remedy) == (f"db3 {why}", True)


def test_one_that_is_ahead_is_announced_and_its_step_refuses_by_name() -> None:
    made = plan(beside(killed(), "db1", lsn="0/4000000"), "failover", to="db2", inventory=three())
    assert of_db3(made) == TOLD
    assert state(made, "other-standbys") == ("failing", False)
    assert "db3 has log up to 0/4000000, db2 only to 0/3000060" in words_of(made)
    found = asyncio.run(ACTIONS["repoint"].precheck(bench(), step_of(made)))
    assert found.state == "no"
    said = "db3 has log up to 0/4000000 on timeline 1, which db2 left at 0/3000060. Its way home: ppsconsole run rejoin db3"
    assert found.words == said


def step_of(made: Plan) -> Step:
    return next(step for step in made.steps if step.node == "db3")


def bench(own: str = "0/4000000", timeline: int = 1) -> Any:
    """db2 is the primary on timeline 2, which left timeline 1 at 0/3000060; db3 is a standby."""

    class Servers:
        async def execute(self, instance: Any, sql: str, **_: Any) -> list[tuple[Any, ...]]:
            if instance.name == "db2":
                return [(False, "7", 2, None, None, False, None, True)]
            return [(True, "7", timeline, own, own, False, "streaming", False)]

        async def status(self, instance: Any, **_: Any) -> Any:
            row = Replica("db3", ADDRESSES["db3"], "streaming", "async", None, None, None, 0, 0, None, None)
            standby = instance.name == "db3"
            return SimpleNamespace(
                version=180006,
                in_recovery=standby,
                system_identifier="7",
                timeline=timeline if standby else 1,
                receiver=streaming("db2", timeline) if standby else None,
                replicas=() if standby else (row,),
                slots=(),
            )

        async def look(self, host: str, command: str, **_: Any) -> Any:
            return SimpleNamespace(stdout="1\t0/3000060\tno recovery target specified\n", stderr="", exit_status=0)

    servers = Servers()
    clock = SimpleNamespace(monotonic=lambda: 0.0)
    noted = SimpleNamespace(inventory=three(), tools=SimpleNamespace(postgres=servers), hosts=servers, clock=clock)
    noted.noted = lambda *_: False
    return noted


def test_one_that_was_left_behind_is_advised_to_be_rejoined_and_not_to_repair_a_network() -> None:
    found = beside(swapped(), "", in_recovery=True, replicas=None, slots=(), timeline=1)
    snapshot = seen(found, three())
    [told] = [each for each in advise(snapshot, three()) if "db3" in each.headline and each.ways]
    assert told.headline == "db3 was left behind when db2 was promoted: it streams from nobody, on an older timeline"
    assert [way.command for way in told.ways if not way.is_blocked] == ["ppsconsole run rejoin db3"]
    change(found, "db3", timeline=2)
    headlines = [each.headline for each in advise(seen(found, three()), three())]
    assert any("only the way between is cut" in each for each in headlines), "the same timeline: then it is the network"


def test_one_that_streams_on_the_old_timeline_has_not_gone_along_yet() -> None:
    """It streams from a standby that has not gone over itself: both are on timeline 1, and the primary writes on 2."""
    arguments = {"source": "db2", "primary": "db2"}
    looked = Step("check-following-db3", "", "check-following", "db3", "db3", arguments, timeout_s=0.0)
    found = asyncio.run(ACTIONS["check-following"].verify(bench(), looked))
    assert found.state == "no"
    assert found.words.startswith("db3 streams on timeline 1 still, db2 writes on 2")
    assert found.words.endswith("Its way home: ppsconsole run rejoin db3")
