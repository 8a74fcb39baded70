"""Plans by value: the steps in order, in every state of the cluster and in both directions; and when there is none."""

from dataclasses import replace

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.cluster.database import Receiver
from ppsconsole.cluster.snapshot import Member
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Cluster, Service
from ppsconsole.plan.loss import LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import RUNBOOKS, plan_of
from ppsconsole.runbooks.request import Request
from tests.unit.observations import change, change_host, silence
from tests.unit.runbook_cases import (
    declared,
    fine,
    host_gone,
    hung,
    ids,
    killed,
    lagging,
    plan,
    seen,
    split_brain,
    state,
    swapped,
    three,
    unreachable,
    with_third,
)

TO_DB2 = [
    "drain-lb1",
    "stop-pps1",
    "disable-pps1",
    "stop-pps2",
    "end-sessions",
    "checkpoint",
    "disable-db1",
    "stop-primary",
    "prove-zero-loss",
    "promote",
    "switch-database-pps2",
    "enable-pps2",
    "start-pps2",
    "check-connections-pps2",
    "move-members-lb1",
    "verify-service-lb1",
    "switch-database-pps1",
    "enable-db2",
    "follow",
]


def test_switchover_from_a_healthy_cluster() -> None:
    made = plan(fine(), "switchover", to="db2")
    assert ids(made) == TO_DB2
    assert made.blockers == ()
    assert made.loss.tier is LossTier.NONE
    assert dict(made.step("move-members-lb1").arguments) == {"up": "pps2", "down": "pps1"}
    assert (made.step("prove-zero-loss").node, dict(made.step("prove-zero-loss").arguments)) == ("db2", {"primary": "db1"})
    assert made.step("promote").needs == ("fence", "zero-loss")
    assert [step.id for step in made.steps if step.is_optional] == ["checkpoint", "switch-database-pps1", "enable-db2", "follow"]
    # One question, before anything is touched: a pause between stop and promotion would be an outage.
    assert [(step.id, step.gate.kind, step.gate.flag) for step in made.steps if step.gate] == [("drain-lb1", "name", "--approve")]
    assert "db1" in made.steps[0].gate.question
    assert "(lab)" in made.steps[0].gate.question


def test_switchover_back_is_the_mirror_image() -> None:
    made = plan(swapped(), "switchover", to="db1")
    assert ids(made) == [
        "drain-lb1",
        "stop-pps1",
        "stop-pps2",
        "disable-pps2",
        "end-sessions",
        "checkpoint",
        "disable-db2",
        "stop-primary",
        "prove-zero-loss",
        "promote",
        "switch-database-pps1",
        "enable-pps1",
        "start-pps1",
        "check-connections-pps1",
        "move-members-lb1",
        "verify-service-lb1",
        "switch-database-pps2",
        "enable-db1",
        "follow",
    ]
    assert made.blockers == ()
    assert dict(made.step("move-members-lb1").arguments) == {"up": "pps1", "down": "pps2"}


def test_failover_of_a_killed_primary_keeps_it_down_by_its_own_host() -> None:
    made = plan(killed(), "failover", to="db2")
    assert ids(made) == [
        "drain-lb1",
        "stop-pps1",
        "disable-pps1",
        "stop-pps2",
        "fence",
        "salvage",
        "promote",
        "switch-database-pps2",
        "enable-pps2",
        "start-pps2",
        "check-connections-pps2",
        "move-members-lb1",
        "verify-service-lb1",
        "switch-database-pps1",
        "enable-db2",
        "quarantine",
        "keep-lost-writes",
    ]
    assert made.blockers == ()
    told = made.step("fence").arguments
    assert (told["rung"], told["why"], "kill" in told) == ("kept-down", "", False)
    assert "--fence quiesced" in told["after"]
    assert [(step.id, step.gate.kind) for step in made.steps if step.gate] == [("drain-lb1", "name"), ("promote", "accept-loss")]
    assert made.step("promote").needs == ("fence",)
    assert made.loss.tier is LossTier.BOUNDED


def test_failover_of_a_hung_primary_ends_what_hangs() -> None:
    made = plan(hung(), "failover", to="db2")
    told = made.step("fence").arguments
    assert (told["rung"], told["kill"]) == ("kept-down", "yes")
    assert made.blockers == ()


