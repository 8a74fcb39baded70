"""The plans of backup, backup-verify and backup-prune: what is dumped, where to, and what keeps them from running."""

from dataclasses import replace
from typing import Any

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.cluster.facts import Fact, Observations, backup_subject
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.errors import UsageError
from ppsconsole.inventory.dependencies import Backup, Scratch
from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.plan.plan import Plan
from ppsconsole.probes.compose import compose
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import plan_of
from ppsconsole.runbooks.request import Request
from tests.unit.observations import NOW, change, change_host, observe
from tests.unit.runbook_cases import Found, declared, fine, killed, split_brain, state

KEY = SecretRef("file", "/k")
VAULT = Backup("vault", "/srv/vault", "db2", KEY, keep=3, scratch=Scratch("db2", "/var/tmp/pps"))
HERE = Backup("here", "/backups", None, KEY)
SEEN = {"backup": "ok", "backup_age_s": 3600.0, "backup_key": "ok"}


def inventory(*places: Backup, **changes: Any) -> Inventory:
    plain = declared(backups={each.name: each for each in places}, **changes)
    logins = {name: replace(each, dumps={name: "user=postgres"}) for name, each in plain.database.instances.items()}
    return replace(plain, database=replace(plain.database, instances=logins))


def plan(found: Found, runbook: str, node: str = "", *, of: Inventory, background: Background | None = None, **seen: Any) -> Plan:
    facts = [
        Fact(backup_subject(place), name, value, "there", NOW, 99.0)
        for place in of.backups
        for name, value in {**SEEN, **seen}.items()
    ]
    snapshot = compose(of, Observations(observe(found)._facts).having(facts), NOW)
    commands = lambda known, step: ACTIONS[step.verb].commands(known, step)  # noqa: E731
    return plan_of(of, snapshot, Request(runbook, node), commands, background or Background())


def test_one_place_needs_its_bundle_and_the_primary_is_dumped() -> None:
    made = plan(fine(), "backup", of=inventory(VAULT))
    assert [(step.id, step.is_optional, step.host) for step in made.steps] == [
        ("back-up-vault", False, "db1"),
        ("retain-bundles-vault", True, "db2"),
    ]
    assert dict(made.steps[0].arguments) == {"source": "db1", "pps_version": "9.1.11.0"}
    assert dict(made.steps[1].arguments) == {"keep": "3"}
    assert (made.blockers, made.downtime_s, [item.state for item in made.preflight]) == ((), 0.0, ["ok"] * 5)
    told = "\n".join(made.steps[0].commands)
    assert "db1$ LC_ALL=C pg_dump -Fc -w --snapshot=SNAPSHOT" in told
    assert "db2$ umask 077; cd /srv/vault && mkdir .part-BUNDLE" in told
    assert plan(fine(), "backup", of=inventory(VAULT)).hash == made.hash


def test_several_places_are_all_tried_and_one_has_to_have_it() -> None:
    made = plan(fine(), "backup", of=inventory(VAULT, HERE))
    assert [(step.id, step.is_optional) for step in made.steps] == [
        ("back-up-vault", True),
        ("retain-bundles-vault", True),
        ("back-up-here", True),
        ("retain-bundles-here", True),
        ("count-bundles", False),
    ]
    assert plan(fine(), "backup", "here", of=inventory(VAULT, HERE)).steps[0].id == "back-up-here"
    assert any(line.startswith("console$ ") for line in made.step("back-up-here").commands)
    missing = plan(fine(), "backup", of=inventory(VAULT, HERE), backup="missing")
    assert missing.blockers == (), "one that is not there keeps the others from nothing"
    assert state(plan(fine(), "backup", of=inventory(VAULT), backup="missing"), "place") == ("failing", True)


def test_a_standby_is_dumped_where_it_is_declared_or_nothing_else_answers() -> None:
    made = plan(fine(), "backup", of=inventory(replace(VAULT, source="db2")))
    assert made.steps[0].arguments["source"] == "db2"
    assert state(made, "source") == ("ok", False)
    left = plan(killed(), "backup", of=inventory(VAULT))
    assert left.steps[0].arguments["source"] == "db2"
    assert state(left, "source") == ("failing", False)


@pytest.mark.parametrize(
    ("of", "found", "rule"),
    [
        (inventory(), fine, "no-places"),
        (inventory(replace(VAULT, source="db1")), killed, "no-source"),
        (declared(backups={"vault": VAULT}), fine, "no-login"),
        (inventory(VAULT), split_brain, "split-brain"),
    ],
)
def test_where_nothing_can_be_planned_the_rule_is_named(of: Inventory, found: Any, rule: str) -> None:
    with pytest.raises(Barred) as refusal:
        plan(found(), "backup", of=of)
    assert refusal.value.rule == rule
    assert refusal.value.remedy


def test_a_place_that_does_not_exist_is_a_wrong_word() -> None:
    with pytest.raises(UsageError, match=r"no place for backups is called 'valt'.*Did you mean vault"):
        plan(fine(), "backup", "valt", of=inventory(VAULT))


