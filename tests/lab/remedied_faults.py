"""Faults of a lab that a plan names, each made, named, and mended by what the plan's item says."""

import contextlib
import os
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from ppsconsole.lab import certificates
from ppsconsole.plan.outcomes import EXIT_BLOCKED, RunVerdict
from tests.lab.conftest import wait_for
from tests.lab.fault_scene import LIMIT_S, Spot
from tests.lab.remedied_scene import RemedyScene
from tests.lab.test_restore import logged_in

PREPARED = "BEGIN; SELECT pg_logical_emit_message(true, 'left', ''); PREPARE TRANSACTION 'left'"
IDLE = "state = 'idle in transaction' AND application_name = 'somebody-else'"
SPOILT = "this is no nginx"
EXIT_ROLLED_BACK = RunVerdict.ROLLED_BACK.exit_code
EXIT_FAILED = RunVerdict.FAILED.exit_code
EXIT_UNKNOWN = RunVerdict.UNKNOWN.exit_code
EXIT_WITH_ISSUES = RunVerdict.SUCCESS_WITH_ISSUES.exit_code
ENDED_DAYS = -0.0625
"""A certificate that ends so long after now, and an hour, has ended half an hour ago, and was valid before."""

# --- databases --------------------------------------------------------------------------------------------------------


def primary_restarted_with_more(scene: RemedyScene, old: str, new: str) -> tuple[str, ...]:
    """A primary that was started with more than its standby has, and with an archive that takes nothing; return its items."""
    [[before]] = scene.sql(old, "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'")
    more = {"max_connections": int(before) + 10, "max_prepared_transactions": 5, "archive_mode": "on"}
    scene.sql(old, *(f"ALTER SYSTEM SET {name} = {value}" for name, value in more.items()))
    scene.sql(old, "ALTER SYSTEM SET archive_command = '/bin/false'")
    restarted(scene, old)
    wait_for(lambda: scene.sql(new, "SELECT pg_is_wal_replay_paused()") == [(True,)], f"{new} stops at that", LIMIT_S)
    scene.sql(old, "SELECT pg_switch_wal()")

    items = scene.barred(new, "parameters", "replay", "archiver")
    assert "do not resume" in items["replay"]["remedy"]
    scene.admin.follow(items["parameters"])
    wait_for(lambda: scene.role(new) == "standby", f"{new} is back", LIMIT_S)
    log = scene.console("logs", old, "--grep", "archive").stdout
    assert "archive command failed" in log, log
    scene.sql(old, "ALTER SYSTEM SET archive_command = '/bin/true'")  # the repair
    scene.admin.follow(items["archiver"])
    return "parameters", "replay", "archiver"


def standby_held_back(scene: RemedyScene, old: str, new: str) -> tuple[str, ...]:
    """A standby that does not replay, then a hung receiver; what others left open; an ended certificate; return their items."""
    scene.sql(
        new, "SELECT pg_wal_replay_pause()", "ALTER SYSTEM SET recovery_min_apply_delay = '5min'", "SELECT pg_reload_conf()"
    )
    names = ("replay", "apply-delay", "front-certificate")
    warned = ("prepared-transactions", "long-transactions")
    with left_open(scene, old), ended_certificate(scene):
        items = scene.barred(new, *names, "lag", warned=warned)
        [[receiver]] = scene.sql(new, "SELECT pid FROM pg_stat_wal_receiver")
        os.kill(receiver, signal.SIGSTOP)
        assert "caught up" in items["lag"]["remedy"]
        scene.admin.follow(items["replay"])
        scene.admin.follow(items["apply-delay"])
        scene.admin.follow(items["prepared-transactions"], gid="left", database="pleasant")
        [[pid]] = scene.sql(old, f"SELECT pid FROM pg_stat_activity WHERE {IDLE}")
        assert str(pid) in scene.admin.follow(items["long-transactions"], pid=pid)
    scene.admin.follow(items["front-certificate"])
    scene.admin.follow(scene.barred(new, "streaming")["streaming"])
    return *names, *warned, "streaming"


def restarted(scene: RemedyScene, host: str) -> None:
    """Stop and start a server as its host's service program does."""
    for done in scene.lab.ssh(host, "db-service stop", "db-service start"):
        assert done.exit_status == 0, f"{done.stdout}{done.stderr}"
    wait_for(lambda: scene.role(host) != "silent", f"{host} is back", LIMIT_S)


@contextmanager
def left_open(scene: RemedyScene, host: str) -> Iterator[None]:
    """Leave a prepared transaction in the PPS database, and a session that does nothing in its transaction."""
    with contextlib.closing(logged_in(scene.lab, host, "pleasant")) as session:
        for each in (*PREPARED.split("; "), "BEGIN", "SELECT 1"):
            session.execute(each)
        yield


# --- the front --------------------------------------------------------------------------------------------------------


