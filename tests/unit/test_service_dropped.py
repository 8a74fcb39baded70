"""A line that drops while a service is stopped: the stop goes on without it, so it is waited for before anything is put back."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.drivers.base import CommandResult, LineDropped
from ppsconsole.errors import DriverError, TimedOut, Unreachable
from ppsconsole.plan.step import Step
from tests.unit.test_proofs import Hosts, bench, said


@dataclass
class Stopping(Hosts):
    """A web node's service that is stopped some looks after its stop was sent."""

    is_open: bool = False
    error: DriverError | None = None
    exit_status: int = 0
    looks_until_stopped: int = 4
    looks: list[str] = field(default_factory=list)

    async def look(self, host: str, command: str, *, timeout_s: float = 10.0) -> CommandResult:
        self.looks.append(command)
        is_stopped = len(self.looks) > self.looks_until_stopped
        return said("state=stopped enabled=enabled\n" if is_stopped else "state=running enabled=enabled pid=7\n")

    async def act(self, host: str, command: str, **options: object) -> CommandResult:
        if self.error is not None:
            raise self.error
        return CommandResult(self.exit_status, "", "", 0.0)


async def stopped(hosts: Stopping) -> str:
    step = Step("stop-pps1", "Stop pps1", "stop", "pps1", timeout_s=20.0)
    working, action = bench(hosts), ACTIONS["stop"]
    with contextlib.suppress(DriverError):
        await action.act(working, step)
    return (await action.verify(working, step)).state


@pytest.mark.parametrize("error", [None, LineDropped("lost", where="web1"), TimedOut("no answer", where="web1")])
def test_what_may_be_at_it_still_is_waited_for(error: DriverError | None) -> None:
    assert asyncio.run(stopped(Stopping(error=error))) == "yes"


@pytest.mark.parametrize(("error", "exit_status"), [(Unreachable("refused", where="web1"), 0), (None, 1)])
def test_what_was_never_sent_or_has_failed_is_not(error: DriverError | None, exit_status: int) -> None:
    hosts = Stopping(error=error, exit_status=exit_status)
    assert asyncio.run(stopped(hosts)) == "no"
    assert len(hosts.looks) == 1
