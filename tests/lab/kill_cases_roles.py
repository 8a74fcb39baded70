"""Runbooks that say who serves: switchover, failover, restart, fence, and the boot guard."""

import time
from collections import Counter
from typing import Any

from tests.lab.kill_case import BALANCER_BEFORE, Case, Ended, Marks, marks
from tests.lab.kill_scene import SIDE, STREAMING, KillScene

RECOVERING = "SELECT pg_is_in_recovery()"


class Switchover(Case):
    """Both sides live."""

    name = runbook = "switchover"
    leaves = (BALANCER_BEFORE,)

    def set_up(self, scene: KillScene) -> None:
        """Aim at the standby."""
        self.old, self.new = scene.aim()
        self.before, self.timeline = scene.marks(), scene.timeline(self.old)

    def words(self) -> tuple[str, ...]:
        """Name the new primary."""
        return (self.runbook, "--to", self.new)

    def web_side(self) -> Marks:
        """Return what happens to balancer and web nodes: one is started, and whichever ran is stopped before."""
        webs = [f"pps{SIDE[name]}" for name in (self.old, self.new)]
        was_running = [web for web in webs if self.before["started", web] > self.before["stopped", web]]
        wanted = Counter({("promoted", self.new): 1, ("reloaded", "lb1"): 2, ("started", webs[1]): 1})
        return wanted + marks(stopped=was_running)

    def wanted(self) -> Marks | None:
        """Return what happens."""
        return self.web_side() + marks(stopped=[self.old], started=[self.old])

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It was promoted once, and the old primary follows."""
        assert scene.timeline(self.new) == self.timeline + 1, "promoted once"
        scene.until(lambda: scene.lab.sql(STREAMING, self.new) == [(1,)], "the old primary follows")

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """The old primary is what it was."""
        assert scene.timeline(self.old) == self.timeline
        assert scene.aim() == (self.old, self.new)


class Failover(Switchover):
    """The primary was killed."""

    name = runbook = "failover"
    answers = ("--accept-loss", "10m")
    leaves = (BALANCER_BEFORE, "db?:data.quarantine")

    def set_up(self, scene: KillScene) -> None:
        """Kill the primary."""
        super().set_up(scene)
        scene.console("here", "status")  # what was seen just before bounds the loss
        scene.lab.fault("kill", self.old)
        self.dead_by = time.time()

    def wanted(self) -> Marks | None:
        """Return what happens."""
        return self.web_side()

    def lost(self) -> dict[str, Any]:
        """Return what was announced."""
        loss = self.plan["loss"]
        commits = loss["transactions"] if loss["tier"] == "exact" else None
        # An exact loss is told by its commits: its window is how far they lie apart, not how long ago they were.
        window_s = 1e9 if commits is not None or loss["window_s"] is None else loss["window_s"]
        return {"lost_from": self.plan["made_at"] - window_s, "dead_by": self.dead_by, "commits": commits}

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It was promoted once, and the dead primary is in quarantine once."""
        assert scene.timeline(self.new) == self.timeline + 1, "promoted once"
        marker = (scene.lab.home(self.old) / "data.quarantine").read_text().splitlines()
        assert len(marker) == 1
        assert f"run {ended.run} " in marker[0]

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """The standby is what it was."""
        assert scene.lab.sql(RECOVERING, self.new) == [(True,)]

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """Bring the dead one back, as a standby where another was promoted."""
        if is_backed_out:
            scene.lab.heal(self.old)
        else:
            scene.cloned(self.old, self.new)