def test_a_standby_that_heard_it_before_it_hung_does_not_vouch_for_it() -> None:
    found = hung()
    change(found, "db2", receiver=Receiver("streaming", 1, message_age_s=4.0))
    assert state(plan(found, "failover", to="db2"), "primary-dead") == ("ok", False)
    change(found, "pps1", http=200)
    assert state(plan(found, "failover", to="db2"), "primary-dead") == ("failing", True)


def test_failover_with_the_host_gone_quiesces_every_writer() -> None:
    made = plan(host_gone(), "failover", to="db2")
    told = made.step("fence").arguments
    assert told["rung"] == "quiesced"
    assert told["why"].startswith(
        "not kept-down: the host of db1 cannot be logged in to; not fence-command: no `fence` is declared"
    )
    # The proof wants every web node stopped and disabled, also the one that will serve.
    assert ids(made)[:6] == ["drain-lb1", "stop-pps1", "disable-pps1", "stop-pps2", "disable-pps2", "fence"]
    assert ids(made).index("enable-pps2") < ids(made).index("start-pps2")
    assert made.blockers == ()


def test_failover_with_a_web_node_out_of_reach_takes_a_statement() -> None:
    found = host_gone()
    change_host(found, "web1", ssh="unreachable")
    change(found, "pps1", service=None, tcp="timed-out", http=None)
    made = plan(found, "failover", to="db2", attest="I pulled the plug of db1")
    assert made.step("fence").arguments["rung"] == "attested"
    assert "pps1 cannot be reached, and what is not reached is not quiet" in made.step("fence").arguments["why"]
    assert made.step("fence").gate.kind == "attest"
    assert not any(step.node == "pps1" for step in made.steps)
    assert made.blockers == ()


def test_unreachable_is_not_dead() -> None:
    made = plan(unreachable(), "failover", to="db2")
    assert [item.name for item in made.blockers] == ["primary-dead"]
    assert "sees it alive" in made.blockers[0].words


@pytest.mark.parametrize(
    ("attest", "expected", "said"),
    [
        ("", "failing", "not seen dead: it is unreachable from console and db2, and may still run"),
        ("I switched it off", "ok", "dead as seen by the operator, and lost to db2"),
    ],
)
def test_the_operator_is_one_vantage_point_and_out_of_reach_is_not_dead(attest: str, expected: str, said: str) -> None:
    found = unreachable()
    change(found, "db2", receiver=Receiver("none"))
    for name in ("pps1", "pps2"):
        change(found, name, http=None, tcp="timed-out")
    made = plan(found, "failover", to="db2", attest=attest)
    item = next(each for each in made.preflight if each.name == "primary-dead")
    assert (item.state, item.is_blocked, said in item.words) == (expected, False, True), item
    assert ("The fence has to make sure" in item.remedy) == (not attest)


def test_one_statement_alone_is_not_two() -> None:
    found = unreachable()
    change(found, "db2", receiver=Receiver("streaming", 1, message_age_s=60.0))
    for name in ("pps1", "pps2"):
        change(found, name, http=None, tcp="timed-out")
    assert state(plan(found, "failover", to="db2", attest="it is off"), "primary-dead") == ("failing", True)


def test_a_starting_primary_is_waited_for() -> None:
    found = killed()
    change(found, "db1", sql="starting", service="running")
    assert state(plan(found, "failover", to="db2"), "primary-dead") == ("failing", True)


@pytest.mark.parametrize(
    ("found", "runbook", "wishes", "rule"),
    [
        (split_brain, "switchover", {"to": "db2"}, "split-brain"),
        (split_brain, "failover", {"to": "db2"}, "split-brain"),
        (fine, "failover", {"to": "db2"}, "primary-alive"),
        (killed, "switchover", {"to": "db2"}, "no-primary"),
        (fine, "switchover", {"to": "db1"}, "already-primary"),
        (fine, "restart", {"node": "db1"}, "nothing-to-restart"),
        (fine, "restart", {"node": "pps1"}, "nothing-to-restart"),
        (fine, "restart", {"node": "lb1"}, "cause-elsewhere"),
        (host_gone, "restart", {"node": "db1"}, "host-unreachable"),
        (killed, "restart", {"node": "pps1"}, "cause-elsewhere"),
    ],
)
def test_what_is_barred_names_its_rule_and_a_remedy(found, runbook: str, wishes: dict, rule: str) -> None:
    facts = found()
    if rule == "cause-elsewhere" and wishes["node"] == "lb1":
        change(facts, "lb1", http=502)
    with pytest.raises(Barred) as told:
        plan(facts, runbook, **wishes)
    assert told.value.rule == rule
    assert told.value.remedy
    assert told.value.exit_code == 3
    assert f"{told.value.where}: {told.value.where} " not in str(told.value)


