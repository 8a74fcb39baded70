"""`ppsconsole status` on a real cluster: every way of breaking it is told apart, in words, with the right exit code."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import Lab
from tests.lab.kill_nursery import shared_nursery
from tests.unit.deadlines import within

DEADLINE_S = 120.0


def run(*arguments: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return shared_nursery().run(arguments, {**os.environ, **(env or {})}, limit_s=DEADLINE_S)


def status(inventory: Path) -> tuple[int, dict[str, Any]]:
    done = run("-i", str(inventory), "status", "--json")
    return done.returncode, json.loads(done.stdout)


def until(inventory: Path, exit_code: int, *said: str) -> dict[str, Any]:
    """Return the first status that exits so and says all of that; fail with the last one at the deadline."""
    ends = time.monotonic() + DEADLINE_S
    while True:
        code, found = status(inventory)
        text = json.dumps(found, ensure_ascii=False)
        if code == exit_code and all(each in text for each in said):
            return found
        if time.monotonic() > ends:
            pytest.fail(f"exit {code}, wanted {exit_code} saying {said}: {json.dumps(found['advice'], indent=1)}")


def node(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["nodes"] if each["name"] == name)


def test_a_healthy_lab_is_ok_and_exits_0(lab: Lab) -> None:
    found = until(lab.inventory, 0)
    assert {each["verdict"] for each in found["nodes"]} == {"ok"}
    assert {each["name"]: each["role"] for each in found["nodes"] if each["kind"] == "database"} == {
        "db1": "primary",
        "db2": "standby",
    }
    assert found["advice"] == []
    stream = next(each for each in found["edges"] if each["kind"] == "replication")
    assert (stream["source"], stream["target"], stream["state"]) == ("db1", "db2", "streaming")
    assert node(found, "db1")["facts"]["control_state"]["value"] == "in production"
    assert node(found, "lb1")["facts"]["served_by"]["value"] == "pps1"


def test_text_is_plain_lines_that_can_be_grepped(lab: Lab) -> None:
    until(lab.inventory, 0)
    done = run("-i", str(lab.inventory), "status", env={"TERM": "dumb"})
    lines = done.stdout.splitlines()
    assert any(line.split()[:5] == ["db1", "database", "site", "a", "primary"] for line in lines)
    assert any(line.startswith("db1 -> db2 replication streaming") for line in lines)
    assert "\x1b" not in done.stdout
    piped = run("-i", str(lab.inventory))
    assert piped.returncode == 0
    assert "db1 -> db2 replication" in piped.stdout


FAULTS = [
    (("kill", "db1"), 5, ("CRASHED", "without a clean stop", "connection refused", "answers HTTP 503", "there is no primary")),
    (("stop", "db1"), 5, ("STOPPED", "was stopped cleanly", "no server process (stopped)")),
    (("hang", "db1"), 5, ("HUNG", "it can wake up", "console sees silent")),
    (("disconnect", "db1", "--link", "replication"), 5, ("only the way between is cut", "do not fail over")),
    (("disconnect", "db1", "--link", "console"), 6, ("unreachable from here, but alive as seen by db2", "second writer")),
    (("kill", "lb1"), 5, ("lb1 front: its process is gone", "users cannot log in: lb1 does not answer")),
    (("kill", "pps1"), 5, ("pps1 its process is gone", "users cannot log in")),
    (("stop", "pps1"), 5, ("pps1 its service is stopped",)),
    (
        ("kill", "bastion-a"),
        5,
        ("hidden, not down: ", "bastion-a on the way cannot be used", "db1 unreachable from here, but alive"),
    ),
    (("hang", "bastion-a"), 6, ("hidden, not down: ", "bastion-a SSH does not answer")),
    (("disconnect", "db1"), 5, ("out of reach for the console and for db2", "it may still run", "Fence it before")),
    (("disconnect", "lb1"), 6, ("lb1 ", "whether users get in cannot be seen from here")),
    (("disconnect", "pps1", "--link", "users"), 5, ("lb1 gets no answer from pps1, which answers us",)),
    (("hang", "pps1"), 5, ("pps1 hangs", "users cannot log in")),
    (("kill", "db2"), 5, ("db2 its process is gone", "every new write exists once")),
]


@pytest.mark.parametrize(("fault", "exit_code", "said"), FAULTS, ids=[" ".join(each[0]) for each in FAULTS])
def test_each_fault_is_told_apart_in_words(lab: Lab, fault: tuple[str, ...], exit_code: int, said: tuple[str, ...]) -> None:
    lab.fault(*fault)
    try:
        until(lab.inventory, exit_code, *said)
    finally:
        lab.heal()
    until(lab.inventory, 0)


def test_a_killed_primary_is_seen_dead_from_two_vantage_points(lab: Lab) -> None:
    lab.fault("kill", "db1")
    try:
        found = until(lab.inventory, 5, "CRASHED", "replication link is down")
        sees = {each["observer"]: each["sees"] for each in node(found, "db1")["vantages"]}
        assert (sees["console"], sees["host"], sees["db2"], sees["pps1"]) == ("dead", "dead", "lost", "lost")
        assert node(found, "db1")["role"] == "unknown"
    finally:
        lab.heal()


@pytest.fixture
def own_inventory(lab: Lab, tmp_path: Path) -> Path:
    """Return a copy of the lab's inventory whose files lie beside it, to be spoiled."""
    for name in ("known_hosts",):
        shutil.copy(lab.folder / name, tmp_path / name)
    text = lab.inventory.read_text()
    text = text.replace(f"{lab.folder}/known_hosts", str(tmp_path / "known_hosts"))
    copy = tmp_path / "inventory.yaml"
    for name in lab.folder.iterdir():
        if name.is_file() and not (tmp_path / name.name).exists():
            shutil.copy(name, tmp_path / name.name)
    copy.write_text(text)
    copy.chmod(0o600)
    return copy


