"""With a fault injected for a preflight item, that item is the one that fails: `plan switchover --json` on a real lab.

The faults of all other items are made by value in the snapshot, each by itself, in `tests/unit/test_runbook_preflight.py`. Faults
that have nothing to do with each other are looked at in one plan, for time's sake: all of their items fail, and no other does.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.lab import preflight_faults as faults
from tests.lab.conftest import Lab
from tests.lab.preflight_faults import LIMIT_S, Fault, Scene

Preflight = dict[str, dict[str, Any]]


def plan(scene: Scene) -> Preflight:
    """Return the preflight of `ppsconsole plan switchover --json` as the scene is now, by item."""
    inventory = scene.scratch / "inventory.yaml"
    inventory.write_text(yaml.safe_dump(scene.document))
    inventory.chmod(0o600)
    line = [sys.executable, "-m", "ppsconsole", "-i", str(inventory), "plan", "switchover", "--to", "db2", "--json"]
    env = {**os.environ, "XDG_STATE_HOME": str(scene.scratch / "state"), **scene.env}
    done = subprocess.run(line, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode in (0, 3), done.stderr
    assert done.stdout, done.stderr
    made = json.loads(done.stdout)
    is_blocked = any(item["is_blocking"] and item["state"] == "failing" for item in made["preflight"])
    assert done.returncode == (3 if is_blocked else 0)
    return {item["name"]: item for item in made["preflight"]}


def failing(found: Preflight) -> set[str]:
    return {name for name, item in found.items() if item["state"] == "failing"}


def planned(scene: Scene, expected: set[str]) -> Preflight:
    """Plan until exactly the expected items fail: a machine that is busy may leave a look unanswered."""
    found: list[Preflight] = []

    def is_as_expected() -> bool:
        found.append(plan(scene))
        return failing(found[-1]) == expected

    limit = time.monotonic() + LIMIT_S / 3
    while not is_as_expected() and time.monotonic() < limit:
        pass
    assert failing(found[-1]) == expected, [f"{name}: {found[-1][name]['words']}" for name in failing(found[-1]) ^ expected]
    return found[-1]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One lab for all faults: each is made, looked at, and taken back."""
    base = tmp_path_factory.mktemp("preflight")
    lab = Lab(base / "cluster", {"XDG_STATE_HOME": str(base / "lab-state")})
    done = lab.up()
    assert done.returncode == 0, done.stderr
    scratch = base / "console"
    scratch.mkdir()
    made = Scene(lab, scratch)
    made.set("db2", "wal_retrieve_retry_interval", "100ms")  # its default is a finding of its own
    yield made
    assert lab.down().returncode == 0


LEFT = "SELECT pg_create_physical_replication_slot('left', true)", "SELECT pg_drop_replication_slot('left')"
NOWHERE = "host=127.0.0.1 port=1 user=replicator"

FAULTS = [
    # settings and state of the servers
    (
        Fault("libraries", faults.lacking_extension),
        Fault("synchronous-standbys", faults.setting("db2", "synchronous_standby_names", "db1", "")),
        Fault("promotion-delay", faults.setting("db2", "wal_retrieve_retry_interval", "5s", "100ms"), is_blocked=False),
        Fault("rewind", faults.setting("db1", "full_page_writes", "off", "on"), is_blocked=False),
    ),
    (
        Fault("apply-delay", faults.setting("db2", "recovery_min_apply_delay", "5min", "0")),
        Fault("writable", faults.setting("db2", "default_transaction_read_only", "on", "off")),
        Fault("replay", faults.statement("db2", "SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()")),
        Fault("slots", faults.statement("db2", *LEFT), is_blocked=False),
    ),
    (Fault("streaming", faults.unattached("primary_conninfo", NOWHERE)),),
    (
        Fault("standby-slot", faults.unattached("primary_slot_name", "gone"), beside=frozenset({"streaming"})),
        # the console's own machine
        Fault("secrets", faults.readable_by_all("admin.password")),
        Fault("journal", faults.unusable_state_folder),
    ),
]


def test_nothing_fails_in_a_lab_that_is_well(scene: Scene) -> None:
    found = planned(scene, set())
    assert [name for name, item in found.items() if item["state"] != "ok"] == []


@pytest.mark.parametrize("made", FAULTS, ids=lambda made: "+".join(fault.item for fault in made))
def test_the_item_of_each_fault_fails_and_no_other(scene: Scene, made: tuple[Fault, ...]) -> None:
    with contextlib.ExitStack() as stack:
        for fault in made:
            stack.enter_context(fault.made(scene))
        expected = {fault.item for fault in made if fault.state == "failing"}
        found = planned(scene, expected.union(*(fault.beside for fault in made)))
        for fault in made:
            item = found[fault.item]
            assert item["state"] == fault.state, item
            assert (item["is_blocking"] and item["state"] == "failing") == fault.is_blocked, item
            assert item["words"]
            assert item["remedy"]
