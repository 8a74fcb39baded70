"""An old primary that the new one does not let in as a standby: it is left as it is, and its way home is told."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import RunError
from ppsconsole.plan.step import Step
from tests.unit.test_proofs import Hosts, bench, said

REFUSED = 'FATAL: password authentication failed for user "replicator" password retrieved from file "/etc/pgpass"'


@dataclass
class Rotated(Hosts):
    """The new primary's role has another password than the passfile on the old one's host."""

    sent: list[str] = field(default_factory=list)

    async def look(self, host: str, command: str, *, timeout_s: float = 10.0) -> CommandResult:
        if command.startswith("sed "):
            return said("host=10.0.0.1 user=replicator passfile=/etc/pgpass\n")
        return await super().look(host, command, timeout_s=timeout_s)

    async def act(self, host: str, command: str, *, node: str | None = None, timeout_s: float = 8.0) -> CommandResult:
        self.sent.append(command)
        return replace(said(""), exit_status=1, stderr=REFUSED)


def test_an_old_primary_that_is_not_let_in_is_not_started_and_its_rejoin_is_named() -> None:
    hosts = Rotated()
    step = Step("follow", "Let db1 follow db2", "follow", "db1", arguments={"primary": "db2"}, timeout_s=0.2)
    with pytest.raises(RunError, match=r"password authentication failed.*then ppsconsole run rejoin db1"):
        asyncio.run(ACTIONS["follow"].act(bench(hosts), step))
    [command] = hosts.sent
    assert "--create-slot" in command