class RestartDatabase(Case):
    """The primary was killed."""

    name, runbook = "restart", "restart"
    is_planned_once = True

    def set_up(self, scene: KillScene) -> None:
        """Kill it."""
        self.old, self.new = scene.aim()
        scene.lab.fault("kill", self.old)

    def wanted(self) -> Marks | None:
        """It is started."""
        return marks(started=[self.old])

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It is the primary that it was."""
        assert scene.aim() == (self.old, self.new)

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """Let the lab know that it is well."""
        scene.lab.heal(self.old)


class RestartWeb(Case):
    """The web node that serves was killed."""

    name, runbook = "restart-web", "restart"
    is_planned_once = True

    def set_up(self, scene: KillScene) -> None:
        """Kill it."""
        primary, _ = scene.aim()
        self.old = f"pps{SIDE[primary]}"
        scene.lab.fault("kill", self.old)

    def wanted(self) -> Marks | None:
        """It is started."""
        return marks(started=[self.old])

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """Let the lab know that it is well."""
        scene.lab.heal(self.old)


class RestartBalancer(Case):
    """The balancer was killed."""

    name, runbook = "restart-balancer", "restart"
    is_planned_once = True

    def set_up(self, scene: KillScene) -> None:
        """Kill it."""
        self.old = "lb1"
        scene.lab.fault("kill", self.old)

    def put_back(self, scene: KillScene, *, is_backed_out: bool) -> None:
        """Let the lab know that it is well."""
        scene.lab.heal(self.old)


class BootGuard(Case):
    """There is none yet."""

    name = runbook = "boot-guard"
    leaves = ("db?:data.boot-guard", "db?:data.boot-guard.*")
    is_planned_once = True

    def set_up(self, scene: KillScene) -> None:
        """Take away what an earlier run wrote."""
        self.old, self.new = "db2", "db1"
        for each in scene.lab.home(self.old).glob("data.boot-guard*"):
            each.unlink()

    def guard(self, scene: KillScene) -> str:
        """Return it, empty where there is none."""
        path = scene.lab.home(self.old) / "data.boot-guard"
        return path.read_text() if path.exists() else ""

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It is whole."""
        assert self.guard(scene).startswith("#!/bin/sh\n# ppsconsole boot guard of db2")
        assert self.guard(scene).endswith("exit 0\n")
        assert {each.partition(":")[2] for each in ended.appeared} <= {"data.boot-guard"}, ended.appeared

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """There is none."""
        assert self.guard(scene) == ""

    def leave(self, scene: KillScene) -> None:
        """Take it away."""
        self.set_up(scene)


class BootGuardRemove(BootGuard):
    """There is one."""

    name = runbook = "boot-guard-remove"

    def set_up(self, scene: KillScene) -> None:
        """Install one."""
        super().set_up(scene)
        scene.ran("boot-guard", self.old)

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It is set aside."""
        assert self.guard(scene) == ""
        assert len(list(scene.lab.home(self.old).glob("data.boot-guard*"))) == 1, ended.appeared

    def check_back(self, scene: KillScene, ended: Ended) -> None:
        """It is back in its place."""
        assert self.guard(scene) != ""

    def leave(self, scene: KillScene) -> None:
        """Take it away."""
        BootGuard.set_up(self, scene)


class Fence(Case):
    """An old primary came back beside the new one."""

    name = runbook = "fence"
    has_two_primaries = True
    is_planned_once = True

    def set_up(self, scene: KillScene) -> None:
        """Fail over from a killed primary once; start that one again each time."""
        if not self.old:
            self.old, self.new = scene.aim()
            scene.lab.fault("kill", self.old)
            scene.ran("failover", "--to", self.new, answers=("--accept-loss", "10m"))
        started = scene.lab.ssh(self.old, "db-service enable", "db-service start")[1]
        assert started.exit_status == 0, started.stdout
        scene.until(lambda: scene.is_primary(self.old), "the old primary came back")

    def wanted(self) -> Marks | None:
        """It is stopped."""
        return marks(stopped=[self.old])

    def check(self, scene: KillScene, ended: Ended) -> None:
        """It is down, and stays down."""
        [said] = scene.lab.ssh(self.old, "db-service status")
        assert "state=stopped enabled=disabled" in str(said.stdout), said.stdout
        assert len((scene.lab.home(self.old) / "data.quarantine").read_text().splitlines()) == 1

    def leave(self, scene: KillScene) -> None:
        """Make it a standby."""
        if self.old:
            scene.cloned(self.old, self.new)
