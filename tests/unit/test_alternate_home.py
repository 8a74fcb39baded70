"""The way home from an alternate server by value: which states it is for, its steps, and what these may not go without."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.advice.diagnosis import advise
from ppsconsole.clock import HeldClock
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.engine.estimate import learned
from ppsconsole.engine.journal import open_journal
from ppsconsole.engine.perform import old_primaries
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background
from ppsconsole.runbooks.catalog import plan_of
from ppsconsole.runbooks.copy_costs import HOME
from ppsconsole.runbooks.costs import Estimates, Rate
from ppsconsole.runbooks.request import Request
from ppsconsole.runbooks.users_text import UNDECLARED, home_text
from tests.unit import alternate_cases, runbook_cases
from tests.unit.alternate_cases import BUNDLE, COPY
from tests.unit.observations import change, change_host, look, silence
from tests.unit.runbook_cases import Found
from tests.unit.test_restore_plan import with_dumps


def declared(**changes: object) -> Inventory:
    """Return the inventory with the alternate server and the logins that a restore needs."""
    return with_dumps(alternate_cases.declared(**changes))


def away(state: str = "in production") -> Found:
    """Return: alt1 serves users; db1 is back, down and kept so; db2 is down as well; the web nodes are stopped."""
    found = alternate_cases.beside(runbook_cases.killed(), replace(COPY, database="pleasant"))
    change(found, "alt1", service="running", service_enabled="enabled", tcp="ok", http=200)
    for name in ("db1", "db2"):
        silence(found, name, "refused")
        change(found, name, service="failed", service_enabled="disabled", service_pid=None)
    change(found, "db1", control_state=state, quarantine="run a764983f")
    change(found, "db2", control_state="shut down in recovery")
    for name in ("pps1", "pps2"):
        change(found, name, service="stopped", service_enabled="disabled", service_pid=None, tcp="refused", http=None)
    return found


def back() -> Found:
    """Return: alt1 serves users, and beside it the primary and its web node came up by themselves."""
    found = alternate_cases.beside(runbook_cases.fine(), replace(COPY, database="pleasant"))
    change(found, "alt1", service="running", service_enabled="enabled", tcp="ok", http=200)
    return found


def seen(found: Found) -> Snapshot:
    return look(found, declared=declared())


def plan(
    found: Found,
    *,
    to: str = "",
    inventory: Inventory | None = None,
    bundle: str = "",
    background: Background = NOTHING_KNOWN,
) -> Plan:
    inventory = inventory or declared()
    request = Request("alternate-home", node="alt1", to=to, bundle=bundle)
    snapshot = look(found, declared=inventory)
    return plan_of(inventory, snapshot, request, lambda known, step: ACTIONS[step.verb].commands(known, step), background)


def ids(made: Plan) -> list[str]:
    return [step.id for step in made.steps]


QUIET = ["drain-lb1", "stop-pps1", "disable-pps1", "stop-pps2", "disable-pps2", "stop-alt1", "disable-alt1", "fence-writers"]
COPIED = ["back-up", "restore-home", "swap-database"]
AFTER = [
    "switch-database-pps1",
    "enable-pps1",
    "start-pps1",
    "check-connections-pps1",
    "move-members-lb1",
    "verify-service-lb1",
    "tell-users",
    "switch-database-pps2",
    "enable-db1",
    "tell-kept",
]


def test_a_crashed_old_primary_is_started_apart_once_nobody_writes_anywhere() -> None:
    made = plan(away())
    assert made.blockers == ()
    assert (made.node, made.to, made.loss.tier) == ("alt1", "db1", LossTier.NONE)
    assert ids(made) == ["check-home", "recover", *QUIET, "start-apart", *COPIED, *AFTER]
    assert [step.gate.kind for step in made.steps if step.gate] == ["name"]
    assert plan(away("shut down")).steps[1].id == "drain-lb1"


def test_a_primary_that_came_up_by_itself_takes_the_data_as_it_runs() -> None:
    made = plan(back())
    assert made.blockers == ()
    assert (made.to, ids(made)) == ("db1", ["check-home", *QUIET, *COPIED, *AFTER])


def test_nobody_is_let_in_at_home_without_the_proof_that_the_alternate_server_is_quiet() -> None:
    made = plan(away())
    wanting = [step.id for step in made.steps if step.needs]
    assert wanting == ["start-apart", "swap-database", "start-pps1"]
    order = ids(made)
    assert order.index("stop-alt1") < order.index("fence-writers") < order.index("start-apart")
    point = next(step for step in made.steps if step.is_point_of_no_return)
    assert point.id == "move-members-lb1"
    assert all(not step.is_markable for step in made.steps if step.needs)
    bench = Workbench(declared(), made, "r", HeldClock(), None, None, print)
    assert old_primaries(bench, made.step("start-pps1")) == ("alt1",)
    bench.proofs.append(FenceProof("db2", Rung.QUIESCED, ("web nodes",), 0.0, "r"))
    assert bench.fence_of("alt1") is None, "another proof does not stand for it"


def test_users_are_out_from_the_stop_of_the_alternate_server_on() -> None:
    made = plan(large(away(), 1 << 30))
    outage = [step.id for step in made.steps if step.for_users]
    assert outage[0] == "stop-alt1"
    assert made.downtime_s > 60
    beside = plan(back())
    assert next(step.id for step in beside.steps if step.for_users) == "drain-lb1", "some are served at home as well"


def large(found: Found, size_bytes: int) -> Found:
    """Let the database that alt1 serves from have a size; 0 is one that nobody saw."""
    change(found, "alt1", copies=(replace(COPY, database="pleasant", size_bytes=size_bytes),))
    return found


def test_the_outage_is_announced_by_the_size_of_what_comes_home_and_by_how_fast_it_went_before() -> None:
    def planned(size_bytes: int, background: Background = NOTHING_KNOWN) -> tuple[float, str, str, str]:
        made = plan(large(away(), size_bytes), background=background)
        gate = made.steps[0].gate
        assert gate is not None
        state, words = next((item.state, item.words) for item in made.preflight if item.name == "outage")
        copying = sum(step.estimate_s for step in made.steps if step.verb in HOME)
        assert made.downtime_s > copying
        return copying, gate.question, state, words

    gigabytes = 40 << 30
    by_default = planned(gigabytes)
    assert by_default[0] == pytest.approx(2 + gigabytes * sum(1 / each for each in HOME.values()))
    assert "(for its 40GB, by cautious defaults: no run here has measured it)" in by_default[1]
    assert by_default[3].startswith("the database of alt1 has 40GB: written as a bundle in about 1h11m")
    seconds = dict.fromkeys(HOME, 70.0)
    known = Background(Estimates(seconds, dict.fromkeys(HOME, 1), dict.fromkeys(HOME, Rate(100e6, 1 << 30, 1))))
    assert planned(gigabytes, known)[0] == pytest.approx(2 * gigabytes / 100e6)
    assert "as fast as earlier runs here" in planned(gigabytes, known)[1]
    unseen = planned(0, known)
    assert (unseen[0], unseen[2]) == (140.0, "not checked"), "of a size that nobody saw: as long as the last time"
    assert "a guess: how large the database of alt1 is was not seen" in unseen[1]


def test_how_fast_data_come_home_is_learned_by_the_size_of_the_database_and_not_of_its_bundle(tmp_path: Path) -> None:
    journal = open_journal(folder=tmp_path)
    try:
        journal.start("a", plan(away()), 1.0, "somebody")
        values = {"bytes": 1 << 20, "database_bytes": 1 << 30}
        ended = {"outcome": "done", "verb": "back-up", "took_s": 64.0, "values": values}
        begun = RunEvent("a", 1, 1.0, "step-started", "back-up", "")
        journal.append(begun, RunEvent("a", 2, 65.0, "step-finished", "back-up", "", ended))
        assert learned(journal, "lab").rates == {"back-up": Rate((1 << 30) / 64.0, 1 << 30, 1)}
    finally:
        journal.close()


def test_a_web_node_out_of_reach_is_stated_to_be_off_and_no_proof_is_better_than_that() -> None:
    found = away()
    change_host(found, "web2", ssh="unreachable")
    change(found, "pps2", service=None, tcp="timed-out")
    made = plan(found)
    fence = made.step("fence-writers")
    assert made.blockers == ()
    assert (fence.gate and fence.gate.kind, fence.arguments["stated"]) == ("attest", "pps2")
    assert "stop-pps2" not in ids(made)


@pytest.mark.parametrize(
    ("typed", "state", "rung"), [("I switched off web2", "yes", Rung.ATTESTED), ("", "no", None)], ids=["stated", "silent"]
)
def test_the_word_of_the_operator_stands_for_what_cannot_be_seen_only(
    typed: str, state: str, rung: Rung | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ppsconsole.actions import fence
    from ppsconsole.actions.base import Finding
    from ppsconsole.errors import BastionDown

    found = away()
    change_host(found, "web2", ssh="unreachable")
    change(found, "pps2", service=None, tcp="timed-out")
    made = plan(found)
    asked: list[str] = []

    async def looked(bench: Workbench, node: str) -> Finding:
        asked.append(node)
        if node == "pps2":
            raise BastionDown("the bastion is down", where=node)
        return Finding("yes", f"{node} is quiet")

    monkeypatch.setattr(fence.SERVICE_ACTIONS["stop"], "look", looked, raising=False)
    monkeypatch.setattr(fence.SERVICE_ACTIONS["disable"], "look", looked, raising=False)
    bench = Workbench(declared(), made, "r", HeldClock(), None, None, print, answers={"fence-writers": typed})
    said = asyncio.run(fence.Fence().verify(bench, made.step("fence-writers")))
    assert said.state == state
    assert set(asked) == {"alt1", "pps1", "pps2"}
    assert [each.rung for each in said.proofs] == ([rung] if rung else [])


@pytest.mark.parametrize(
    ("prepare", "to", "rule"),
    [
        (lambda found: change(found, "alt1", service="stopped", http=None, tcp="refused"), "", "not-active"),
        (lambda found: change(found, "db1", control_state=None), "", "no-target"),
        (lambda found: None, "db2", "target-no-primary"),
        (lambda found: change_host(found, "alt1", ssh="timed-out"), "", "host-unreachable"),
        (lambda found: change_host(found, "db1", ssh="timed-out"), "db1", "host-unreachable"),
    ],
    ids=["not-active", "no-target", "a-standby-that-is-down", "its-host", "the-target-host"],
)
def test_what_bars_the_way_home(prepare: object, to: str, rule: str) -> None:
    found = away()
    prepare(found)  # type: ignore[operator]
    with pytest.raises(Barred) as caught:
        plan(found, to=to)
    assert caught.value.rule == rule


def test_a_standby_takes_nothing_and_beside_a_primary_no_other_does() -> None:
    with pytest.raises(Barred, match="db2 is a standby"):
        plan(back(), to="db2")
    found = back()
    silence(found, "db2", "refused")
    change(found, "db2", service="failed", service_pid=None, control_state="in production")
    with pytest.raises(Barred, match="db1 answers as the primary"):
        plan(found, to="db2")
    both = away()
    change(both, "db2", control_state="in production")
    with pytest.raises(UsageError, match="several instances could take the data home: db1, db2"):
        plan(both)
    assert plan(both, to="db2").to == "db2"
    with pytest.raises(UsageError, match="takes no --bundle"):
        plan(away(), bundle=BUNDLE)


def only_a_standby() -> Found:
    """Return: alt1 serves users, db1 and its host are gone, and db2 answers as the standby that it was."""
    found = alternate_cases.beside(runbook_cases.host_gone(), replace(COPY, database="pleasant"))
    change(found, "alt1", service="running", service_enabled="enabled", tcp="ok", http=200)
    for name in ("pps1", "pps2"):
        change(found, name, service="stopped", service_enabled="disabled", service_pid=None, tcp="refused", http=None)
    return found


def test_where_only_a_standby_is_left_it_is_promoted_once_nobody_writes_anywhere() -> None:
    made = plan(only_a_standby())
    assert (made.blockers, made.to) == ((), "db2")
    order = ids(made)
    assert order[0] == "check-home"
    assert order[order.index("fence-writers") :][:5] == ["fence-writers", "promote", *COPIED]
    promote = made.step("promote")
    assert (promote.needs, promote.arguments["primary"]) == (("fence",), "alt1")
    assert (promote.is_undoable, promote.is_markable, promote.is_point_of_no_return) == (False, False, False)
    point = next(step for step in made.steps if step.is_point_of_no_return)
    assert order.index(point.id) > order.index("swap-database"), "users can go on on alt1 until they are let in at home"
    assert made.step("check-home").arguments["promoted"] == "yes"
    assert "promoted first" in next(item.words for item in made.preflight if item.name == "target")
    bench = Workbench(declared(), made, "r", HeldClock(), None, None, print)
    assert old_primaries(bench, promote) == ("alt1",)
    paused = only_a_standby()
    change(paused, "db2", is_replay_paused=True)
    assert [item.name for item in plan(paused).blockers] == ["replay"]
    old = away()
    change(old, "db2", **{name: runbook_cases.fine()["node:db2", name] for name in ("sql", "in_recovery", "timeline", "lsn")})
    assert plan(old).to == "db1", "an old primary has all that a standby has"


def test_a_standby_that_is_down_is_started_first_which_does_no_harm_beside_the_copy() -> None:
    for to in ("", "db2"):
        found = away()
        change(found, "db1", control_state=None)
        change_host(found, "db1", ssh="unreachable")
        with pytest.raises(Barred) as caught:
            plan(found, to=to)
        assert "ppsconsole run restart db2; then alternate-home alt1 --to db2" in caught.value.remedy
    snapshot = seen(found)
    made = plan_of(declared(), snapshot, Request("restart", node="db2"), lambda known, step: ())
    assert made.steps[-1].verb == "restart-service"
    with pytest.raises(Barred) as caught:
        plan_of(declared(), seen(away()), Request("restart", node="db1"), lambda known, step: ())
    assert caught.value.rule == "copy-serves"


def test_a_host_without_a_database_is_told_what_to_make_there_by_hand() -> None:
    found = away()
    for name in ("db1", "db2"):
        change(found, name, control_state=None)
    with pytest.raises(Barred, match="no instance is there that is a primary or a standby") as caught:
        plan(found)
    assert "CREATE DATABASE pleasant" in caught.value.remedy
    for name in ("db1", "db2"):
        change_host(found, name, ssh="unreachable")
    with pytest.raises(Barred) as caught:
        plan(found)
    assert caught.value.remedy.startswith("Bring the host of an old primary or of a standby back first")


def test_what_only_the_old_primary_had_is_compared_with_the_bundle_that_was_activated() -> None:
    made = plan(away())
    assert made.step("tell-kept").arguments["bundle"] == BUNDLE
    assert made.step("tell-kept").is_optional
    unknown = away()
    change(unknown, "alt1", copies=())
    item = next(each for each in plan(unknown).preflight if each.name == "not-merged")
    assert (item.state, item.is_blocking) == ("failing", False)


def test_commands_are_told_whole_and_without_a_secret() -> None:
    made = plan(away())
    told = " ".join(made.step("restore-home").commands)
    assert "pg_restore" in told
    assert "pleasant_restore_RUN" in told
    assert "-c role=OWNER" in told
    dumped = " ".join(made.step("back-up").commands)
    assert "alt1$ LC_ALL=C pg_dump" in dumped
    assert "alt1$ base64 </etc/pps.key" in dumped, "the keys that it was written with are its own"


def test_the_advice_names_the_way_home_wherever_the_alternate_server_serves() -> None:
    for found in (away(), back()):
        told = advise(seen(found), declared())
        ways = [way for each in told for way in each.ways if way.runbook == "alternate-home"]
        assert ways, [each.headline for each in told]
        assert {(way.command, way.is_blocked, way.loss) for way in ways} == {
            ("ppsconsole run alternate-home alt1", False, "none (proved)")
        }
        assert not [way for each in told for way in each.ways if way.runbook == "alternate-activate"]


def test_users_are_told_the_old_address_again() -> None:
    old, away_at = "https://127.9.1.10:8443/", "https://127.9.3.11:8443"
    lines = home_text(declared(), declared().alternates["alt1"])
    assert lines[0] == f"The password server is at its old address again, {old}; {away_at} does not answer any more."
    for client in ("web client", "KeePass for Pleasant", "mobile (iOS, Android)", "browser plug-in"):
        assert any(line.startswith(client) and f"{away_at} becomes {old}" in line for line in lines), client
    moved = home_text(declared(), replace(declared().alternates["alt1"], moves_alias="127.9.1.10"))
    assert moved[0] == f"Nothing to change: the address stays {old}."
    assert moved[1].startswith("127.9.1.10 has to lead to 127.9.1.10 again")
    inventory = replace(declared(), cluster=replace(declared().cluster, address=None))
    assert UNDECLARED in home_text(inventory, inventory.alternates["alt1"])[0]