def test_a_living_primary_is_moved_only_to_a_standby_that_follows_it() -> None:
    with pytest.raises(Barred, match="switchover --to db2 moves it without loss"):
        plan(fine(), "failover", to="db2")
    cut = fine()
    change(cut, "db2", receiver=Receiver("none"))
    with pytest.raises(Barred, match=r"^db1 answers as the primary: it is not dead\. It needs no failover$"):
        plan(cut, "failover", to="db2")


def test_a_wrong_name_is_told_before_what_else_is_in_the_way() -> None:
    with pytest.raises(UsageError, match="nosuch"):
        plan(fine(), "failover", to="nosuch")


@pytest.mark.parametrize("to", ["db2", ""])
def test_a_standby_that_does_not_answer_is_no_target(to: str) -> None:
    found = fine()
    silence(found, "db2", "refused")
    change(found, "db2", service="failed")
    with pytest.raises(Barred) as told:
        plan(found, "switchover", to=to)
    assert told.value.rule == "no-standby"


@pytest.mark.parametrize(
    ("runbook", "wishes", "words"),
    [
        ("switchover", {"to": "db3"}, "Did you mean db2"),
        ("switchover", {"node": "db2"}, "switchover --to db2"),
        ("restart", {}, "needs a NODE"),
        ("restart", {"node": "pps9"}, "Did you mean pps"),
        ("restart", {"node": "db1", "to": "db2"}, "Leave --to out"),
        ("failower", {}, "Did you mean failover"),
    ],
)
def test_wrong_requests_name_what_is_right(runbook: str, wishes: dict, words: str) -> None:
    with pytest.raises(UsageError) as told:
        plan(fine(), runbook, **wishes)
    assert words in str(told.value)


def test_the_target_may_be_left_out_where_there_is_one() -> None:
    assert plan(fine(), "switchover").to == "db2"
    with pytest.raises(UsageError, match="needs --to"):
        plan(with_third(fine()), "switchover", inventory=three())


def test_kinds_without_a_driver_are_barred() -> None:
    group = replace(declared().database, kind="sqlserver-ag")
    with pytest.raises(Barred) as told:
        plan(fine(), "switchover", to="db2", inventory=declared(database=group))
    assert told.value.rule == "no-driver"
    web = {name: replace(each, service=Service("windows-service", name="PPS")) for name, each in declared().web_nodes.items()}
    made = plan(fine(), "switchover", to="db2", inventory=declared(web_nodes=web))
    assert state(made, "services") == ("failing", True)


def test_the_most_advanced_candidate_is_chosen_by_timeline_then_position() -> None:
    found = with_third(killed(), lsn="0/3000100")
    assert plan(found, "failover", inventory=three()).to == "db3"
    change(found, "db2", timeline=2)
    assert plan(found, "failover", inventory=three()).to == "db2"


def test_a_lesser_candidate_tells_what_it_costs() -> None:
    found = with_third(killed(), lsn="0/3000100")
    made = plan(found, "failover", to="db2", inventory=three())
    item = next(each for each in made.preflight if each.name == "candidate")
    assert (item.state, item.is_blocked) == ("failing", False)
    assert "160 bytes" in item.words
    assert "--to db3" in item.remedy


def test_a_silent_candidate_may_have_more() -> None:
    found = with_third(killed())
    silence(found, "db3", "timed-out")
    change(found, "db3", control_state="in archive recovery")
    made = plan(found, "failover", inventory=three())
    assert (made.to, state(made, "candidate")) == ("db2", ("not checked", False))
    assert made.step("promote").arguments["primary"] == "db1"


def test_failover_after_a_switchover_goes_the_other_way() -> None:
    found = swapped()
    silence(found, "db2", "refused")
    change(found, "db2", service="failed", service_pid=None)
    change(found, "db1", receiver=Receiver("none"))
    for name in ("pps2", "lb1"):
        change(found, name, http=503)
    made = plan(found, "failover")
    assert (made.to, made.step("fence").node, made.step("quarantine").node) == ("db1", "db2", "db2")
    assert ids(made).index("enable-pps1") < ids(made).index("start-pps1")
    assert made.blockers == ()


