"""The double of the SSH driver: known commands are done to the model, unknown ones fail loudly."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ppsconsole.actions.looks import remains_command
from ppsconsole.drivers.base import CommandResult, Endpoint, LineDropped
from ppsconsole.engine import armed
from ppsconsole.errors import TimedOut, Unreachable
from ppsconsole.inventory.model import Host
from tests.engine.model import effects, lease_files, salvage
from tests.engine.model.commands import parts_of, table_of
from tests.engine.model.databases import SYSTEM, UnknownToModel
from tests.engine.model.guarded import MOVED, Guarded, guarded, looked_for, moved, note_begun
from tests.engine.model.hosts import ModelHost
from tests.engine.model.ways import Ways, loud, now, unanswered
from tests.engine.model.world import World

Begun = Callable[[str, str, str], None]
"""Told of each act before it is done: host, run, `STEP/ATTEMPT`."""


@dataclass(slots=True)
class ModelShell:
    """A `drivers.base.Shell` on the model, as one console has it.

    Attributes:
        on_begun: See `Begun`.
        doors: Which instance or web node listens at an address, by address and port.
    """

    world: World
    ways: Ways
    on_begun: Begun
    sent: list[str] = field(default_factory=list)

    def fingerprint(self, host_name: str) -> str | None:
        return f"SHA256:{host_name}"

    @loud
    async def run(
        self, host: Host, command: str, *, stdin: str | None = None, timeout_s: float = 5.0, limit_bytes: int = 1 << 20
    ) -> CommandResult:
        await self.ways.to(host, timeout_s)
        guard = guarded(command)
        drop = self._drop(host.name) if guard is not None and guard.command else ""
        if drop == "before":
            raise LineDropped("the line dropped", where=host.name)
        doing = self._guarded(host, guard, stdin or "") if guard is not None else self._plain(host, command, stdin or "")
        started = now()
        try:
            if effects.is_slow(self.world, host.name, command if guard is None else guard.command):
                async with asyncio.timeout(timeout_s):
                    result = await doing
            else:
                result = await doing
        except TimeoutError:
            raise TimedOut(f"no answer within {timeout_s:g}s", where=host.name) from None
        self.world.advance(now())
        self._after(host, drop, timeout_s)
        if drop == "late":
            await asyncio.sleep(max(0.0, timeout_s - (now() - started)))
            raise TimedOut(f"no answer within {timeout_s:g}s", where=host.name)
        return result

    @loud
    async def open(self, host: Host, command: str, *, timeout_s: float = 5.0) -> "ModelTalk":
        await self.ways.to(host, timeout_s)
        guard = guarded(command)
        if guard is None or guard.epoch is None:
            raise UnknownToModel(f"the model does not know what is opened on {host.name}: {command}")
        return ModelTalk(self, host, guard, self.world.hosts[host.name].boots)

    async def endpoint(self, host: Host, address: str, port: int, *, timeout_s: float = 5.0) -> Endpoint:
        return Endpoint(address, port)

    @loud
    async def reach(self, host: Host, address: str, port: int, *, timeout_s: float = 5.0) -> None:
        await self.ways.to(host, timeout_s)
        for name in self.world.hosts[host.name].services:
            database = self.world.databases.get(name)
            is_open = database.process in ("up", "frozen") if database is not None else self.world.runs(name)
            if is_open:
                return
        raise Unreachable("connection refused", where=host.name, is_refused=True)

    # --- inside -----------------------------------------------------------------------------------------------

    def _drop(self, host: str) -> str:
        drops = self.world.hosts[host].drops
        return drops.pop(0) if drops else ""

    def _after(self, host: Host, drop: str, timeout_s: float) -> None:
        if drop == "after" or not self.ways.is_open(host.name):
            raise LineDropped("the line dropped", where=host.name)

    async def _guarded(self, host: Host, guard: Guarded, stdin: str) -> CommandResult:
        there = self.world.hosts[host.name]
        if said := moved(there, guard.conditions, SYSTEM):
            return effects.said(status=MOVED, stderr=said)
        self._note(host, guard.begun)
        if guard.place:
            if guard.place not in there.detached:
                result = await self._plain(host, guard.command, "")
                there.detached[guard.place] = (result.exit_status, result.stdout, result.stderr)
            return self._outlived(there, guard.place)
        return await self._plain(host, guard.command, stdin) if guard.command else effects.said()

    def _outlived(self, there: ModelHost, place: str) -> CommandResult:
        found = there.detached.get(place)
        if found is None:
            return effects.said("@@ppsconsole-detached absent\n")
        status, stdout, stderr = found
        return effects.said(f"@@ppsconsole-detached {status}\n{stdout}", stderr=stderr)

    def _note(self, host: Host, begun: tuple[str, str]) -> None:
        note_begun(self.world.hosts[host.name], *begun)
        self.on_begun(host.name, *begun)

    async def _plain(self, host: Host, command: str, stdin: str) -> CommandResult:
        world = self.world
        known = table_of(world.inventory).get((host.name, command))
        if known is not None:
            return await effects.done(world, known, stdin, now)
        script = lease_files.meaning_of(command)
        if script is not None:
            return script(world.hosts[host.name], stdin, now())
        parts = parts_of(command)
        if parts is not None:
            return await self._parts(host, parts)
        for name, instance in world.inventory.database.instances.items():
            if instance.host == host.name and command.startswith(f"{remains_command(instance)}; echo @@wal"):
                return effects.dead_wal(world, name, command)
        if "@@ppsconsole-detached" in command:
            return self._outlived(world.hosts[host.name], looked_for(command))
        brought = salvage.done(world, host.name, command, stdin)
        if brought is not None:
            return brought
        raise UnknownToModel(f"the model does not know this command on {host.name}: {command}")

    async def _parts(self, host: Host, parts: tuple[tuple[str, str], ...]) -> CommandResult:
        text = ""
        for key, command in parts:
            known = table_of(self.world.inventory).get((host.name, command))
            if key == "system":
                result = self._system(host)
            elif known is not None:
                result = await effects.done(self.world, known, "", now)
            else:
                unanswered.add(key)
                result = effects.said(status=127, stderr="the model does not know")
            text += f"@@ppsconsole {key}\n{result.stdout}\n@@ppsconsole-end {result.exit_status}\n"
        return effects.said(text)

    def _system(self, host: Host) -> CommandResult:
        boots = self.world.hosts[host.name].boots
        disks = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 100000 40000 60000 40% /\n"
        return effects.said(f"{now():.6f}\n{host.name}\nboot-{boots}\n{disks}")


@dataclass(slots=True)
class ModelTalk:
    """A command that stands ready on a host of the model."""

    shell: ModelShell
    host: Host
    guard: Guarded
    boots: int
    lines: list[str] | None = None
    told: str = ""
    result: CommandResult | None = None
    is_cut: bool = False

    @property
    def is_over(self) -> bool:
        return self.is_cut or not self._is_alive()

    def send(self, text: str) -> None:
        self.told = text

    @loud
    async def line(self) -> str:
        if self.lines is None:
            self.lines = []
            there = self.shell.world.hosts[self.host.name]
            if said := moved(there, self.guard.conditions, SYSTEM):
                self.result = effects.said(status=MOVED, stderr=said)
                return ""
            return armed.READY
        await self._do()
        return self.lines.pop(0) if self.lines else ""

    @loud
    async def end(self) -> CommandResult:
        await self._do()
        assert self.result is not None
        rest, self.lines = "".join(f"{line}\n" for line in self.lines or ()), []
        return CommandResult(self.result.exit_status, rest, self.result.stderr, self.result.duration_s)

    def cut(self) -> None:
        self.is_cut = True

    def _is_alive(self) -> bool:
        return self.shell.ways.is_open(self.host.name) and self.shell.world.hosts[self.host.name].boots == self.boots

    async def _do(self) -> None:
        """Do the command, once the word is here; nothing where it is not."""
        if self.result is not None:
            return
        if not self._is_alive():
            raise LineDropped("the line dropped", where=self.host.name)
        world, there = self.shell.world, self.shell.world.hosts[self.host.name]
        await asyncio.sleep(0.002)
        self.shell.ways.calls += 1
        world.advance(now())
        words = self.told.split()
        if self.is_cut or len(words) != 3 or words[0] != "go":
            self.result = effects.said(status=armed.UNUSED, stderr=armed.UNUSED_MARK)
            return
        drop = self.shell._drop(self.host.name)
        if drop == "before":
            raise LineDropped("the line dropped", where=self.host.name)
        said = moved(there, self.guard.at_word, SYSTEM)
        if int(words[1]) != self.guard.epoch:
            said = f"@@ppsconsole-moved lease {words[1]} in the word\n"
        if said:
            self.result = effects.said(status=MOVED, stderr=said)
            return
        self.shell._note(self.host, (self.guard.begun[0], words[2]))
        result = await self.shell._plain(self.host, self.guard.command, "")
        world.advance(now())
        if drop or not self._is_alive():
            raise LineDropped("the line dropped", where=self.host.name)
        self.result, self.lines = result, result.stdout.splitlines()
