"""Runbooks of the alternate server: it is prepared, users are sent to it, and what they wrote there is brought home."""

import re
import time
from typing import Any

from tests.lab.kill_case import BALANCER_BEFORE, Case, Ended
from tests.lab.kill_cases_copies import DATABASES, HOST, PLACE
from tests.lab.kill_scene import STREAMING, KillScene

COPIES = "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname ~ '^pleasant_archive_[^_]+$'"
STATEMENT = "both sites are without power, told by phone"
OF_USERS = "SELECT relname FROM pg_class WHERE relname LIKE 'only_there%'"


class AlternatePrepare(Case):
    """There is a bundle in its archive."""

    name = runbook = "alternate-prepare"

    def set_up(self, scene: KillScene) -> None:
        """Make one, once."""
        self.old = HOST
        if not list((scene.lab.home(HOST) / "backup").glob("pps-*")):
            scene.ran("backup", PLACE)
        for name in self.databases(scene) - {"pleasant"}:  # else it is ready, and there is nothing to do
            scene.superuser(HOST, f'DROP DATABASE "{name}" WITH (FORCE)')

    def databases(self, scene: KillScene) -> set[str]:
        """Return what the server has."""
        return {str(row[0]) for row in scene.superuser(HOST, DATABASES)}

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It holds one copy that was compared, and its PPS is stopped and disabled."""
        said = {str(name): str(words) for name, words in scene.superuser(HOST, COPIES)}
        assert len(said) == 1, said
        assert all('"is_verified": true' in words for words in said.values()), said
        [said] = scene.lab.ssh(HOST, "pps-service status")
        assert "state=stopped enabled=disabled" in str(said.stdout), said.stdout


class AlternateActivate(AlternatePrepare):
    """Both sites are lost."""

    name = runbook = "alternate-activate"
    leaves = (BALANCER_BEFORE,)
    answers = ("--accept-loss", "unlimited", "--attest", STATEMENT)

    def set_up(self, scene: KillScene) -> None:
        """Prepare it, and lose the sites."""
        super().set_up(scene)
        scene.ran("alternate-prepare", HOST)
        for site in ("site-a", "site-b"):
            scene.lab.fault("kill", site)

    def check_serves(self, scene: KillScene) -> None:
        """It runs, and would after a boot."""
        [said] = scene.lab.ssh(HOST, "pps-service status")
        assert "state=running enabled=enabled" in str(said.stdout), said.stdout

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It serves."""
        self.check_serves(scene)
        assert ended.happened["started", HOST] == 1, ended.happened

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """It does not serve."""
        [said] = scene.lab.ssh(HOST, "pps-service status")
        assert "state=stopped" in str(said.stdout), said.stdout

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """Give the sites back, and stop the alternate server."""
        scene.lab.ssh(HOST, "pps-service stop", "pps-service disable")
        scene.lab.heal()
        scene.aim()


class AlternateHome(AlternateActivate):
    """Users work on it, and the sites are back."""

    name = runbook = "alternate-home"
    answers = ()
    leaves = (BALANCER_BEFORE, "alt1:backup/pps-*", "alt1:backup/.part-pps-*", "alt1:backup/.aside-pps-*")

    def __init__(self) -> None:
        super().__init__()
        self.forked_at, self.dead_by, self.written = 0.0, 0.0, set[str]()

    def set_up(self, scene: KillScene) -> None:
        """Activate it once, later start it again: it has what is at home since the last run; and let users write there."""
        if not self.forked_at:
            self.forked_at = time.time()
            super().set_up(scene)
            scene.ran("alternate-activate", HOST, answers=AlternateActivate.answers)
            scene.lab.heal()
        else:
            started = scene.lab.ssh(HOST, "pps-service enable", "pps-service start")[1]
            assert started.exit_status == 0, started.stderr
        self.old = HOST
        self.home, _ = scene.aim()
        self.forked_at = max(self.forked_at, self.dead_by)
        for web in ("web1", "web2"):
            self.serve(scene, web)
        table = f"only_there_{len(self.written)}"
        scene.superuser(HOST, f"CREATE TABLE {table} AS SELECT 1 AS n", "pleasant")
        self.written.add(table)

    def check(self, scene: KillScene, ended: Ended) -> None:
        """What users wrote there is at home, also on the standby; what was at home is kept; nobody works there any more."""
        [left] = scene.lab.ssh(HOST, "pps-service status")
        assert "state=stopped enabled=disabled" in str(left.stdout), left.stdout
        kept = {str(row[0]) for row in scene.superuser(self.home, DATABASES)}
        # A copy that a killed console left half-made is kept under a name of its own, as nothing is deleted: `quarantine list`.
        whole = {name for name in kept if not re.fullmatch(f"pleasant_restore_{ended.run}_half_[0-9]+", name)}
        assert whole == {"pleasant", f"pleasant_before_{ended.run}"}, kept
        assert self.users_wrote(scene, self.home) == self.written
        other = "db2" if self.home == "db1" else "db1"
        scene.until(lambda: scene.lab.sql(STREAMING, self.home) == [(1,)], "the standby streams")
        scene.until(lambda: self.users_wrote(scene, other) == self.written, "the standby has it")
        self.dead_by = max(event.at for event in ended.events if event.step == "fence-writers")

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """Users go on there, and what is at home is what it was."""
        self.check_serves(scene)
        assert self.users_wrote(scene, HOST) == self.written

    def serve(self, scene: KillScene, host: str) -> None:
        """Have a web node run at home: the run before may have left it disabled."""
        node = f"pps{host[-1]}"
        started = scene.marks()["started", node]
        [said] = scene.lab.ssh(host, "pps-service status")
        if "state=running enabled=enabled" not in str(said.stdout):
            scene.lab.ssh(host, "pps-service enable", "pps-service start")
            scene.until(lambda: scene.marks()["started", node] > started, f"{node} listens")

    def users_wrote(self, scene: KillScene, host: str) -> set[str]:
        """Return what is there of what users wrote on the alternate server."""
        return {str(row[0]) for row in scene.superuser(host, OF_USERS, "pleasant")}

    def lost(self) -> dict[str, Any]:
        """Return from when to when was written at home what is not merged."""
        return {"lost_from": self.forked_at, "dead_by": self.dead_by}

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """Take away what was kept, as the machine's disk is not endless."""
        for (name,) in scene.superuser(self.home, DATABASES):
            if name != "pleasant":
                scene.superuser(self.home, f'DROP DATABASE "{name}" WITH (FORCE)')

    def leave(self, scene: KillScene) -> None:
        """Stop it."""
        scene.lab.ssh(HOST, "pps-service stop", "pps-service disable")
