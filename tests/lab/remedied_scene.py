"""A lab under load on which faults are made, named by a plan, and mended by what the plan's items say."""

import json
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import yaml

from ppsconsole.lab.certificates import Authority
from ppsconsole.plan.outcomes import EXIT_BLOCKED
from tests.lab.conftest import Lab, wait_for
from tests.lab.fault_scene import LIMIT_S, FaultScene
from tests.lab.remedies import Admin

Items = dict[str, dict[str, Any]]

LIMITS = {"transaction_s": {"warn": 1, "down": 3600}, "lag_s": {"warn": 1, "down": 3}}
"""Seconds, so that nobody has to wait for what takes minutes in a real cluster."""


class RemedyScene(FaultScene):
    """A `FaultScene` with an admin who does what preflight items say."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(lab, folder)
        self.admin = Admin(lab)
        document = yaml.safe_load(lab.inventory.read_text())
        document.setdefault("limits", {}).update(LIMITS)
        lab.inventory.write_text(yaml.safe_dump(document))
        self.authority = Authority("ended")  # trusted by all that trust the lab's own, which signs nothing any more
        trusted = lab.folder / "ca.pem"
        trusted.write_text(trusted.read_text() + self.authority.pem)
        for host in ("db1", "db2"):
            self.sql(host, "ALTER SYSTEM SET wal_retrieve_retry_interval = '100ms'", "SELECT pg_reload_conf()")

    def barred(self, new: str, *names: str, warned: Collection[str] = ()) -> Items:
        """Plan until the items called `names` bar a switchover and those of `warned` only warn; return all items.

        A busy machine leaves looks unanswered, and what was done on a host may not have come to all others yet.
        """
        ends: list[int] = []
        items: Items = {}

        def is_told() -> bool:
            code, plan = self.planned("switchover", "--to", new)
            ends.append(code)
            items.clear()
            items.update({each["name"]: each for each in plan.get("preflight", ())})
            failing = {name: item["is_blocking"] for name, item in items.items() if item["state"] == "failing"}
            return all(failing.get(name) is True for name in names) and all(failing.get(name) is False for name in warned)

        try:
            wait_for(is_told, f"a plan that names {names} and {warned}", LIMIT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._failing(items)}") from error
        assert ends[-1] == (EXIT_BLOCKED if names else 0)
        for name in (*names, *warned):
            print(f"  {name}: {'refused (3)' if name in names else 'warned'}: {items[name]['words']}")
        return items

    def told(self, new: str, name: str, words: str) -> str:
        """Plan until the item `name` says these words in a plan that nothing bars; return its hash."""
        plans: list[dict[str, Any]] = []

        def is_told() -> bool:
            code, plan = self.planned("switchover", "--to", new)
            plans.append(plan)
            return code == 0 and any(each["name"] == name and words in each["words"] for each in plan["preflight"])

        wait_for(is_told, f"{name} says {words}", LIMIT_S)
        return str(plans[-1]["hash"])

    def with_window(self, new: str) -> dict[str, Any]:
        """Return a failover's plan once all see the primary dead; reading its log was tried, and failed."""
        plans: list[dict[str, Any]] = []

        def is_right() -> bool:
            code, plan = self.planned("failover", "--to", new)
            plans.append(plan)
            return code == 0 and plan["loss"]["tier"] == "bounded" and "not exact" in plan["loss"]["words"]

        wait_for(is_right, "a plan of a failover that announces a window", LIMIT_S)
        return plans[-1]

    def written(self, host: str) -> int:
        """Return the number of the last transaction that was committed on an instance."""
        return int(self.sql(host, "SELECT coalesce(max(xid::text::bigint), 0) FROM pg_last_committed_xact()")[0][0])

    def mended(self, new: str, *names: str) -> str:
        """Plan until nothing bars a switchover and the items called `names` are well; return the plan's hash."""
        plans: list[dict[str, Any]] = []

        def is_well() -> bool:
            code, plan = self.planned("switchover", "--to", new)
            plans.append(plan)
            return code == 0 and all(each["state"] == "ok" for each in plan["preflight"] if each["name"] in names)

        try:
            wait_for(is_well, f"a plan in which {names} are well", LIMIT_S)
        except AssertionError as error:
            items = {each["name"]: each for each in plans[-1].get("preflight", ())}
            raise AssertionError(f"{error}: {self._failing(items)}") from error
        return str(plans[-1]["hash"])

    @staticmethod
    def _failing(items: Items) -> list[str]:
        return [f"{name}: {item['words']}" for name, item in items.items() if item["state"] == "failing"]

    def run(self, new: str, *ends: int, approved: Callable[[], str]) -> int:
        """Plan and run a switchover; again where the world moved in between, so that nothing was begun; return how it ended."""
        limit = time.monotonic() + LIMIT_S
        while True:
            done = self.console("run", "switchover", "--to", new, "--approve", approved())
            if done.returncode != EXIT_BLOCKED or time.monotonic() > limit:
                assert done.returncode in ends, f"{done.returncode}: {done.stdout}{done.stderr}"
                return done.returncode

    def check_moved(self, old: str, new: str) -> None:
        """Hold that the newest run did all that it had to."""
        assert set(self.phases().values()) == {"done"}
        assert (self.role(old), self.role(new)) == ("standby", "primary")
        print(f"  switchover {old} -> {new}: success (0)")

    def lost_at(self) -> list[float]:
        """Return when each write was acknowledged that the last load did not find again, seconds since 1970 UTC."""
        newest = max(self.folder.glob("*.json"), key=lambda each: each.stat().st_mtime_ns)
        return [float(each["acknowledged_at"]) for each in json.loads(newest.read_text())["verification"]["lost"]]
