"""Runbooks that make and use copies: backup, its proof and its pruning, and restore."""

import shutil
import subprocess
from pathlib import Path

from ppsconsole.cluster.bundles import MANIFEST, SUMS, bundle_name
from tests.lab.kill_case import BALANCER_BEFORE, Case, Ended
from tests.lab.kill_scene import SIDE, KillScene

PLACE, HOST = "vault", "alt1"  # of the lab's profile with an alternate server
DATABASES = "SELECT datname FROM pg_database WHERE datname LIKE 'pleasant%'"


class Backup(Case):
    """One bundle at one place."""

    name = runbook = "backup"
    # What was begun by a console that was killed stays until it is pruned by name: nothing is deleted unasked.
    leaves = ("*:backup/pps-*", "*:backup/.part-pps-*", "*:backup/.aside-pps-*")

    def __init__(self, place: str = PLACE, host: str = HOST) -> None:
        super().__init__()
        self.place, self.host = place, host

    def words(self) -> tuple[str, ...]:
        """Name the place."""
        return (self.runbook, self.place)

    def folder(self, scene: KillScene) -> Path:
        """Return where the bundles lie."""
        return scene.lab.home(self.host) / "backup"

    def check(self, scene: KillScene, ended: Ended) -> None:
        """There is one bundle under a final name, that of this run, and it is whole."""
        [made] = self.whole(scene, ended)
        assert made.endswith(ended.run), ended.appeared

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """What is there under a final name is whole: it stays, as it does no harm."""
        assert len(self.whole(scene, ended)) <= 1

    def whole(self, scene: KillScene, ended: Ended) -> list[str]:
        """Return the new bundles under a final name, each whole."""
        new = [each.partition("/")[2] for each in ended.appeared]
        named = [each for each in new if (name := bundle_name(each)) is not None and not name.prefix]
        for each in named:
            made = self.folder(scene) / each
            assert (made / MANIFEST).exists(), each
            summed = subprocess.run(["sha256sum", "-c", SUMS], cwd=made, capture_output=True, text=True)
            assert summed.returncode == 0, summed.stdout
        return named

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """Take what nobody needs away, as the machine's disk is not endless."""
        for each in self.folder(scene).glob(".*"):
            shutil.rmtree(each)


class BackupVerify(Backup):
    """There is a bundle."""

    name = runbook = "backup-verify"
    leaves = ("db2:scratch",)  # empty, and used again by the next one

    def set_up(self, scene: KillScene) -> None:
        """Make it, once."""
        if not list(self.folder(scene).glob("pps-*")):
            scene.ran("backup", self.place)

    def check(self, scene: KillScene, ended: Ended) -> None:
        """Nothing of the copy is left, also no server."""
        scratch = scene.lab.home("db2") / "scratch"
        assert not scratch.exists() or list(scratch.iterdir()) == []
        told = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
        assert f"{scratch}/" not in told

    check_back = check


class BackupPrune(BackupVerify):
    """Something was never finished."""

    name = runbook = "backup-prune"

    def set_up(self, scene: KillScene) -> None:
        """Leave what a killed console leaves."""
        super().set_up(scene)
        folder = self.folder(scene)
        whole = next(folder.glob("pps-*"))
        self.kept = sorted(each.name for each in folder.glob("pps-*"))
        copies = " && ".join(f"cp -r {whole.name} {prefix}{whole.name[:-2]}00" for prefix in (".part-", ".aside-"))
        done = scene.lab.ssh(self.host, f"cd {folder} && rm -rf .part-* .aside-* && {copies}")[0]
        assert done.exit_status == 0, done.stderr

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It is gone, and no bundle is."""
        folder = self.folder(scene)
        assert sorted(each.name for each in folder.iterdir()) == self.kept

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """No bundle is gone."""
        folder = self.folder(scene)
        assert sorted(each.name for each in folder.glob("pps-*")) == self.kept


class Restore(Case):
    """After a failover, back onto the old primary."""

    name = runbook = "restore"
    has_two_primaries = True
    leaves = (BALANCER_BEFORE, "db?:data.quarantine", "db?:data.quarantine.lifted")

    def set_up(self, scene: KillScene) -> None:
        """Fail over."""
        old, new = scene.aim()
        scene.lab.fault("kill", old)
        scene.ran("failover", "--to", new, answers=("--accept-loss", "10m"))
        self.old, self.new = old, new  # old: that is restored onto

    def words(self) -> tuple[str, ...]:
        """Name what becomes primary."""
        return (self.runbook, "--to", self.old)

    def is_alike(self, whole: dict[str, int], happened: dict[str, int]) -> bool:
        """The server that nobody uses yet may be started again by a console that takes up in the middle."""
        idle = {"started old database", "stopped old database"}
        return {k: v for k, v in whole.items() if k not in idle} == {k: v for k, v in happened.items() if k not in idle}

    def check(self, scene: KillScene, ended: Ended) -> None:
        """Users work on it, the database that it had is kept, and nothing half is left under the final name."""
        kept = {str(row[0]) for row in scene.superuser(self.old, DATABASES)}
        assert {"pleasant", f"pleasant_before_{ended.run}"} <= kept
        assert f"pleasant_restore_{ended.run}" not in kept
        assert scene.lab.sql("SELECT pg_is_in_recovery()", self.old) == [(False,)]
        assert "db=down" not in scene.console("here", "status").stdout

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """Users work where they did, and may write there."""
        assert scene.superuser(self.new, "SELECT setconfig FROM pg_db_role_setting") == []
        kept = {str(row[0]) for row in scene.superuser(self.new, DATABASES)}
        assert "pleasant" in kept

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """The other one becomes the standby."""
        primary, lost = (self.new, self.old) if is_backed_out else (self.old, self.new)
        scene.cloned(lost, primary)
        for (name,) in scene.superuser(primary, DATABASES):
            if name != "pleasant":
                scene.superuser(primary, f'DROP DATABASE "{name}" WITH (FORCE)')
        web = f"pps{SIDE[primary]}"
        scene.until(lambda: web in scene.console("here", "status").stdout, "the web node is seen")
