"""The primary that is only out of reach, and the one that comes back: the right verdict each, and never two writers."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.conftest import Lab, wait_for
from tests.lab.test_run_commands import Desk, load

LIMIT_S = 150.0


@pytest.fixture
def desk(started_lab: Lab, tmp_path: Path) -> Desk:
    return Desk(started_lab, tmp_path / "anna")


def item(plan: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in plan["preflight"] if each["name"] == name)


def planned(desk: Desk, *words: str) -> dict[str, Any]:
    """Return the plan of a failover to db2; empty where none can be made."""
    done = desk("plan", "failover", "--to", "db2", *words, "--json")
    return json.loads(done.stdout) if done.stdout else {}


def settled(desk: Desk, state: str, is_blocked: bool, rung: str = "") -> dict[str, Any]:
    """Return the plan once it says so of the dead primary, by that rung: a busy machine leaves looks unanswered."""
    plans: list[dict[str, Any]] = [{}]

    def is_settled() -> bool:
        plans.append(planned(desk))
        if not plans[-1]:
            return False
        dead = item(plans[-1], "primary-dead")
        fence = next(step for step in plans[-1]["steps"] if step["id"] == "fence")
        blocked = [each for each in plans[-1]["preflight"] if each["state"] == "failing" and each["is_blocking"]]
        return dead["state"] == state and bool(blocked) == is_blocked and rung in ("", fence["arguments"]["rung"])

    try:
        wait_for(is_settled, f"a plan that is {state}", LIMIT_S)
    except AssertionError as error:
        raise AssertionError(f"{error}: {plans[-1].get('preflight')}") from error
    return plans[-1]


def switched(desk: Desk, *flags: str) -> str:
    """Fail over by the plan as it is then; made again where the machine was too busy to see the same twice."""
    said = []

    def is_done() -> bool:
        done = desk("run", "failover", "--to", "db2", "--approve", str(planned(desk, *flags).get("hash")), *flags, *ACCEPTED)
        said.append(done.stdout + done.stderr)
        assert done.returncode in (0, 3, 8), said[-1]
        return done.returncode != 3

    wait_for(is_done, "a failover that is done", LIMIT_S)
    return said[-1]


ACCEPTED = ("--accept-loss", "unlimited")


def raw(lab: Lab, host: str, query: str) -> str:
    """Ask a database on its own host, whoever reaches it."""
    return str(lab.sql(query, host)[0][0])


def test_out_of_reach_is_not_dead_and_a_site_that_is_cut_off_takes_a_statement(lab: Lab, tmp_path: Path) -> None:
    desk = Desk(lab, tmp_path / "anna")
    desk.lab.fault("disconnect", "db1", "--link", "console")
    lives = item(settled(desk, "failing", is_blocked=True), "primary-dead")
    assert "db1 lives: " in lives["words"]
    desk.lab.heal("db1")

    desk.lab.fault("disconnect", "db1", "--link", "site")
    plan = settled(desk, "failing", is_blocked=False, rung="attested")
    assert "was not seen dead: it is unreachable from " in item(plan, "primary-dead")["words"]
    assert "what is not reached is not quiet" in item(plan, "fence")["words"]
    # A statement has to be typed for it: without one nothing is run.
    gates = {step["id"]: step["gate"]["kind"] for step in plan["steps"] if step["gate"]}
    assert gates["fence"] == "attest"


def test_a_primary_that_wakes_after_the_failover_is_an_alarm_and_a_reboot_does_not_bring_it_back(
    desk: Desk, tmp_path: Path
) -> None:
    lab = desk.lab
    guard = desk.ran("boot-guard", "db1")
    assert guard.returncode == 0, guard.stdout + guard.stderr
    with load(lab, tmp_path / "load.json"):
        xid = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
        lab.fault("hang", "db1")
        lab.fault("disconnect", "db1", "--link", "console")
        hung_at = time.time()
        said = switched(desk)
        assert "db1 cannot write (quiesced)" in said
        # It wakes, and everybody can reach it again. The host was out of reach, so nothing could be put in quarantine.
        lab.command("heal", "db1", "--dir", str(lab.folder))
        desk.sees(db1="primary", db2="primary")
        told(desk, "SPLIT BRAIN", "ppsconsole run fence db1")
        woke = raw(lab, "db1", xid)
        before = int(raw(lab, "db2", xid))
        wait_for(lambda: int(raw(lab, "db2", xid)) > before, "writes on db2", LIMIT_S)
        # The sessions of before end as it wakes; a web node that came back would stay.
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pps'"
        wait_for(lambda: raw(lab, "db1", sessions) == "0", "no web node is at the old primary", LIMIT_S)
        assert raw(lab, "db1", xid) == woke, "something wrote to the old primary"

        # The plug is pulled. The host boots, the service is enabled, and only the guard stands between.
        booted = lab.command("fault", "reboot", "db1", "--dir", str(lab.folder))
        assert "db2 is on timeline 2, this one is on 1" in booted.stdout + booted.stderr
        desk.sees(db1="unknown", db2="primary")
        fenced = desk.ran("fence", "db1")
        assert fenced.returncode == 0, fenced.stdout + fenced.stderr
        assert "is disabled and was not started" in lab.fault("reboot", "db1")
    check_alarm(desk)
    check_switched_off(desk, tmp_path)
    # What the users were told is kept is kept, but for what was on its way when the old primary froze.
    lost = json.loads((tmp_path / "load.json").read_text())["verification"]["lost"]
    assert all(each["acknowledged_at"] < hung_at for each in lost), lost


def told(desk: Desk, *words: str) -> None:
    """Wait until one `status` says all of it and that something is down: a busy machine leaves looks unanswered."""

    def is_told() -> bool:
        seen = desk("status")
        return seen.returncode == 5 and all(each in seen.stdout for each in words)

    wait_for(is_told, f"status says {words}", LIMIT_S)


def check_alarm(desk: Desk) -> None:
    """Start it against everything that keeps it down: there is an alarm, and the fence is offered again."""
    lab = desk.lab
    removed = desk.ran("boot-guard-remove", "db1")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    lab.ssh("db1", "db-service enable; db-service start")
    told(desk, "CAME BACK AS A PRIMARY out of quarantine", "way ppsconsole run fence db1")


def check_switched_off(desk: Desk, folder: Path) -> None:
    """Fence it although its host lets nobody in: by a fence command, which is believed only once its verify command says off."""
    lab, switch = desk.lab, folder / "fence"
    lab.fault("disconnect", "db1", "--link", "console")
    barred = desk("plan", "fence", "db1")
    assert (barred.returncode, "no `fence` is declared for db1" in barred.stderr) == (3, True), barred.stdout + barred.stderr
    off = f"{sys.executable} -m ppsconsole lab fault kill db1 --dir {lab.folder} && touch {folder}/off"
    switch.write_text(f'#!/bin/sh\nif [ "$1" = off ]; then {off}; elif [ -e {folder}/off ]; then echo Power is off; fi\n')
    switch.chmod(0o755)
    declared = yaml.safe_load(lab.inventory.read_text())
    declared["database"]["instances"]["db1"]["fence"] = {
        "command": [str(switch), "off"],
        "verify": [str(switch), "status"],
        "off_says": "Power is off",
    }
    lab.inventory.write_text(yaml.safe_dump(declared))
    fenced = desk.ran("fence", "db1")
    assert fenced.returncode == 0, fenced.stdout + fenced.stderr
    assert "db1 cannot write (fence-command)" in desk("runs", "report").stdout
    assert lab.nodes()["db1"]["state"] != "running"