def test_restart_of_a_killed_primary_is_one_start_and_a_look() -> None:
    made = plan(killed(), "restart", "db1")
    assert ids(made) == ["restart-service-db1", "verify-service-lb1"]
    assert made.loss.tier is LossTier.NONE
    assert made.steps[0].gate.kind == "confirm"
    assert made.blockers == ()


def test_restart_of_a_hung_primary_ends_it_first() -> None:
    made = plan(hung(), "restart", "db1")
    assert ids(made) == ["fence", "enable-db1", "restart-service-db1", "verify-service-lb1"]
    assert made.steps[0].gate.kind == "confirm"


def test_restart_of_a_disabled_node_enables_it_and_says_so() -> None:
    found = killed()
    change(found, "db1", service_enabled="disabled")
    made = plan(found, "restart", "db1")
    assert ids(made)[:2] == ["enable-db1", "restart-service-db1"]
    assert "disabled" in made.steps[0].gate.question
    assert state(made, "starts-at-boot") == ("failing", False)


def test_a_second_writer_is_never_started() -> None:
    found = swapped()
    silence(found, "db1", "refused")
    change(found, "db1", service="stopped", control_state="shut down")
    with pytest.raises(Barred) as told:
        plan(found, "restart", "db1")
    assert told.value.rule == "second-writer"
    change(found, "db1", control_state=None)
    with pytest.raises(Barred):
        plan(found, "restart", "db1")
    change(found, "db1", control_state="shut down in recovery")
    assert ids(plan(found, "restart", "db1")) == ["restart-service-db1"]


def test_an_unseen_partner_has_to_be_vouched_for() -> None:
    found = killed()
    silence(found, "db2", "timed-out")
    change(found, "db2", service=None)
    change_host(found, "db2", ssh="unreachable")
    made = plan(found, "restart", "db1")
    assert made.steps[0].gate.kind == "attest"
    assert "db2" in made.steps[0].gate.question
    assert state(made, "one-writer") == ("not checked", False)


def test_a_primary_left_behind_by_a_promotion_is_not_started() -> None:
    found = killed()
    change(found, "db2", timeline=2)
    assert state(plan(found, "restart", "db1"), "one-writer") == ("failing", True)


def test_restart_of_web_node_and_balancer() -> None:
    found = fine()
    change(found, "pps1", service="failed", tcp="refused", http=None)
    assert ids(plan(found, "restart", "pps1")) == ["restart-service-pps1", "check-connections-pps1", "verify-service-lb1"]
    change(found, "pps1", service="frozen", tcp="timed-out")
    assert ids(plan(found, "restart", "pps1"))[:2] == ["stop-pps1", "restart-service-pps1"]
    found = fine()
    change(found, "lb1", service="stopped", tcp="refused", http=None)
    made = plan(found, "restart", "lb1")
    assert ids(made) == ["restart-service-lb1", "verify-service-lb1"]
    assert made.downtime_s > 0


def test_a_web_node_on_a_standby_is_not_started() -> None:
    found = fine()
    change(found, "pps2", service="stopped", tcp="refused", http=None, points_at="db2")
    with pytest.raises(Barred) as told:
        plan(found, "restart", "pps2")
    assert told.value.rule == "web-on-standby"


def test_restart_that_nobody_notices_costs_no_downtime() -> None:
    found = fine()
    silence(found, "db2", "refused")
    change(found, "db2", service="failed")
    assert plan(found, "restart", "db2").downtime_s == 0.0


def test_where_all_stand_on_one_side_those_that_serve_go_on() -> None:
    plain = declared()
    hosts = {name: replace(host, site="a") for name, host in plain.hosts.items()}
    made = plan(fine(), "switchover", to="db2", inventory=replace(plain, hosts=hosts))
    assert dict(made.step("move-members-lb1").arguments) == {"up": "pps1", "down": "pps2"}


