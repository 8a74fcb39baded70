"""Faults of databases in the middle of what a console does on a real lab under load, each played to its end.

    python -m tests.lab.fault_plays [NAME...]

plays all of them, or those named, on one lab. `test_fault_stories` has the shorter ones in the suite.
"""

import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from ppsconsole.plan.outcomes import EXIT_BLOCKED
from tests.lab.conftest import running_lab, wait_for
from tests.lab.fault_plays_balancers import fail_over_past_a_balancer
from tests.lab.fault_plays_connections import (
    free_them_as_told,
    take_the_new_primarys,
    take_the_primarys,
    take_the_primarys_in_a_switchover,
    take_the_standbys_at_a_failover,
    take_the_standbys_in_a_switchover,
)
from tests.lab.fault_plays_disk import (
    fill_it_before_a_switchover,
    fill_it_in_a_failover,
    fill_it_in_a_switchover,
    fill_the_place_of_a_backup,
)
from tests.lab.fault_plays_front import fail_over_with_an_ended_certificate
from tests.lab.fault_plays_logins import rotate_it_before_a_switchover, rotate_it_in_a_switchover
from tests.lab.fault_scene import LIMIT_S, FaultScene
from tests.lab.remedied_scene import RemedyScene


def hang_on_the_standby(scene: FaultScene, old: str, new: str) -> None:
    """Its primary waits for it: that is told, and what is told to type lets the write end.

    One writer waits: many of them would take all connections within seconds, and the console could not log in to tell.
    """
    waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    scene.sql(old, f"ALTER SYSTEM SET synchronous_standby_names = '{new}'", "SELECT pg_reload_conf()")
    in_step = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    wait_for(lambda: scene.sql(old, in_step) == [(1,)], "the standby is synchronous", LIMIT_S)
    scene.lab.fault("stop", new)
    ended: list[object] = []
    write = "SELECT pg_logical_emit_message(true, 'written', '')"
    writer = threading.Thread(target=lambda: ended.append(scene.sql(old, write)), daemon=True)
    writer.start()
    wait_for(lambda: scene.sql(old, waiting) == [(True,)], "a write hangs", LIMIT_S)
    told = scene.advised("commits do not end")
    assert (told["verdict"], told["headline"].startswith(old), ended) == ("down", True, []), told
    scene.sql(old, *re.findall('-c "([^"]+)"', told["remedy"]))
    writer.join(LIMIT_S)
    assert len(ended) == 1
    print(f"  told: {told['headline']}; what it says to type lets the write end")


def lose_the_slot(scene: FaultScene, old: str, new: str) -> None:
    """The primary removed log that it still needs: that is told, and a rejoin copies it anew."""
    limits = {"wal_keep_size": "0", "max_slot_wal_keep_size": "'1MB'"}
    scene.sql(old, *(f"ALTER SYSTEM SET {name} = {value}" for name, value in limits.items()), "SELECT pg_reload_conf()")

    def is_lost() -> bool:
        scene.sql(old, "SELECT pg_logical_emit_message(false, 'filler', '')", "SELECT pg_switch_wal()", "CHECKPOINT")
        return scene.sql(old, f"SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{new}'") == [("lost",)]

    wait_for(is_lost, "the slot is lost", LIMIT_S)
    scene.sql(old, *(f"ALTER SYSTEM RESET {name}" for name in limits), "SELECT pg_reload_conf()")
    scene.lab.ssh(new, "db-service start")
    told = scene.advised(f"its slot {new} on {old} is lost")
    assert f"ppsconsole run rejoin {new}" in [way["command"] for way in told["ways"]], told
    plan = scene.consoles.ran("rejoin", new)
    assert "swap-in" in [step["verb"] for step in plan["steps"]], plan["tolerances"]
    scene.lab.heal(new)
    assert scene.aim() == (old, new)
    print(f"  told: {told['headline']}; rejoined by a copy")


def lose_the_signal(scene: FaultScene, old: str, new: str) -> None:
    """It would come up as a primary: the console does not start it."""
    scene.lab.fault("stop", new)
    (scene.lab.home(new) / "data" / "standby.signal").unlink()
    refused = scene.console("run", "restart", new, *scene.approved("restart", new))
    assert "standby.signal is gone" in refused.stdout + refused.stderr, refused.stdout + refused.stderr
    assert (refused.returncode, scene.role(new)) == (1, "silent"), refused.stdout + refused.stderr
    print(f"  {new} without its standby.signal: its restart is refused")


