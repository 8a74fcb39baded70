"""Runbooks that bring an old primary home and keep what only it had: rejoin by each way, lost-writes, quarantine-delete."""

import time
from typing import Any

from tests.lab.kill_case import Case, Ended
from tests.lab.kill_scene import STREAMING, KillScene

IDLE = "SELECT slot_name FROM pg_replication_slots WHERE NOT active"
WRITTEN = "SELECT count(*) FROM pg_class WHERE relname LIKE 'only_here%'"


class RejoinFollow(Case):
    """The old primary was stopped cleanly, and failed over from."""

    name, runbook = "rejoin-follow", "rejoin"
    leaves = ("db?:data.quarantine.lifted",)
    way = ""

    def set_up(self, scene: KillScene) -> None:
        """Fail over."""
        self.old, self.new = scene.aim()
        scene.lab.fault("stop", self.old)
        scene.ran("failover", "--to", self.new, answers=("--accept-loss", "10m"))

    def words(self) -> tuple[str, ...]:
        """Name the way, where it is not the one that is chosen anyway."""
        return (self.runbook, self.old, *(("--way", self.way) if self.way else ()))

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It follows, and nothing keeps its primary's log for nobody."""
        scene.until(lambda: scene.lab.sql(STREAMING, self.new) == [(1,)], f"{self.old} follows")
        assert scene.lab.sql("SELECT pg_is_in_recovery()", self.old) == [(True,)]
        assert not (scene.lab.home(self.old) / "data.quarantine").exists()
        assert scene.lab.sql(IDLE, self.new) == []
        assert scene.lab.sql(IDLE, self.old) == []

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """It is down, and in quarantine."""
        assert (scene.lab.home(self.old) / "data.quarantine").exists()
        [said] = scene.lab.ssh(self.old, "db-service status")
        assert "state=running" not in str(said.stdout), said.stdout

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """Make it a standby, if it is none."""
        if is_backed_out:
            scene.cloned(self.old, self.new)
        else:
            scene.lab.heal(self.old)


class Diverged(Case):
    """The old primary was killed, and has writes that no other has."""

    def fail_over(self, scene: KillScene) -> None:
        """Kill it while the standby is held back, and hide its log from those who would salvage it."""
        self.old, self.new = scene.aim()
        self.lost_from = time.time() - 5.0
        scene.lab.fault("disconnect", self.new, "--link", "replication")
        number = int(time.time())
        scene.superuser(self.old, f"CREATE TABLE only_here_{number} AS SELECT generate_series(1, 100) AS n")
        scene.lab.fault("kill", self.old)
        self.dead_by = time.time()
        wal = scene.lab.home(self.old) / "data" / "pg_wal"
        wal.rename(wal.with_name("pg_wal.away"))
        scene.ran("failover", "--to", self.new, answers=("--accept-loss", "unlimited"))
        wal.with_name("pg_wal.away").rename(wal)
        scene.lab.heal(self.new)

    def lost(self) -> dict[str, Any]:
        """Return what the failover before it gave up."""
        return {"lost_from": self.lost_from, "dead_by": self.dead_by}


class RejoinRewind(RejoinFollow, Diverged):
    """It wrote alone."""

    name = "rejoin-rewind"
    way = "rewind"
    leaves = (*RejoinFollow.leaves, "db?:data.lost-writes-*", "db?:data.configuration-*")

    def set_up(self, scene: KillScene) -> None:
        """Fail over."""
        self.fail_over(scene)

    def check(self, scene: KillScene, ended: Ended) -> None:
        """What only it had is gone there, and was listed once."""
        super().check(scene, ended)
        kept = [name for name in ended.appeared if ".lost-writes-" in name]
        assert len(kept) == 1, ended.appeared
        assert not [name for name in ended.appeared if name.endswith((".part", ".new"))]

    def lost(self) -> dict[str, Any]:
        """Return what the failover before it gave up."""
        return Diverged.lost(self)


class RejoinReClone(RejoinRewind):
    """It is copied anew."""

    name = "rejoin-re-clone"
    way = "re-clone"
    # What pg_basebackup said of the copy stays beside it.
    leaves = (*RejoinRewind.leaves, "db?:data.before-*", "db?:data.clone-*.log")
    leaves_back = ("db?:data.clone-*",)  # nothing is deleted: the run tells where the copy is left, whole or not

    def check(self, scene: KillScene, ended: Ended) -> None:
        """The directory that was there is kept, once."""
        super().check(scene, ended)
        [before] = [name.partition(":")[2] for name in ended.appeared if ".before-" in name]
        assert (scene.lab.home(self.old) / before / "PG_VERSION").exists()

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """As ever; what was set aside is taken away, as the machine's disk is not endless."""
        super().put_back(scene, is_backed_out=is_backed_out)
        scene.lab.ssh(self.old, "rm -rf data.before-* data.clone-*")


class LostWrites(Diverged):
    """It wrote alone, and is in quarantine."""

    name = runbook = "lost-writes"
    leaves = ("db?:data.lost-writes-*",)

    def set_up(self, scene: KillScene) -> None:
        """Fail over, once."""
        if not self.old:
            self.fail_over(scene)

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It was kept once, and can be read."""
        kept = [name.partition(":")[2] for name in ended.appeared]
        assert len(kept) == 1, kept
        listed = (scene.lab.home(self.old) / kept[0] / "transactions.txt").read_text()
        assert listed.strip()

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """Take the kept away, so that the next run keeps it again."""
        scene.lab.ssh(self.old, "rm -rf data.lost-writes-*")

    def leave(self, scene: KillScene) -> None:
        """Make it a standby."""
        if self.old:
            scene.cloned(self.old, self.new)


class QuarantineDelete(Case):
    """A folder that was set aside lies beside the data directory."""

    name = runbook = "quarantine-delete"

    def set_up(self, scene: KillScene) -> None:
        """Set one aside, of many files."""
        self.old, self.new = "db2", "db1"
        self.path = scene.lab.home(self.old) / "data.before-0123456789ab"
        files = f"cd {self.path}/base && seq 200 | xargs touch && mkdir ../other && cp * ../other"
        done = scene.lab.ssh(self.old, f"rm -rf {self.path} && mkdir -p {self.path}/base && {files}")[0]
        assert done.exit_status == 0, done.stderr

    def begin(self, scene: KillScene, *, is_refused: bool) -> tuple[tuple[str, ...], str]:
        """Return the one command that names a path."""
        return ("quarantine", "delete", self.old, str(self.path)), str(self.path)

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It is gone, and nothing else is."""
        assert not self.path.exists()
        assert (scene.lab.home(self.old) / "data" / "PG_VERSION").exists()