@contextmanager
def ended_certificate(scene: RemedyScene) -> Iterator[None]:
    """Let the certificate of the front end: users get in no more. Behind the block a good one lies there again."""
    etc = scene.lab.home("lb1") / "etc"
    good = {name: (etc / name).read_text() for name in ("server.pem", "server.key")}
    with mock.patch.object(certificates, "VALID_DAYS", ENDED_DAYS):
        ended = scene.authority.issue(["pps.lab", "lb1", scene.lab.address("lb1")])
    (etc / "server.pem").write_text(ended.certificate)
    (etc / "server.key").write_text(ended.key)
    scene.admin.type("lb1", "nginx -s reload")
    try:
        yield
    finally:
        for name, text in good.items():
            (etc / name).write_text(text)


@contextmanager
def kept(scene: RemedyScene) -> Iterator[Path]:
    """Give the file of the front's configuration; behind the block it is as it was."""
    file = scene.lab.home("lb1") / "etc" / "nginx.conf"
    good = file.read_text()
    try:
        yield file
    finally:
        file.write_text(good)


@contextmanager
def broken_by_hand(scene: RemedyScene) -> Iterator[None]:
    """Write something into the front's configuration that is none; behind the block it is taken out again."""
    with kept(scene) as file:
        file.write_text(f"{file.read_text()}{SPOILT}\n")
        yield


def balancer_broken_before(scene: RemedyScene, old: str, new: str) -> None:
    """A configuration that nginx does not accept, and that it was not told to read yet: users go on."""
    with broken_by_hand(scene):
        before = scene.done_on_hosts(old, new)
        item = scene.barred(new, "balancer-config")["balancer-config"]
        assert "[emerg]" in item["words"]
        assert scene.done_on_hosts(old, new) == before
    scene.mended(new, "balancer-config")


def balancer_broken_at_its_reload(scene: RemedyScene, old: str, new: str, *names: str) -> None:
    """A configuration that is spoilt between the test of what a run wrote and the reload: mended, the run goes all the way back.

    Another one runs then. `names` are the items that were mended before that run.
    """
    real = scene.tool("lb1", "nginx")
    with kept(scene) as file:
        spoil = f"echo '{SPOILT}' >>{shlex.quote(str(file))}"
        spot = Spot("lb1", real.parents[1] / "nginx", real, '[ "$1" = -s ]', spoil, 'exec "$real" "$@"')
        spot.lay()
        spot.go.touch()
        include = file.with_name("upstream.conf")
        before = include.read_text()
        # A machine at its limits may leave the request unanswered that shows where users are.
        ended = scene.run(new, EXIT_ROLLED_BACK, EXIT_FAILED, EXIT_UNKNOWN, approved=lambda: scene.mended(new, *names))
        assert spot.met.exists()
        assert include.read_text() == before, "what the run wrote is not what nginx reads once its configuration is mended"
        phases = scene.phases()
        assert (phases["stop-primary"], phases["promote"]) == ("pending", "pending")
        newest = scene.newest()
        assert newest["is_open"] == (ended != EXIT_ROLLED_BACK)
    print(f"  nginx broken by hand before its reload: its file is back ({ended}), the database was not stopped")
    if newest["is_open"]:
        scene.resumed(newest["run"], EXIT_ROLLED_BACK)
    scene.run(new, 0, approved=lambda: scene.mended(new, *names))
    scene.check_moved(old, new)


# --- a failover -------------------------------------------------------------------------------------------------------


def failover_behind(scene: RemedyScene, old: str, new: str) -> None:
    """A standby that is behind by a slow line when its primary is killed, and the log of that cannot be read."""
    wal = scene.lab.home(old) / "data" / "pg_wal"
    with scene.counted(f"{old} killed while {new} was behind, failed over") as counts:
        written = scene.written(old)
        wait_for(lambda: scene.written(old) > written, "users write", LIMIT_S)
        scene.lab.fault("slow", new, "--link", "replication", "--delay", "60000")
        written = scene.written(old)
        wait_for(lambda: scene.written(old) >= written + 20, "users write what the standby lacks", LIMIT_S)
        scene.lab.fault("kill", old)
        scene.lab.fault("disconnect", new, "--link", "replication")  # what is on the way never arrives
        wal.rename(wal.with_name("pg_wal.away"))
        plan = scene.with_window(new)
        answers = ("--approve", plan["hash"], "--accept-loss")
        refused = scene.console("run", "failover", "--to", new, *answers, "0")
        assert (refused.returncode, "accepted was 0" in refused.stderr) == (EXIT_BLOCKED, True), refused.stderr
        dead_at = time.time()
        done = scene.console("run", "failover", "--to", new, *answers, "10m")
        assert done.returncode == EXIT_WITH_ISSUES, done.stdout + done.stderr
        assert scene.role(new) == "primary"
    window_s = plan["loss"]["window_s"]
    assert counts.lost > 0
    assert all(plan["made_at"] - window_s - 1.0 <= at <= dead_at for at in scene.lost_at()), plan["loss"]
    print(f"  lag at a failover: announced at most {window_s:.0f}s, lost {counts.lost} writes, all of them inside of it")