def start_without_signal(scene: FaultScene, old: str, new: str) -> None:
    """Somebody starts it by hand all the same: that is told as what it is, and undone."""
    scene.lab.ssh(new, "db-service start")
    told = scene.advised("SPLIT BRAIN")
    assert f"ppsconsole run fence {new}" in [way["command"] for way in told["ways"]], told
    scene.consoles.ran("fence", new)
    assert scene.role(new) == "silent"
    scene.consoles.ran("rejoin", new)
    scene.lab.heal(new)
    assert scene.aim() == (old, new)
    print(f"  started by hand it is told: {told['headline']}; fenced and rejoined")


# --- a second administrator ---------------------------------------------------------------------------------------------


def start_it_before_the_promotion(scene: FaultScene) -> None:
    """The dead primary is started by hand between fence and promotion: nothing is promoted, and the way back is open."""
    old, new = scene.aim()
    run, answers = left_behind(scene, old, new, "step-finished fence")
    started_by_hand(scene, old)
    done = scene.console("runs", "resume", run, *answers)
    said = done.stdout + done.stderr
    # Whoever looks first says it: what is asked anew at the gate, or what the promotion looks at before it begins.
    is_told = f"{old} ANSWERS AGAIN" in said or f"{old} RUNS AGAIN" in said
    assert (done.returncode, scene.role(new), is_told) == (5, "standby", True), said
    back = scene.console("runs", "back-out", run, *answers)
    assert back.returncode == 4, back.stdout + back.stderr
    scene.lab.heal(old)
    assert scene.aim() == (old, new)
    print(f"  started between fence and promotion: {new} is not promoted ({done.returncode}), backed out ({back.returncode})")


def start_it_behind_the_promotion(scene: FaultScene) -> None:
    """It is started once more behind the promotion: the run is no success, and its rewind is killed in the middle."""
    old, new = scene.aim()
    run, answers = left_behind(scene, old, new, "step-finished promote")
    started_by_hand(scene, old)
    done = scene.console("runs", "resume", run, *answers)
    said = done.stdout + done.stderr
    assert (done.returncode, f"{old} runs as a second primary" in said) == (5, True), said
    scene.consoles.ran("fence", old)
    assert (scene.role(old), scene.role(new)) == ("silent", "primary")
    print(f"  started behind the promotion: no success ({done.returncode}), and told how to fence it")
    kill_the_rewind(scene, old, new)


def kill_the_rewind(scene: FaultScene, old: str, new: str) -> None:
    """What is half rewound is never started, and is copied anew."""
    program = scene.programs(old) / "pg_rewind"
    # The system kills it (SIGXFSZ) as soon as it writes more than a megabyte of any file: some are new by then, some old.
    short = f'case "$*" in *--dry-run*) ;; *) ulimit -c 0; ulimit -f 2048 ;; esac; exec {scene.real}/pg_rewind "$@"'
    program.unlink()
    program.write_text(f"#!/bin/sh\n{short}\n")
    program.chmod(0o755)
    wanted = ("rejoin", old)
    answers = scene.approved(*wanted)
    done = scene.console("run", *wanted, *answers)
    said = done.stdout + done.stderr
    assert done.returncode not in (0, EXIT_BLOCKED, 8), said
    run = scene.newest()["run"]
    assert scene.phases(run)["rewind"] == "failed", said
    assert scene.lab.home(old).joinpath("data.rewinding").read_text().strip() == run
    again = scene.console("runs", "resume", run, *answers)
    assert (again.returncode in (1, 5), scene.role(old)) == (True, "silent"), again.stdout + again.stderr
    restart = scene.console("run", "restart", old)
    assert (restart.returncode, scene.role(old)) == (EXIT_BLOCKED, "silent"), restart.stdout + restart.stderr
    program.unlink()
    program.symlink_to(scene.real / "pg_rewind")
    scene.console("runs", "abandon", run, "--reason", "its rewind was killed")
    plan = scene.consoles.ran(*wanted)
    assert "never ended" in str(plan["tolerances"]), plan["tolerances"]
    assert "swap-in" in [step["verb"] for step in plan["steps"]]
    scene.lab.heal(old)
    assert scene.aim() == (new, old)
    print(f"  the rewind of {old} is killed ({done.returncode}, again {again.returncode}): not started, and copied anew")


