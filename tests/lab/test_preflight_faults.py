"""With a fault injected for a preflight item, that item is the one that fails: `plan switchover --json` on a real lab.

The faults of all items are made by value in the snapshot, each by itself, in `tests/unit/test_runbook_preflight.py`; here they
are made of real servers, hosts and files, but for those of `BY_VALUE`. Faults that have nothing to do with each other are looked
at in one plan, for time's sake: all of their items fail, and no other does.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.lab import preflight_faults as faults
from tests.lab.conftest import running_lab
from tests.lab.kill_nursery import shared_nursery
from tests.lab.preflight_faults import LIMIT_S, Fault, Scene
from tests.unit.runbook_cases import fine
from tests.unit.runbook_cases import plan as plan_by_value

Preflight = dict[str, dict[str, Any]]


def plan(scene: Scene, to: str) -> Preflight:
    """Return the preflight of `ppsconsole plan switchover --json` as the scene is now, by item."""
    inventory = scene.scratch / "inventory.yaml"
    inventory.write_text(yaml.safe_dump(scene.document))
    inventory.chmod(0o600)
    words = ("-i", str(inventory), "plan", "switchover", "--to", to, "--json")
    env = {**os.environ, "XDG_STATE_HOME": str(scene.scratch / "state"), **scene.env}
    done = shared_nursery().run(words, env, limit_s=LIMIT_S)
    assert done.returncode in (0, 3), done.stderr
    assert done.stdout, done.stderr
    made = json.loads(done.stdout)
    is_blocked = any(item["is_blocking"] and item["state"] == "failing" for item in made["preflight"])
    assert done.returncode == (3 if is_blocked else 0)
    return {item["name"]: item for item in made["preflight"]}


def failing(found: Preflight) -> set[str]:
    return {name for name, item in found.items() if item["state"] == "failing"}


def planned(scene: Scene, expected: set[str], to: str = "db2") -> Preflight:
    """Plan until exactly the expected items fail: a machine that is busy may leave a look unanswered."""
    found: list[Preflight] = []

    def is_as_expected() -> bool:
        found.append(plan(scene, to))
        return failing(found[-1]) == expected

    limit = time.monotonic() + LIMIT_S
    while not is_as_expected() and time.monotonic() < limit:
        pass
    assert failing(found[-1]) == expected, [f"{name}: {found[-1][name]['words']}" for name in failing(found[-1]) ^ expected]
    return found[-1]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One lab for all faults: each is made, looked at, and taken back."""
    base = tmp_path_factory.mktemp("preflight")
    with running_lab(base) as lab:
        scratch = base / "console"
        scratch.mkdir()
        made = Scene(lab, scratch)
        made.set("db2", "wal_retrieve_retry_interval", "100ms")  # its default is a finding of its own
        yield made


LEFT = "SELECT pg_create_physical_replication_slot('left', true)", "SELECT pg_drop_replication_slot('left')"
NOWHERE = "host=127.0.0.1 port=1 user=replicator"

PREPARED = "BEGIN; SELECT pg_logical_emit_message(true, 'prepared', ''); PREPARE TRANSACTION 'left'"
LOGICAL = "SELECT pg_create_logical_replication_slot('feed', 'pgoutput')", "SELECT pg_drop_replication_slot('feed')"
FULL = "echo Filesystem 1024-blocks Used Available Capacity Mounted on; echo /dev/full 1000 900 100 90% /"
UNIT = "LoadState=loaded ActiveState=active SubState=running MainPID=0 UnitFileState=enabled"
INSTANCES = ("database", "instances")

RESTARTED = faults.restarted(
    db1={
        "archive_mode": ("on", "off"),
        "archive_command": ("'/bin/true'", "''"),
        "hot_standby": ("off", "on"),
        "max_prepared_transactions": ("5", "0"),
        "wal_level": ("logical", "replica"),
    },
    db2={"max_prepared_transactions": ("10", "0"), "max_replication_slots": ("0", "10")},
)

