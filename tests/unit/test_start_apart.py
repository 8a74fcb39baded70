"""A server that is to be started apart, taken up by another console: what was never started is started, and not waited for."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from ppsconsole.actions.base import Finding
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.errors import Unreachable
from ppsconsole.plan.step import Step
from tests.unit.test_proofs import SYSTEM, Hosts, bench

SERVES = (False, SYSTEM, 1, None, None, False, None, False)


@dataclass
class Refusing(Hosts):
    """A server that refuses so many questions, and serves then."""

    refused: float = float("inf")
    asked: list[str] = field(default_factory=list)

    async def execute(self, instance: Any, sql: str, **options: Any) -> list[tuple[Any, ...]]:
        self.asked.append(sql)
        if len(self.asked) <= self.refused:
            raise Unreachable("connection refused", where=instance.name, is_refused=True)
        return [SERVES]


def verified(hosts: Hosts) -> Finding:
    step = Step("start-apart", "Start db1 apart", "start-apart", "db1", arguments={"primary": "db2"}, timeout_s=600.0)

    async def main() -> Finding:
        async with asyncio.timeout(60):
            return await ACTIONS["start-apart"].verify(bench(hosts), step)

    return asyncio.run(main())


def test_one_that_does_not_run_is_not_waited_for() -> None:
    hosts = Refusing()
    found = verified(hosts)
    assert found.state == "no"
    assert "refused" in found.words
    assert len(hosts.asked) == 1


@pytest.mark.parametrize("changed", [{"left": "process=7 postgres startup\n"}, {"silent": frozenset({"db1"})}])
def test_one_that_starts_or_cannot_be_looked_at_is(changed: dict[str, Any]) -> None:
    found = verified(Refusing(refused=3, **changed))
    assert found.state == "yes", found.words
    assert found.values == {"timeline": 1}
