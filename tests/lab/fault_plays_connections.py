"""A database has given away all its connections, before a switchover, in the middle of one, and at a failover."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ppsconsole.plan.outcomes import EXIT_BLOCKED, RunVerdict
from tests.lab.conftest import wait_for
from tests.lab.connections_taken import Hoard, all_taken
from tests.lab.fault_scene import LIMIT_S, FaultScene, Spot
from tests.lab.kill_scene import SIDE

NONE_LEFT = "has no connection left"
_ROLLED_BACK = RunVerdict.ROLLED_BACK.exit_code
_TAIL = Path("/usr/bin/tail")


def take_the_primarys(scene: FaultScene) -> None:
    """It lives: that is told, nothing is promoted or started for it, and what was approved before does not begin."""
    old, new = scene.aim()
    approved = scene.approved("switchover", "--to", new)
    with all_taken(scene.lab, old):
        check_told(scene, old)
        refused = refused_with(scene, f"{old} {NONE_LEFT} for the console", "run", "switchover", "--to", new, *approved)
        plan = scene.plan_that_says("primary-dead", f"{old} lives, and {NONE_LEFT} for the console", "failover", "--to", new)
        assert next(each for each in plan["preflight"] if each["name"] == "primary-dead")["is_blocking"]
        print(f"  {old} has no connection left: told; a switchover is refused ({refused}), a failover blocked")
    scene.approved("switchover", "--to", new)
    assert scene.aim() == (old, new)


def check_told(scene: FaultScene, full: str) -> None:
    """Hold that `status` tells what it is, and offers neither a failover nor a start of anything for it."""
    told: list[dict[str, Any]] = []

    def is_told() -> bool:
        told[:] = json.loads(scene.console("status", "--json").stdout)["advice"]
        return any(each["headline"].startswith(f"{full} runs, and lets nobody in any more") for each in told)

    wait_for(is_told, f"status tells it of {full}", LIMIT_S)
    found = next(each for each in told if each["headline"].startswith(full))
    assert (found["verdict"], NONE_LEFT in found["headline"]) == ("down", True), told
    assert found["remedy"].startswith(f"{full} lives: neither start, restart nor fail over for this"), told
    ways = [way["command"] for each in told for way in each["ways"] if not way["is_blocked"]]
    assert [each for each in ways if "switchover" in each or "failover" in each or each.endswith(full)] == [], told


def refused_with(scene: FaultScene, words: str, *command: str) -> int:
    """Hold that a command is refused with these words; again where looks were left unanswered; return its exit code."""
    done: list[subprocess.CompletedProcess[str]] = []

    def is_said() -> bool:
        done.append(scene.console(*command))
        assert done[-1].returncode == EXIT_BLOCKED, done[-1].stdout + done[-1].stderr
        return words in done[-1].stderr

    try:
        wait_for(is_said, f"{command} is refused with {words}", LIMIT_S)
    except AssertionError as error:
        raise AssertionError(f"{error}: {done[-1].stderr}") from error
    return done[-1].returncode


def free_them_as_told(scene: FaultScene) -> None:
    """Once nobody takes more: one process is ended on the host, which lets a superuser in, and that one ends the others."""
    old, new = scene.aim()
    with all_taken(scene.lab, old) as hoard:
        told = scene.advised(f"{old} runs, and lets nobody in any more")
        assert "kill -TERM one's process" in told["headline"], told
        assert scene.role(old) == "silent", "psql is refused as well"
        scene.lab.ssh(old, f"kill -TERM {hoard.rest()[0]}")
        wait_for(lambda: scene.role(old) == "primary", "a superuser gets in", LIMIT_S)
        theirs = "application_name = 'somebody-else' AND pid <> pg_backend_pid()"
        scene.sql(old, f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {theirs}")
        scene.consoles.ran("switchover", "--to", new)
    scene.lab.heal(old)
    assert scene.aim() == (new, old)
    print(f"  freed as it is told, {new} is switched over to")


@contextmanager
def _taken_at(scene: FaultScene, full: str, spot: Spot, new: str) -> Iterator["subprocess.CompletedProcess[str]"]:
    """Begin a switchover to `new` in which `full` gives away all its connections at `spot`; behind the block they are free."""
    hoard = Hoard(scene.lab, full)
    try:
        with scene.struck_at(lambda _: hoard.begin(), spot):
            done = scene.begun("switchover", "--to", new)
        yield done
    finally:
        hoard.end()


def take_the_standbys_in_a_switchover(scene: FaultScene) -> None:
    """Nobody knew when it was begun: the primary is not stopped for one that could not be asked, and users come back."""
    old, new = scene.aim()
    stops = scene.done_on_hosts(old, new)["stopped"]
    with _taken_at(scene, new, _web_stop(scene, old), new) as done:
        said = done.stdout + done.stderr
        phases = scene.phases()
        assert (done.returncode, phases["stop-primary"], phases["promote"]) == (_ROLLED_BACK, "failed", "pending"), said
        assert f"not begun: {new}:" in said, said
        assert (scene.done_on_hosts(old, new)["stopped"], scene.role(old)) == (stops, "primary"), said
        check_told(scene, new)
        refused_with(scene, f"{new} {NONE_LEFT} for the console", "plan", "switchover", "--to", new)
    scene.approved("switchover", "--to", new)
    print(f"  the standby's connections run out in a switchover: rolled back ({done.returncode}), {old} was not stopped")


def take_the_primarys_in_a_switchover(scene: FaultScene) -> None:
    """It is not stopped; users are back only once there is a connection for them, and then all of the run is taken back."""
    old, new = scene.aim()
    stops = scene.done_on_hosts(old, new)["stopped"]
    with _taken_at(scene, old, _web_stop(scene, old), new) as done:
        said = done.stdout + done.stderr
        run = scene.newest()
        assert (done.returncode not in (0, 8, _ROLLED_BACK), run["is_open"]) == (True, True), said
        assert NONE_LEFT in run["words"], run
        assert scene.phases()["stop-primary"] == "pending", said
        assert scene.done_on_hosts(old, new)["stopped"] == stops, said
    back = scene.resumed(run["run"], _ROLLED_BACK)
    assert scene.aim() == (old, new)
    scene.consoles.ran("switchover", "--to", new)
    assert scene.aim() == (new, old)
    print(f"  the primary's run out in a switchover: held ({done.returncode}); freed, all is taken back ({back.returncode})")


def take_the_new_primarys(scene: FaultScene) -> None:
    """They run out as the old one is stopped: proved and promoted all the same; held where users come in, nothing beside it."""
    old, new = scene.aim()
    tail = scene.tool(old, "tail").parents[1] / "tail"
    with _taken_at(scene, new, Spot(old, tail, _TAIL, '[ "$3" = -s ]', ":", ":"), new) as done:
        said = done.stdout + done.stderr
        run, phases = scene.newest(), scene.phases()
        assert (done.returncode, run["is_open"], phases["promote"]) == (RunVerdict.INCOMPLETE.exit_code, True, "done"), said
        refused_with(scene, f"{old} would be a second one", "plan", "restart", old)
        check_told(scene, new)
    ended = scene.resumed(run["run"], 0)
    assert scene.aim() == (new, old)
    print(f"  the new primary's run out at the stop: held ({done.returncode}); freed and resumed: {ended.returncode}")


def take_the_standbys_at_a_failover(scene: FaultScene) -> None:
    """One that cannot be asked is not promoted, and why is told; freed, it is."""
    old, new = scene.aim()
    with all_taken(scene.lab, new):
        scene.lab.fault("kill", old)
        refused_with(scene, f"{new} {NONE_LEFT} for the console", "plan", "failover", "--to", new)
    scene.consoles.ran("failover", "--to", new, answers=("--accept-loss", "10m"))
    scene.consoles.ran("rejoin", old)
    scene.lab.heal(old)
    assert scene.aim() == (new, old)
    print(f"  {new} had no connection left when {old} was lost: not promoted; freed, it is")


def _web_stop(scene: FaultScene, old: str) -> Spot:
    host = f"web{SIDE[old]}"
    web = scene.tool(host, "pps-service")
    return Spot(host, web.parents[1] / web.name, web, '[ "$1" = stop ]', ":", 'exec "$real" "$@"')