FAULTS = [
    # settings and state of the servers
    (
        Fault("libraries", faults.lacking_extension),
        Fault("balancer-config", faults.edited("lb1", "etc/nginx.conf", "worker_processes 1;", "worker_processes one;")),
        Fault("synchronous-standbys", faults.setting("db2", "synchronous_standby_names", "db1", "")),
        Fault("promotion-delay", faults.setting("db2", "wal_retrieve_retry_interval", "5s", "100ms"), is_blocked=False),
        Fault("rewind", faults.setting("db1", "full_page_writes", "off", "on"), is_blocked=False),
        Fault("foreign-sessions", faults.strangers_transaction, is_blocked=False),
        Fault("long-transactions", faults.by_its_neighbour, is_blocked=False),
    ),
    (
        Fault("replay", faults.held_back),
        Fault("lag", faults.by_its_neighbour, is_blocked=False),
        Fault("apply-delay", faults.setting("db2", "recovery_min_apply_delay", "5min", "0")),
        Fault("writable", faults.setting("db2", "default_transaction_read_only", "on", "off")),
        Fault("slots", faults.statement("db2", *LEFT), is_blocked=False),
        Fault("walsenders", faults.slow_copy, is_blocked=False),
    ),
    (
        Fault("parameters", RESTARTED, is_blocked=False),
        Fault("hot-standby", faults.by_its_neighbour),
        Fault("wal-level", faults.by_its_neighbour, is_blocked=False),
        Fault("room-for-standbys", faults.by_its_neighbour, is_blocked=False),
        Fault("archiving-after", faults.by_its_neighbour, is_blocked=False),
        Fault("archiver", faults.failing_archiver),
        Fault("logical-slots", faults.statement("db1", *LOGICAL), is_blocked=False),
        Fault("prepared-transactions", faults.statement("db1", PREPARED, "ROLLBACK PREPARED 'left'"), is_blocked=False),
    ),
    (Fault("streaming", faults.unattached("primary_conninfo", NOWHERE)),),
    (
        Fault("standby-slot", faults.unattached("primary_slot_name", "gone"), beside=frozenset({"streaming"})),
        # the console's own machine
        Fault("secrets", faults.readable_by_all("admin.password")),
        Fault("encryption-key", faults.readable_by_all("backup.key"), is_blocked=False),
        Fault("journal", faults.unusable_state_folder),
    ),
    # hosts: their files, processes and programs
    (
        Fault("identities", faults.edited("db2", "bin/uname", "echo db2", "echo other")),
        Fault("other-manager", faults.running("db2", "patroni")),
        Fault("hypervisor", faults.running("db1", "vmtoolsd"), state="not checked", is_blocked=False),
        Fault("starts-at-boot", faults.disabled, is_blocked=False),
        Fault("replication-login", faults.edited("db1", "etc/pgpass", ":replicator:", ":somebody:"), is_blocked=False),
        Fault("clocks", faults.stand_in("db2", "date", "exec /bin/date -d '+40 seconds' \"$@\""), is_blocked=False),
        Fault("disk", faults.stand_in("db2", "df", FULL), is_blocked=False),
        Fault("backup", faults.old_backup, is_blocked=False),
        Fault("keys-on-target", faults.edited("web2", "etc/pps.key", "\n", "0\n")),
        Fault("web-versions", faults.edited("web2", "etc/standin.json", '"9.1.11.0"', '"9.3.3.0"')),
        Fault("automatic-return", faults.edited("lb1", "etc/upstream.conf", " down;", " backup;"), is_blocked=False),
        Fault("licence", faults.declared("cluster", "licensed_servers", 1), is_blocked=False),
        Fault("front-certificate", faults.declared("limits", "certificate_days", {"warn": 3650, "down": 3}), is_blocked=False),
        Fault(
            "login-check",
            faults.together(
                faults.declared("web_nodes", "pps2", "account", None),
                faults.declared("web_nodes", "pps2", "account_password", None),
            ),
            state="not checked",
            is_blocked=False,
        ),
    ),
    # what was declared, and is not so
    (
        Fault("data-directories", faults.declared(*INSTANCES, "db1", "data_directory", "/nonexistent/data")),
        Fault(
            "services",
            faults.together(
                faults.declared(*INSTANCES, "db2", "service", {"kind": "systemd", "name": "postgresql"}),
                faults.stand_in("db2", "systemctl", f"printf '%s\\n' {UNIT}"),
                faults.stand_in("db2", "sudo", "echo sudo: a password is required >&2; exit 1"),
            ),
        ),
        Fault(
            "web-switch",
            faults.declared("web_nodes", "pps2", "switch", {"method": "indirect"}),
            state="not checked",
            is_blocked=False,
        ),
        Fault("logins", faults.declared("hosts", "web1", "ssh", {"port": 1})),
    ),
    # each serves from its own directory, and that is not what stands at the other one
    (Fault("same-server", faults.swapped_addresses, beside=frozenset({"data-directories", "streaming"}), to="db1"),),
    (Fault("timelines", faults.left_behind, beside=frozenset({"streaming"})),),
]

BY_VALUE = {
    "fresh-facts": "an instance that does not answer bars the plan before its preflight",
    "same-cluster": "a server of another system follows nobody, so no lab that runs has one",
    "server-versions": "a lab has one version of PostgreSQL, and a standby of another one does not start",
    "tried-version": "no PostgreSQL is there that is newer than the console was tried on",
    "web-nodes": "without a web node a plan's own steps refuse before its preflight",
    "members": "a balancer's own step refuses before the preflight where a web node is no member of it",
    "other-standbys": "this lab has one standby; tests.lab.test_other_standbys has a lab with three",
    "collations": "the lab sorts by C.UTF-8, which has no version that could change",
}
"""Items that no lab can make fail, with the reason."""


def test_every_item_is_made_to_fail_or_has_a_reason() -> None:
    made = [fault.item for each in FAULTS for fault in each]
    assert len(made) == len(set(made))
    found = {item.name for item in plan_by_value(fine(), "switchover", to="db2").preflight}
    assert set(made) | set(BY_VALUE) == found
    assert not set(made) & set(BY_VALUE)


def test_nothing_fails_in_a_lab_that_is_well(scene: Scene) -> None:
    found = planned(scene, set())
    assert [name for name, item in found.items() if item["state"] != "ok"] == []


@pytest.mark.parametrize("made", FAULTS, ids=lambda made: made[0].item)
def test_the_item_of_each_fault_fails_and_no_other(scene: Scene, made: tuple[Fault, ...]) -> None:
    with contextlib.ExitStack() as stack:
        for fault in made:
            stack.enter_context(fault.made(scene))
        expected = {fault.item for fault in made if fault.state == "failing"}
        found = planned(scene, expected.union(*(fault.beside for fault in made)), made[0].to)
        for fault in made:
            item = found[fault.item]
            assert item["state"] == fault.state, item
            assert (item["is_blocking"] and item["state"] == "failing") == fault.is_blocked, item
            assert item["words"]
            assert item["remedy"]
        if made[0].item == "same-server":
            assert found["same-server"]["words"].count("it is the server of ") == 2