def left_behind(scene: FaultScene, old: str, new: str, moment: str) -> tuple[str, tuple[str, ...]]:
    """Kill the primary, and the console that fails over, at a moment of its run; return the run and what answers its gates."""
    scene.lab.fault("kill", old)
    wanted, ended = ("failover", "--to", new), []
    answers: tuple[str, ...] = ()

    def is_begun() -> bool:
        nonlocal answers
        answers = (*scene.approved(*wanted), "--accept-loss", "10m")
        ended.append(scene.console("run", *wanted, *answers, dies_after=moment))
        return ended[-1].returncode != EXIT_BLOCKED

    wait_for(is_begun, "the failover is begun", LIMIT_S)
    assert ended[-1].returncode == -signal.SIGKILL, ended[-1].stdout + ended[-1].stderr
    return str(scene.newest()["run"]), answers


def started_by_hand(scene: FaultScene, old: str) -> None:
    """Start a server against everything that keeps it down, as somebody does who knows of no failover."""
    scene.lab.ssh(old, "db-service enable; db-service start")
    wait_for(lambda: scene.role(old) == "primary", f"{old} is up again", LIMIT_S)


def go_without_a_standby(scene: FaultScene) -> None:
    """The slot of a standby that is gone is lost, then its standby.signal."""
    old, new = scene.aim()
    scene.lab.fault("stop", new)
    lose_the_slot(scene, old, new)
    lose_the_signal(scene, old, new)
    start_without_signal(scene, old, new)


def wait_for_a_standby_that_is_gone(scene: FaultScene) -> None:
    """The synchronous standby is gone; it comes back behind that."""
    old, new = scene.aim()
    hang_on_the_standby(scene, old, new)
    scene.lab.heal(new)
    assert scene.aim() == (old, new)


UNLOADED = "commits-hang"
"""Is played before users come: theirs would take every connection."""

PLAYS: dict[str, Callable[[RemedyScene], None]] = {
    "second-administrator-before": start_it_before_the_promotion,
    "second-administrator-behind": start_it_behind_the_promotion,
    UNLOADED: wait_for_a_standby_that_is_gone,
    "standby-gone": go_without_a_standby,
    "disk-full-before-a-switchover": fill_it_before_a_switchover,
    "disk-full-at-the-promotion": fill_it_in_a_switchover,
    "disk-full-at-a-failover": fill_it_in_a_failover,
    "disk-full-at-a-backup": fill_the_place_of_a_backup,
    "password-rotated-before": rotate_it_before_a_switchover,
    "password-rotated-during": rotate_it_in_a_switchover,
    "certificate-ended-at-a-failover": fail_over_with_an_ended_certificate,
    "connections-gone-before": take_the_primarys,
    "connections-gone-freed-as-told": free_them_as_told,
    "connections-gone-during": take_the_primarys_in_a_switchover,
    "connections-of-the-standby-gone-during": take_the_standbys_in_a_switchover,
    "connections-of-the-new-primary-gone": take_the_new_primarys,
    "connections-of-the-standby-gone-at-a-failover": take_the_standbys_at_a_failover,
    "balancer-refuses-at-a-failover": fail_over_past_a_balancer,
}


OF_BALANCERS = ("balancer-refuses-at-a-failover",)
"""Are played on a lab that has two."""


def main(names: list[str]) -> None:
    """Play them in order under load, and hold each against the counts: nothing that was acknowledged may be lost."""
    for profile in ("default", "balancers"):
        if chosen := [name for name in names or PLAYS if (name in OF_BALANCERS) == (profile == "balancers")]:
            with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder), "--profile", profile) as lab:
                _play(RemedyScene(lab, Path(folder)), chosen)


def _play(scene: RemedyScene, names: list[str]) -> None:
    for name in names:
        if name == UNLOADED:
            PLAYS[name](scene)
            continue
        with scene.counted(name) as counts:
            PLAYS[name](scene)
        assert counts.lost == 0, name


if __name__ == "__main__":
    main(sys.argv[1:])