def test_a_wrong_host_key_is_a_fact_and_disturbs_nothing_else(lab: Lab, own_inventory: Path) -> None:
    known = own_inventory.parent / "known_hosts"
    lines = known.read_text().splitlines()
    address = lab.address("db2")
    other = next(line for line in lines if address not in line).split(" ", 1)[1]
    known.write_text("\n".join(f"{line.split(' ', 1)[0]} {other}" if address in line else line for line in lines) + "\n")
    found = until(own_inventory, 6, "host-key-refused")
    assert {each["name"] for each in found["nodes"] if each["verdict"] != "ok"} == {"db2"}
    assert node(found, "db2")["role"] == "standby"
    detail = node(found, "db2")["facts"]["host.ssh"]["detail"]
    assert "SHA256:" in detail
    assert "known_hosts" in detail


def test_a_wrong_database_password_is_a_fact_and_disturbs_nothing_else(lab: Lab, own_inventory: Path) -> None:
    secret = own_inventory.parent / "wrong-password"
    secret.write_text("surely-not-this-one\n")
    secret.chmod(0o600)
    text = own_inventory.read_text()
    spoiled = [f"  password: file:{secret}" if line.startswith("  password: file:") else line for line in text.splitlines()]
    own_inventory.write_text("\n".join(spoiled) + "\n")
    found = until(own_inventory, 6, "login refused")
    assert {node(found, name)["words"] for name in ("db1", "db2")} == {"login refused"}
    assert node(found, "pps1")["verdict"] == "ok"
    assert "surely-not-this-one" not in json.dumps(found)


def test_watch_prints_again_when_something_changes(lab: Lab) -> None:
    until(lab.inventory, 0)
    watching = subprocess.Popen(
        [sys.executable, "-m", "ppsconsole", "-i", str(lab.inventory), "status", "--watch", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    try:
        with within(DEADLINE_S):  # a busy machine may leave a look unanswered in between
            while json.loads(watching.stdout.readline())["verdict"] != "ok":
                continue
            lab.fault("kill", "pps2")
            while json.loads(watching.stdout.readline())["verdict"] not in ("down", "warn"):
                continue
    finally:
        watching.terminate()
        watching.wait(timeout=DEADLINE_S)
        watching.stdout.close()
        lab.heal()
