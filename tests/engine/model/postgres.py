"""The double of the PostgreSQL driver: known statements are answered from the model, unknown ones fail loudly."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ppsconsole.actions import checkpoint, promote, sessions
from ppsconsole.actions.standing import FLUSHED_SQL, STANDING_SQL
from ppsconsole.cluster.database import Receiver, Replica, Sessions, Slot
from ppsconsole.drivers.postgres_query import PostgresStatus
from ppsconsole.engine.guard import _IDENTIFIER_SQL
from ppsconsole.errors import BadAnswer, TimedOut, Unreachable
from ppsconsole.inventory.model import Instance
from tests.engine.model import rejoining
from tests.engine.model.databases import CHECKPOINT_BYTES, PID, SYSTEM, Database, UnknownToModel, lsn
from tests.engine.model.ways import Ways, loud, now, unanswered
from tests.engine.model.world import World
from tests.unit.runbook_cases import SETTINGS

VERSION = 180006


@dataclass(slots=True)
class ModelPostgres:
    """What `drivers.postgres.PostgresPool` offers, on the model, as one console has it."""

    world: World
    ways: Ways

    @loud
    async def execute(
        self, instance: Instance, sql: str, *, timeout_s: float, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        database = await self._reached(instance, timeout_s)
        match sql:
            case _ if sql == STANDING_SQL:
                return [self._standing(database)]
            case _ if sql == promote._RECOVERY_SQL:
                is_asleep = database.promotes_at is not None and database.promotes_at > now() + 1.0
                return [(database.in_recovery, promote._SLEEPING if is_asleep else "RecoveryWalStream", "5s")]
            case _ if sql == FLUSHED_SQL:
                if database.in_recovery:
                    raise BadAnswer("recovery is in progress", where=instance.name)
                return [(lsn(database.end),)]
            case promote.WRITE_PROBE_SQL:
                if database.in_recovery:
                    raise BadAnswer("cannot execute it during recovery", where=instance.name)
                return [(lsn(database.write(0, now()).end),)]
            case _ if sql == _IDENTIFIER_SQL:
                return [(SYSTEM,)]
            case sessions._LIST_SQL:
                return self._sessions(database)
            case sessions._END_SQL:
                return []  # whoever was connected comes back at once
            case checkpoint.MAY_SQL:
                return [(True,)]
            case checkpoint.SQL:
                if not database.in_recovery:
                    database.control_checkpoint = database.write(0, now(), CHECKPOINT_BYTES).start
                database.checkpointed_at = now()
                return []
            case checkpoint._AGE_SQL:
                return [(now() - database.checkpointed_at, lsn(database.control_checkpoint))]
        if (told := rejoining.answered(database, sql)) is not None:
            return told
        raise UnknownToModel(f"the model does not know this statement: {sql}")

    @loud
    async def status(self, instance: Instance, *, timeout_s: float = 4.0) -> PostgresStatus:
        database = await self._reached(instance, timeout_s)
        is_standby, world = database.in_recovery, self.world
        settings = tuple(SETTINGS)
        told: dict[str, Any] = {
            "in_recovery": is_standby,
            "version": VERSION,
            "system_identifier": SYSTEM,
            "timeline": database.timeline,
            "started_at": database.started_at,
            "checkpointer_pid": PID,
            "data_directory": instance.data_directory,
            "server_address": None,
            "server_port": instance.port,
            "clock_at": now(),
            "lsn": lsn(database.end),
            "replay_lsn": lsn(database.replayed) if is_standby else None,
            "is_in_exclusive_backup": False,
            "is_replay_paused": database.is_paused if is_standby else None,
            "last_replay_at": database.replayed_at if is_standby else None,
            "receiver": self._receiver(database) if is_standby else None,
            "replicas": tuple(self._replica(database, each) for each in world.connected_to(database)),
            "slots": self._slots(database),
            "archiver_failed": 0,
            "archive_backlog": 0,
            "prepared_transactions": 0,
            "longest_transaction_s": 0.0,
            "sessions": tuple(
                Sessions(self._address(name), f"pps:{name}", "pps", world.inventory.database.database, 2)
                for name in world.writers_of(database)
            ),
            "max_connections": 50,
            "missing_extensions": (),
            "is_collation_changed": False,
            "settings": settings,
            "is_writable": not is_standby,
            "comment": "",
            "latency_s": 0.002,
        }
        names = [each.name for each in fields(PostgresStatus)]
        unanswered.update(f"{name} of an instance" for name in names if name not in told)
        return PostgresStatus(**{name: told.get(name) for name in names})

    async def aclose(self) -> None:
        """Do nothing."""

    # --- inside -----------------------------------------------------------------------------------------------

    async def _reached(self, instance: Instance, timeout_s: float) -> Database:
        host = self.world.inventory.host_of(instance.name)
        assert host is not None
        await self.ways.to(host, timeout_s)
        database = self.world.databases[instance.name]
        match database.process:
            case "gone":
                raise Unreachable("connection refused", where=instance.name, is_refused=True)
            case "frozen":
                await asyncio.sleep(timeout_s)
                self.world.advance(now())
                raise TimedOut(f"no answer within {timeout_s:g}s", where=instance.name)
            case "stopping":
                error = BadAnswer("the database system is shutting down", where=instance.name)
                error.word = "stopping"  # type: ignore[misc]
                raise error
        return database

    def _address(self, web_node: str) -> str:
        return self.world.inventory.hosts[self.world.inventory.web_nodes[web_node].host].address

    def _standing(self, database: Database) -> tuple[Any, ...]:
        is_standby = database.in_recovery
        receiver = "streaming" if self.world.is_connected(database) else None
        received, replayed = (lsn(database.end), lsn(database.replayed)) if is_standby else (None, None)
        is_paused = is_standby and database.is_paused
        return (is_standby, SYSTEM, database.timeline, received, replayed, is_paused, receiver, not is_standby)

    def _sessions(self, database: Database) -> list[tuple[Any, ...]]:
        writers = self.world.writers_of(database)
        return [(100 + n, now(), self._address(name), f"pps:{name}", "pps") for n, name in enumerate(writers)]

    def _slots(self, database: Database) -> tuple[Slot, ...]:
        used = {each.name for each in self.world.connected_to(database)}
        return tuple(Slot(name, "physical", name in used, "reserved", 0) for name in database.slots)

    def _receiver(self, database: Database) -> Receiver:
        if not self.world.is_connected(database):
            return Receiver("none")
        source = self.world.databases[database.upstream]
        address = self.world.inventory.hosts[source.host].address
        end = lsn(database.end)
        return Receiver("streaming", database.timeline, end, end, 0.1, database.name, address, 5432)

    def _replica(self, source: Database, standby: Database) -> Replica:
        address = self.world.inventory.hosts[standby.host].address
        flushed, replayed = lsn(standby.end), lsn(standby.replayed)
        lacks, unreplayed = source.end - standby.end, source.end - standby.replayed
        return Replica(standby.name, address, "streaming", "async", flushed, flushed, replayed, lacks, unreplayed, None, None)