def test_an_active_active_cluster_keeps_all_that_serve() -> None:
    found = fine()
    change(found, "lb1", members=(Member("127.9.1.11:10001", "up", "pps1"), Member("127.9.2.11:10001", "up", "pps2")))
    inventory = declared(cluster=Cluster("lab", "lab", "active-active", "https://127.9.1.10:8443/"))
    made = plan(found, "switchover", to="db2", inventory=inventory)
    assert dict(made.step("move-members-lb1").arguments) == {"up": "pps1,pps2", "down": ""}
    assert {"start-pps1", "start-pps2"} <= set(ids(made))
    assert not any(step.verb == "disable" and step.node.startswith("pps") for step in made.steps)


def test_the_hash_binds_roles_and_timelines_and_not_lag() -> None:
    made = plan(fine(), "switchover", to="db2")
    assert plan(lagging(5000), "switchover", to="db2").hash == made.hash
    assert plan(lagging(5000), "switchover", to="db2").tolerances != made.tolerances
    moved = fine()
    for name in ("db1", "db2"):
        change(moved, name, timeline=3)
    assert plan(moved, "switchover", to="db2").hash != made.hash
    assert plan(swapped(), "switchover", to="db1").hash != made.hash
    other = fine()
    change_host(other, "db2", host_key="SHA256:y")
    assert plan(other, "switchover", to="db2").hash != made.hash


def test_learned_estimates_go_before_defaults() -> None:
    quick = Background(estimates={"start": 1.0, "stop": 0.5})
    slow, fast = plan(fine(), "switchover", to="db2"), plan(fine(), "switchover", background=quick, to="db2")
    assert slow.downtime_s - fast.downtime_s == pytest.approx(2.0 + 2 * 1.5)
    assert slow.hash == fast.hash


def every_plan() -> list[Plan]:
    made = [plan(fine(), "switchover", to="db2"), plan(swapped(), "switchover", to="db1"), plan(lagging(10), "switchover")]
    made += [plan(state(), "failover") for state in (killed, hung, host_gone, unreachable)]
    made += [plan(killed(), "restart", "db1"), plan(hung(), "restart", "db1")]
    return [*made, plan(with_third(killed()), "failover", inventory=three())]


@pytest.mark.parametrize("made", every_plan(), ids=lambda made: f"{made.runbook}-{made.to or made.node}")
def test_laws_that_every_plan_keeps(made: Plan) -> None:
    names = ids(made)
    assert len(names) == len(set(names))
    assert all(step.commands and step.verb in ACTIONS and step.estimate_s > 0 and step.timeout_s >= 5 for step in made.steps)
    verbs = [step.verb for step in made.steps]
    promotions = [number for number, verb in enumerate(verbs) if verb == "promote"]
    assert [number for number, step in enumerate(made.steps) if step.is_point_of_no_return] == promotions
    assert len(promotions) == (0 if made.runbook == "restart" else 1)
    assert not any(step.is_markable for step in made.steps if step.verb in ("fence", "prove-zero-loss", "promote"))
    for number in promotions:
        assert {"stop-primary", "fence"} & set(verbs[:number])
        assert not any(step.is_undoable for step in made.steps[number:])
        switched = {step.node: step.arguments["instance"] for step in made.steps if step.verb == "switch-database"}
        for later, step in enumerate(made.steps):
            if step.verb == "start":
                assert later > number
                assert switched[step.node] == made.to
    assert Plan.from_json(made.as_json()) == made


@pytest.mark.parametrize("found", [fine, swapped])
def test_the_real_verbs_have_commands_for_every_acting_step(found) -> None:
    inventory = declared()
    request = Request("switchover", to="db1" if found is swapped else "db2")
    made = plan_of(inventory, seen(found(), inventory), request, lambda known, step: ACTIONS[step.verb].commands(known, step))
    silent = {step.verb for step in made.steps if not step.commands}
    assert silent <= {"prove-zero-loss", "check-connections", "verify-service"}


def test_every_runbook_says_what_it_is() -> None:
    assert list(RUNBOOKS) == [
        "switchover",
        "failover",
        "alternate-prepare",
        "alternate-activate",
        "alternate-home",
        "restart",
        "rejoin",
        "restore",
        "lost-writes",
        "fence",
        "quarantine-delete",
        "boot-guard",
        "boot-guard-remove",
        "backup",
        "backup-verify",
        "backup-prune",
    ]
    assert all(runbook.sentence.endswith(".") and runbook.success for runbook in RUNBOOKS.values())
