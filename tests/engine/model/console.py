"""A console on the model: the real desk, with the doubles for its drivers and a holder of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from ppsconsole.actions.base import Action, Finding, Workbench
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.engine import desk as desks
from ppsconsole.engine import lease, memory, session
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.holder import Holder
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from ppsconsole.probes import tools as probe_tools
from ppsconsole.probes import web as web_probe
from ppsconsole.runbooks.history import History
from tests.engine.model import lease_files
from tests.engine.model.databases import UnknownToModel
from tests.engine.model.held import ModelClock
from tests.engine.model.journal import MemoryJournal
from tests.engine.model.postgres import ModelPostgres
from tests.engine.model.shell import ModelShell
from tests.engine.model.ways import Ways
from tests.engine.model.web import looker
from tests.engine.model.world import World

at_work: ContextVar[Console] = ContextVar("at_work")
"""The console whose task it is: its holder, its way through the network."""


class ModelTools:
    """What `probes.tools.Tools` offers."""

    def __init__(self, console: Console) -> None:
        self.on_command: Callable[[Any], None] = lambda record: None
        self.ssh, self.postgres = console.shell, console.postgres

    async def aclose(self) -> None:
        """Do nothing: there are no connections."""


@dataclass(slots=True, eq=False)
class Console:
    """Somebody at a machine.

    Attributes:
        name: In the links, and as holder.
        boundary: Awaited at each boundary of a step: step, phase.
    """

    name: str
    world: World
    boundary: Callable[[Step, str], Any]
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    boots: int = 1
    ways: Ways = field(init=False)
    shell: ModelShell = field(init=False)
    postgres: ModelPostgres = field(init=False)
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.ways = Ways(self.world, self.name)
        self.shell = ModelShell(self.world, self.ways, self._begun)
        self.postgres = ModelPostgres(self.world, self.ways)
        self.sit_down()

    def sit_down(self) -> None:
        """Open a desk, with nothing in mind but the journal."""
        self.desk = Desk(self.world.inventory, ModelClock(), {})
        self.desk._tools = ModelTools(self)  # type: ignore[assignment]
        self.desk._opened = self.journal  # type: ignore[assignment]

    @property
    def holder(self) -> Holder:
        return Holder(self.name, f"{self.name}-pc", f"machine-{self.name}", f"boot-{self.boots}", "", 1, "1")

    def _begun(self, host: str, run: str, begun: str) -> None:
        """An act reached a host: the lease there has to be this console's, and the act's beginning durable in its journal."""
        if f'"user": "{self.name}"' not in self.world.hosts[host].lease:
            self.world.wrong(f"a console without the lease acts: {self.name} on {host}")
        step = begun.split(" ")[0].partition("/")[0]
        if step and not self.journal.has(run, ("step-started", "undo-started"), step):
            self.world.wrong(f"step {step} acts on {host}, and the journal does not know that it was begun")


class Watched:
    """An action that tells its console of each boundary before it is passed."""

    def __init__(self, action: Action) -> None:
        self._action = action

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        return self._action.commands(inventory, step)

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        await at_work.get().boundary(step, "precheck")
        return await self._action.precheck(bench, step)

    async def act(self, bench: Workbench, step: Step) -> None:
        await at_work.get().boundary(step, "act")
        await self._action.act(bench, step)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        await at_work.get().boundary(step, "verify")
        return await self._action.verify(bench, step)

    async def undo(self, bench: Workbench, step: Step) -> None:
        await at_work.get().boundary(step, "undo")
        await self._action.undo(bench, step)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        await at_work.get().boundary(step, "verify_undone")
        return await self._action.verify_undone(bench, step)


async def _login(url: str, account: str, password: str, **options: Any) -> Any:
    raise UnknownToModel("the modelled inventory has no account to log in with")


@contextlib.contextmanager
def modelled(world: World) -> Iterator[None]:
    """Put the doubles in the place of the drivers, for as long as a story lasts."""
    lease_files.forget()
    numbers = iter(range(1, 10_000))
    look = looker(world, lambda: at_work.get().ways)

    def tools(inventory: Inventory, clock: Any, on_command: Any) -> ModelTools:
        return ModelTools(at_work.get())

    patches: list[tuple[Any, str, Any]] = [
        *lease_files.PATCHES,
        (probe_tools, "Tools", tools),
        (web_probe, "look", look),
        (memory, "recall", lambda *ignored: History()),
        (memory, "keep", lambda *ignored: None),
        (lease, "this_process", lambda: at_work.get().holder),
        (session, "new_run_id", lambda: f"run{next(numbers)}"),
        (desks, "ACTIONS", {verb: Watched(action) for verb, action in ACTIONS.items()}),
    ]
    with contextlib.ExitStack() as stack:
        for module, name, double in patches:
            stack.enter_context(mock.patch.object(module, name, double))
        yield


__all__ = ["Console", "ModelTools", "at_work", "modelled"]
