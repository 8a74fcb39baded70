"""What is found out before a primary is stopped: a successor that calls itself streaming has to have what was written."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from ppsconsole.actions.base import Finding
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.actions.standing import FLUSHED_SQL
from ppsconsole.drivers.base import CommandResult
from ppsconsole.plan.step import Step
from tests.unit.test_proofs import SYSTEM, Hosts, bench, said

HAS_IT = "0/3000128"


@dataclass
class Pair(Hosts):
    """A primary, and the standby that is to follow it."""

    end: str = HAS_IT
    received: tuple[str | None, ...] = (HAS_IT,)
    receiver: str | None = "streaming"
    is_paused: bool = False
    looks: int = 0

    async def look(self, host: str, command: str, *, timeout_s: float = 10.0) -> CommandResult:
        return said("")

    async def arm(self, host: str, command: str, *, node: str | None = None, timeout_s: float = 8.0) -> None:
        """Stand ready for nothing."""

    async def execute(self, instance: Any, sql: str, **options: Any) -> list[tuple[Any, ...]]:
        if sql == FLUSHED_SQL:
            assert instance.name == "db1"
            return [(self.end,)]
        if instance.name == "db1":
            return [(False, SYSTEM, 1, None, None, False, None, True)]
        self.looks += 1
        have = self.received[min(self.looks, len(self.received)) - 1]
        return [(True, SYSTEM, 1, have, have, self.is_paused, self.receiver, False)]


def prechecked(hosts: Pair, *, timeout_s: float = 0.2) -> Finding:
    step = Step("stop-primary", "Stop db1", "stop-primary", "db1", timeout_s=timeout_s)
    return asyncio.run(ACTIONS["stop-primary"].precheck(bench(hosts), step))


@pytest.mark.parametrize("received", [(HAS_IT,), ("0/3000200",), (*["0/3000060"] * 8, HAS_IT)])
def test_it_is_stopped_once_its_successor_has_all_of_it(received: tuple[str, ...]) -> None:
    assert prechecked(Pair(received=received), timeout_s=60.0).state == "yes"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"received": ("0/3000127",)}, "db2 says that it streams and has 0/3000127, db1 is at 0/3000128"),
        ({"received": (None,)}, "its receiver hangs or is far behind"),
        ({"receiver": None}, "does not stream"),
        ({"is_paused": True}, "replay is paused on db2"),
    ],
)
def test_it_is_not_stopped_for_one_that_could_not_follow(changed: dict[str, Any], words: str) -> None:
    found = prechecked(Pair(**changed))
    assert (found.state, words in found.words) == ("no", True), found.words
