"""The disk of the standby's host fills up: before a switchover, and in the moment in which it is promoted.

A promotion writes a whole segment of log for the new timeline; where there is no room for it, PostgreSQL ends the server.
"""

from pathlib import Path

from ppsconsole.plan.outcomes import EXIT_BLOCKED, RunVerdict
from tests.lab.conftest import wait_for
from tests.lab.fault_scene import LIMIT_S, FaultScene, Spot

ROOM_BYTES = 15 * 1024 * 1024
"""Less than a segment of log, and more than any other file of a lab's server: what it writes beyond is refused (EFBIG)."""

_ITEM = "of its disk in use"
_TOLD = "It was not promoted: it is a standby still, and comes back as one"


def fill_it_before_a_switchover(scene: FaultScene) -> None:
    """Nothing is begun; once there is room, `fill_it_in_a_switchover` runs one."""
    old, new = scene.aim()
    scene.lab.fault("fill-disk", new)
    plan = scene.plan_that_says("disk", _ITEM, "switchover", "--to", new)
    refused = scene.console("run", "switchover", "--to", new, "--approve", plan["hash"])
    assert (refused.returncode, _ITEM in refused.stderr) == (EXIT_BLOCKED, True), refused.stdout + refused.stderr
    assert (scene.role(old), scene.role(new)) == ("primary", "standby")
    scene.lab.heal(new)
    print(f"  the disk of {new} is full before a switchover: refused ({EXIT_BLOCKED})")


def fill_it_in_a_switchover(scene: FaultScene) -> None:
    """It fills up as the standby is promoted: its server ends. Once there is room and it was started, the run goes on."""
    old, new = scene.aim()
    _filled_at_the_promotion(scene, new, "switchover")
    assert (scene.role(old), scene.role(new)) == ("standby", "primary")


def fill_it_in_a_failover(scene: FaultScene) -> None:
    """The disk is full already when the primary is lost: that is told, and bars nothing; then as in a switchover."""
    old, new = scene.aim()
    scene.lab.fault("kill", old)
    _no_room(scene, new).touch()
    plan = scene.plan_that_says("disk", _ITEM, "failover", "--to", new)
    item = next(each for each in plan["preflight"] if each["name"] == "disk")
    assert (item["is_blocking"], "Make room" in item["remedy"]) == (False, True), item
    print(f"  the disk of {new} is full before a failover: warned: {item['words']}")
    _no_room(scene, new).unlink()
    _filled_at_the_promotion(scene, new, "failover", "--accept-loss", "10m")
    scene.consoles.ran("rejoin", old)
    scene.lab.heal(old)
    assert scene.aim() == (new, old)


def _filled_at_the_promotion(scene: FaultScene, new: str, runbook: str, *answers: str) -> None:
    program = scene.programs(new) / "pg_ctl"
    promote = Spot(new, program, scene.real / "pg_ctl", '[ "$1" = promote ]', ":", 'exec "$real" "$@"')
    with scene.struck_at(lambda _: fill(scene, new), promote):
        held = scene.begun(runbook, "--to", new, answers=answers)
    said = held.stdout + held.stderr
    assert (held.returncode, _TOLD in said, "no way back" in said) == (RunVerdict.INCOMPLETE.exit_code, True, True), said
    assert (scene.phases()["promote"], scene.role(new)) == ("failed", "silent"), said
    run = scene.newest()["run"]
    again = scene.resumed(run, RunVerdict.INCOMPLETE.exit_code, answers=answers)  # before anybody did what it says
    assert _TOLD in again.stdout, again.stdout

    _no_room(scene, new).unlink()
    started = scene.lab.ssh(new, "db-service start")[0]  # as it says
    assert started.exit_status == 0, f"{started.stdout}{started.stderr}"
    wait_for(lambda: scene.role(new) == "standby", f"{new} is back", LIMIT_S)
    done = scene.resumed(run, RunVerdict.SUCCESS.exit_code, answers=answers)
    program.unlink()
    program.symlink_to(scene.real / "pg_ctl")
    assert scene.role(new) == "primary"
    print(f"  full as {new} is promoted in a {runbook}: held ({held.returncode}), told; with room, resumed ({done.returncode})")


def fill(scene: FaultScene, host: str) -> None:
    """Leave no room on a host: `df` says so, and so do the processes of its server, by their limit.

    PostgreSQL takes that for a full disk: it ignores the signal that comes with it (SIGXFSZ; `postmaster.c`: "to cause ulimit
    violations to work like disk full"). A server that is started anew has no such limit.
    """
    _no_room(scene, host).touch()
    postmaster = (scene.lab.home(host) / "data" / "postmaster.pid").read_text().split()[0]
    limit = f"prlimit --fsize={ROOM_BYTES}: --pid"
    # Some of its processes may be gone by then: those that ask for a primary which is stopped live for a moment.
    command = f"{limit} {postmaster} && for p in $(pgrep -P {postmaster}); do {limit} $p 2>/dev/null || :; done"
    done = scene.lab.ssh(host, command)[0]
    assert done.exit_status == 0, f"{done.stdout}{done.stderr}"


def _no_room(scene: FaultScene, host: str) -> Path:
    """Return the file that has a host's `df` say that its disk is full."""
    return scene.lab.home(host) / "run" / "disk-full"
