"""How a console reaches a host of the model, and what it costs in time: shared by shell, databases and web."""

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ppsconsole.errors import BastionDown, PpsConsoleError, TimedOut, Unreachable
from ppsconsole.inventory.model import Host
from tests.engine.model.held import now, passed
from tests.engine.model.world import World

CONNECT_S = 3.0


mistakes: list[BaseException] = []
"""What the model itself did not know or did wrong: the engine takes every error of a driver for news of the world."""

unanswered: set[str] = set()
"""Questions of probes that the model has no answer to: their facts stay unknown, as on a host that cannot tell."""


def loud(method: Callable[..., Any]) -> Callable[..., Any]:
    """Remember whatever a double raises that no driver raises, for the story to fail with it."""

    @functools.wraps(method)
    async def told(*args: Any, **options: Any) -> Any:
        try:
            return await method(*args, **options)
        except (PpsConsoleError, TimeoutError):
            raise
        except Exception as error:
            mistakes.append(error)
            raise

    return told


@dataclass(slots=True)
class Ways:
    """The network as one console sees it.

    Attributes:
        console: Its name in the links.
        calls: How often something was reached for; faults count by it.
        on_call: Called each time.
    """

    world: World
    console: str
    calls: int = 0
    on_call: Callable[[], None] = lambda: None

    async def to(self, host: Host, timeout_s: float) -> None:
        """Come to a host.

        Raises:
            DriverError: There is no way; time has passed.
        """
        self.calls += 1
        self.on_call()
        await passed(0.004)
        self.world.advance(now())
        for bastion in host.via:
            if not self.world.is_on(bastion) or not self.world.links.is_open(self.console, bastion):
                await asyncio.sleep(min(CONNECT_S, timeout_s))
                self.world.advance(now())
                raise BastionDown(f"the bastion {bastion} does not answer", where=host.name)
        if not self.world.is_on(host.name):
            await asyncio.sleep(min(CONNECT_S, timeout_s))
            self.world.advance(now())
            raise Unreachable("no route to host", where=host.name)
        if not self.is_open(host.name):
            await asyncio.sleep(timeout_s)
            self.world.advance(now())
            raise TimedOut(f"no answer within {timeout_s:g}s", where=host.name)

    def is_open(self, host: str) -> bool:
        return self.world.is_on(host) and self.world.links.is_open(self.console, host)
