"""The disk of the standby's data is full: as it receives and replays, before a switchover, and in the moment of its promotion.

It is a real file system without room (ENOSPC), mounted by `tests.lab.small_disk` where the data directory was: that takes root. A
receiver that finds no room for a segment ends and begins again; a server that finds none for what it replays, or for the first
segment of its own timeline, ends.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ppsconsole.plan.outcomes import EXIT_BLOCKED, RunVerdict
from tests.lab.conftest import wait_for
from tests.lab.fault_scene import LIMIT_S, FaultScene, Spot
from tests.lab.kill_scene import STREAMING
from tests.lab.small_disk import SmallDisk, small_disk

DISK_BYTES = 256 << 20
_PLACE_BYTES, _SPARE_BYTES = 4 << 20, 32 << 10

_ITEM = "of its disk in use"
_TOLD = "It was not promoted: it is a standby still, and comes back as one"
_FULL = "No space left on device"


@contextlib.contextmanager
def on_a_small_disk(scene: FaultScene, host: str) -> Iterator[SmallDisk]:
    """Have the data of a standby on a file system of their own; they come back to where they were, whatever role it has then."""
    data = scene.lab.home(host) / "data"
    aside = data.with_name("data.elsewhere")
    _serve(scene, host, "stop")
    data.rename(aside)
    with small_disk(data, DISK_BYTES, aside.stat().st_uid) as disk:
        subprocess.run(["cp", "-a", f"{aside}/.", str(data)], check=True)
        shutil.rmtree(aside)
        _serve(scene, host, "start")
        yield disk
        disk.free()
        _serve(scene, host, "stop")
        subprocess.run(["cp", "-a", str(data), str(aside)], check=True)
    aside.rename(data)
    _serve(scene, host, "start")
    scene.aim()


def fill_it_before_a_switchover(scene: FaultScene) -> None:
    """Told as what it is, whatever of it ends first; nothing is begun on it; with room it goes on, or is started."""
    old, new = scene.aim()
    with on_a_small_disk(scene, new) as disk:
        scene.aim()
        disk.fill()
        first = _first_said(scene, old, new)
        told = _told_to_make_room(scene, new)
        refused = _refused(scene, "switchover", "--to", new)
        assert any(words in refused for words in (_ITEM, f"{new} does not answer as a standby", "its disk is full")), refused
        assert scene.role(old) == "primary"
        print(f"  {first}: told: {told['headline']}; a switchover is refused ({EXIT_BLOCKED})")

        disk.free()
        wait_for(lambda: not _runs(scene, new) or scene.sql(old, STREAMING) == [(1,)], f"{new} goes on, or ended", LIMIT_S)
        if not _runs(scene, new):
            scene.consoles.ran("restart", new)
        assert scene.aim() == (old, new)

        _end_it_by_replay(scene, old, new, disk)
        told = _told_to_make_room(scene, new, "before it is started")
        refused = _refused(scene, "restart", new)
        assert "of the disk is in use" in refused, refused
        print(f"  {new} ended over its replay: told: {told['remedy']}; a restart is refused ({EXIT_BLOCKED})")
        disk.free()
        scene.consoles.ran("restart", new)
        assert scene.aim() == (old, new)


def _end_it_by_replay(scene: FaultScene, old: str, new: str, disk: SmallDisk) -> None:
    """Leave it a segment of the log, and no room for the rows that come in that."""
    scene.sql(old, "CREATE TABLE IF NOT EXISTS filler (words text)", "SELECT pg_switch_wal()", "INSERT INTO filler VALUES ('')")
    has_all = "SELECT flush_lsn >= pg_current_wal_flush_lsn() FROM pg_stat_replication"
    wait_for(lambda: scene.sql(old, has_all) == [(True,)], f"{new} has begun a segment", LIMIT_S)
    disk.fill()
    scene.sql(old, "INSERT INTO filler SELECT repeat('y', 100) FROM generate_series(1, 20000)")
    wait_for(lambda: not _runs(scene, new), f"{new} ends", LIMIT_S)


def _runs(scene: FaultScene, host: str) -> bool:
    return "state=running" in str(scene.lab.ssh(host, "db-service status")[0].stdout)


def _first_said(scene: FaultScene, old: str, new: str) -> str:
    """Have the primary write until its standby says that there is no room; return those words."""
    found: list[str] = []

    def is_said() -> bool:
        log = (scene.lab.home(new) / "log" / "db.log").read_text()
        found.extend(line.partition("] ")[2] for line in log.splitlines() if _FULL in line)
        if not found:
            scene.sql(old, "SELECT pg_logical_emit_message(false, 'filler', '')", "SELECT pg_switch_wal()")
        return bool(found)

    wait_for(is_said, f"{new} finds no room", LIMIT_S)
    return found[0]


def _told_to_make_room(scene: FaultScene, new: str, when: str = "") -> dict[str, Any]:
    told: list[dict[str, Any]] = []

    def is_told() -> bool:
        status = json.loads(scene.console("status", "--json").stdout)
        wanted = [each for each in status["advice"] if each["remedy"].startswith(f"Make room on {new}")]
        told[:] = [each for each in wanted if when in each["remedy"]]
        return bool(told)

    wait_for(is_told, f"status says to make room on {new} {when}", LIMIT_S)
    assert told[0]["verdict"] == "down", told
    return told[0]


def _refused(scene: FaultScene, *wanted: str) -> str:
    """Plan and run what is barred, and return what was said."""
    done = scene.console("run", *wanted, "--approve", str(scene.planned(*wanted)[1].get("hash", "none")))
    said = done.stdout + done.stderr
    assert done.returncode == EXIT_BLOCKED, said
    return " ".join(said.split())


def fill_it_in_a_switchover(scene: FaultScene) -> None:
    """It fills up as the standby is promoted: its server ends. Once there is room and it was started, the run goes on."""
    old, new = scene.aim()
    with on_a_small_disk(scene, new) as disk:
        scene.aim()
        _filled_at_the_promotion(scene, disk, new, "switchover")
        assert (scene.role(old), scene.role(new)) == ("standby", "primary")


def fill_it_in_a_failover(scene: FaultScene) -> None:
    """The disk is full already when the primary is lost: that is told, and bars nothing; then as in a switchover."""
    old, new = scene.aim()
    with on_a_small_disk(scene, new) as disk:
        scene.aim()
        scene.lab.fault("kill", old)
        disk.fill()
        plan = scene.plan_that_says("disk", _ITEM, "failover", "--to", new)
        item = next(each for each in plan["preflight"] if each["name"] == "disk")
        assert (item["is_blocking"], "Make room" in item["remedy"]) == (False, True), item
        print(f"  the disk of {new} is full before a failover: warned: {item['words']}")
        disk.free()
        _filled_at_the_promotion(scene, disk, new, "failover", "--accept-loss", "10m")
        scene.consoles.ran("rejoin", old)
        scene.lab.heal(old)
        assert scene.aim() == (new, old)


def fill_the_place_of_a_backup(scene: FaultScene) -> None:
    """A bundle finds no room half way: nothing of it is left, not even what took the last of the room; with room it is made."""
    place = yaml.safe_load(scene.lab.inventory.read_text())["backups"]["nightly"]
    folder = Path(place["path"])
    aside = folder.with_name(f"{folder.name}.elsewhere")
    folder.rename(aside)
    with small_disk(folder, _PLACE_BYTES, aside.stat().st_uid) as disk:
        disk.fill(_SPARE_BYTES)
        before = sorted(each.name for each in folder.rglob("*"))
        done = scene.begun("backup")
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == RunVerdict.ROLLED_BACK.exit_code, said
        assert (_FULL in said, "Make room there" in said) == (True, True), said
        assert sorted(each.name for each in folder.rglob("*")) == before
        print(f"  no room for a bundle: told, and nothing of it is left ({done.returncode})")
        disk.free()
        scene.consoles.ran("backup")
        assert sorted(each.name for each in folder.iterdir()) != before
    aside.rename(folder)


def _filled_at_the_promotion(scene: FaultScene, disk: SmallDisk, new: str, runbook: str, *answers: str) -> None:
    program = scene.programs(new) / "pg_ctl"
    promote = Spot(new, program, scene.real / "pg_ctl", '[ "$1" = promote ]', ":", 'exec "$real" "$@"')
    with scene.struck_at(lambda _: disk.fill(), promote):
        held = scene.begun(runbook, "--to", new, answers=answers)
    said = held.stdout + held.stderr
    assert (held.returncode, _TOLD in said, "no way back" in said) == (RunVerdict.INCOMPLETE.exit_code, True, True), said
    assert (scene.phases()["promote"], scene.role(new)) == ("failed", "silent"), said
    run = scene.newest()["run"]
    again = scene.resumed(run, RunVerdict.INCOMPLETE.exit_code, answers=answers)  # before anybody did what it says
    assert _TOLD in again.stdout, again.stdout

    disk.free()
    _serve(scene, new, "start")  # as it says
    wait_for(lambda: scene.role(new) == "standby", f"{new} is back", LIMIT_S)
    done = scene.resumed(run, RunVerdict.SUCCESS.exit_code, answers=answers)
    program.unlink()
    program.symlink_to(scene.real / "pg_ctl")
    assert scene.role(new) == "primary"
    print(f"  full as {new} is promoted in a {runbook}: held ({held.returncode}), told; with room, resumed ({done.returncode})")


def _serve(scene: FaultScene, host: str, verb: str) -> None:
    done = scene.lab.ssh(host, f"db-service {verb}")[0]
    assert done.exit_status == 0, f"{done.stdout}{done.stderr}"