def test_without_a_key_nothing_is_kept() -> None:
    assert state(plan(fine(), "backup", of=inventory(replace(VAULT, encryption_key=None))), "encryption-key") == ("failing", True)
    assert state(plan(fine(), "backup", of=inventory(VAULT), backup_key="no-secret"), "encryption-key") == ("failing", True)
    tried = Background(secrets={str(KEY): "it is gone"})
    made = plan(fine(), "backup", of=inventory(VAULT), background=tried)
    assert state(made, "encryption-key") == ("failing", True), "what was tried just now goes before what was seen"
    assert state(plan(fine(), "backup", of=inventory(VAULT), backup_key=None), "encryption-key") == ("not checked", False)


def test_keys_and_versions_of_the_web_nodes_are_looked_at() -> None:
    found = fine()
    change(found, "pps2", keys=(KeyFile("/etc/pps.key", "missing", ""),), product_version="9.0")
    made = plan(found, "backup", of=inventory(VAULT))
    assert (state(made, "keys"), state(made, "pps-version")) == (("failing", False), ("not checked", False))
    assert made.steps[0].arguments["pps_version"] == ""
    change(found, "pps1", keys=None)
    assert state(plan(found, "backup", of=inventory(VAULT)), "keys") == ("not checked", False)
    plain = inventory(VAULT)
    without = replace(plain, web_nodes={name: replace(each, key_files=()) for name, each in plain.web_nodes.items()})
    assert state(plan(fine(), "backup", of=without), "keys") == ("failing", False)


def _on_windows(of: Inventory, *hosts: str) -> Inventory:
    return replace(of, hosts={**of.hosts, **{name: replace(of.hosts[name], platform="windows") for name in hosts}})


@pytest.mark.parametrize(("hosts", "is_blocking"), [(("web1", "web2"), True), (("web2",), False)])
def test_what_windows_seals_to_its_machine_is_told_by_name_before_anything_is_done(
    hosts: tuple[str, ...], is_blocking: bool
) -> None:
    made = plan(fine(), "backup", of=_on_windows(inventory(VAULT), *hosts))
    (item,) = [each for each in made.preflight if each.name == "keys"]
    assert (item.state, item.is_blocked) == ("failing", is_blocking)
    assert "pps2 (web2)" in item.words
    assert "DPAPI" in item.words
    assert "Connection String" in item.remedy
    assert ("pps1" in item.words) is is_blocking


def test_windows_hosts_whose_keys_nobody_declared_block_no_backup() -> None:
    plain = inventory(VAULT)
    without = replace(plain, web_nodes={name: replace(each, key_files=()) for name, each in plain.web_nodes.items()})
    assert state(plan(fine(), "backup", of=_on_windows(without, "web1", "web2")), "keys") == ("failing", False)


def test_what_is_restored_to_try_it_goes_where_the_place_says() -> None:
    made = plan(fine(), "backup-verify", of=inventory(VAULT, HERE))
    assert [(step.id, step.host, step.is_optional) for step in made.steps] == [("verify-bundle-vault", "db2", False)]
    assert made.blockers == ()
    told = "\n".join(made.steps[0].commands)
    assert "db2$ umask 077; mkdir -p /var/tmp/pps && mkdir /var/tmp/pps/ppsconsole-verify-RUN" in told
    assert "listen_addresses = " in told
    with pytest.raises(Barred) as refusal:
        plan(fine(), "backup-verify", "here", of=inventory(VAULT, HERE))
    assert refusal.value.rule == "no-scratch"


def test_only_what_is_hidden_is_deleted_and_each_is_named() -> None:
    aside = (".aside-pps-20260102T030405Z-aaaa", ".part-pps-20260102T030405Z-bbbb")
    made = plan(fine(), "backup-prune", of=inventory(VAULT), backup_aside=(*aside, "pps-20260102T030405Z-cccc", ".aside-x"))
    [step] = made.steps
    assert step.arguments["names"].split() == list(aside)
    assert step.gate is not None
    assert all(name in step.gate.question for name in aside)
    assert step.commands == (f"db2$ cd /srv/vault && rm -rf -- {' '.join(aside)}",)
    assert not step.is_undoable
    other = plan(fine(), "backup-prune", of=inventory(VAULT), backup_aside=aside[:1])
    assert other.hash != made.hash, "what was confirmed is deleted, and nothing else"
    with pytest.raises(Barred) as refusal:
        plan(fine(), "backup-prune", of=inventory(VAULT))
    assert refusal.value.rule == "nothing-to-prune"


@pytest.mark.parametrize(
    ("login", "state", "is_blocked"), [("ok", "ok", False), ("timed-out", "failing", True), (None, "not checked", False)]
)
def test_a_scratch_host_that_lets_nobody_in_blocks_and_one_that_was_not_seen_is_tried(
    login: str | None, state: str, is_blocked: bool
) -> None:
    found = fine()
    change_host(found, "db2", ssh=login)
    made = plan(found, "backup-verify", "vault", of=inventory(VAULT))
    [item] = [each for each in made.preflight if each.name == "scratch"]
    assert (item.state, item.is_blocked, item in made.blockers) == (state, is_blocked, is_blocked)
