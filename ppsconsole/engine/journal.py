"""The journal: what runs did, durable before it acts and before anyone sees it.

SQLite by default; any SQLAlchemy URL for a team that shares one. SQLAlchemy is imported when a journal is opened.
"""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ppsconsole.engine.journal_place import Reserve, prepare_folder
from ppsconsole.errors import JournalError, UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.places import state_home
from ppsconsole.masking import plain
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_T = TypeVar("_T")

BUSY_TIMEOUT_S = 15
"""How long a record waits for another console of this machine that writes to the same file."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as the journal lists it.

    Attributes:
        started_at: Seconds since 1970 UTC.
        finished_at: None while it is open: running, held, or left by a console that died.
        verdict: None while it is open.
        holder: Who started it, or took it over last: `user@machine pid 4711`.
    """

    id: str
    cluster: str
    runbook: str
    plan: Plan
    started_at: float
    finished_at: float | None
    verdict: RunVerdict | None
    holder: str

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to resume it, back it out or abandon it."""
        return self.verdict is None


def open_journal(url: str | None = None, *, folder: Path | None = None) -> "Journal":
    """Open the journal, making or migrating it where that is needed.

    Args:
        url: A SQLAlchemy URL; None for SQLite in the console's state folder.
        folder: Where SQLite's files lie when `url` is None; None for `$XDG_STATE_HOME/ppsconsole`.

    Raises:
        JournalError: It cannot be used; the text says why and what to do.
    """
    from ppsconsole.engine import journal_engine

    if url is not None:
        made = journal_engine.of_url(url)
        return _checked(Journal(made, journal_engine.place_of(made), None, journal_engine.address_of(made)))
    place = folder or state_home()
    path = prepare_folder(place)
    return _checked(Journal(journal_engine.of_file(path, BUSY_TIMEOUT_S), str(path), Reserve(place)))


def _checked(journal: "Journal") -> "Journal":
    try:
        journal.check()
    except BaseException:
        journal.close()
        raise
    return journal


class Journal:
    """Records of runs. Its methods block for as long as the disk takes; they may be called from any thread.

    Attributes:
        place: The file, or the server and database, for messages; no password in it.
        address: Host and port of the server that it lies on; None for a file.
    """

    def __init__(self, engine: "Engine", place: str, reserve: Reserve | None, address: tuple[str, int] | None = None) -> None:
        self.place, self.address = place, address
        self._engine = engine
        self._reserve = reserve
        self._lock = threading.Lock()
        self._is_open = self._is_closed = False

    def check(self) -> None:
        """Look for damage, then bring the tables to this program's version.

        Raises:
            JournalError: It is damaged, newer, or does not answer.
        """
        from ppsconsole.engine import journal_engine, journal_schema

        def checked(connection: "Connection") -> None:
            journal_engine.refuse_damaged(connection, self.place)
            journal_schema.migrate(connection, self.place)

        self._write(checked)
        self._is_open = True

    def close(self) -> None:
        """Let go of the connection, once whoever is at it has done; nothing can be read or written after that."""
        # A console that is left has threads that still read: the one connection must not be taken away below them.
        with self._lock:
            self._is_closed = True
            self._engine.dispose()

    def refuse_moved(self, inventory: Inventory) -> None:
        """See that the journal does not lie in a database that a run on this cluster may stop or move.

        Raises:
            JournalError: It does.
        """
        for instance in inventory.database.instances.values():
            host = inventory.host_of(instance.name)
            names = {instance.address, host.address if host is not None else None, instance.name, *instance.aliases}
            if self.address is not None and self.address[1] == instance.port and self.address[0] in names:
                raise JournalError(
                    f"the journal lies on {instance.name}, an instance of this cluster, which a run may stop or move",
                    where=self.place,
                    remedy="Use a server that no run moves, or the journal on this machine",
                )

    # --- writing ----------------------------------------------------------------------------------------------

    def check_room(self) -> None:
        """Look whether a run could be begun, and put nothing by; a journal on a server is asked nothing.

        Raises:
            JournalError: There is too little space.
        """
        if self._reserve is not None:
            self._reserve.check()

    def reserve(self) -> None:
        """Put disk space by, so that a run is not stopped half way by a full disk.

        Raises:
            JournalError: There is none left.
        """
        if self._reserve is not None:
            self._reserve.fill()

    def start(self, run: str, plan: Plan, started_at: float, holder: str) -> None:
        """Write down that `run` exists; its plan goes with it. Does nothing when it is known already.

        Raises:
            JournalError: It could not be made durable.
        """
        from sqlalchemy import insert, select

        from ppsconsole.engine.journal_schema import runs_table

        row = {
            "id": run,
            "cluster": plan.cluster,
            "runbook": plan.runbook,
            "plan": _as_text(plan.as_json()),
            "started_at": started_at,
            "holder": plain(holder, 200),
        }

        def started(connection: "Connection") -> None:
            if connection.execute(select(runs_table.c.id).where(runs_table.c.id == run)).first() is None:
                connection.execute(insert(runs_table).values(row))

        self._write(started)

    def append(self, *events: RunEvent) -> None:
        """Write `events` in one transaction; they are durable when this returns.

        The list of runs follows in the same transaction: who holds a run, and how it ended.
        An event that is there already, word for word, is left alone: it is the repetition of a write whose answer was lost.

        Raises:
            JournalError: They could not be made durable, or another console wrote other events under these numbers.
        """
        from sqlalchemy import insert, update
        from sqlalchemy.exc import IntegrityError

        from ppsconsole.engine.journal_schema import events_table, runs_table

        rows = [event.as_json() | {"data": _as_text(event.data)} for event in events]

        def appended(connection: "Connection") -> None:
            connection.execute(insert(events_table), rows)
            for event in events:
                if changed := _change_of(event):
                    connection.execute(update(runs_table).where(runs_table.c.id == event.run).values(changed))

        try:
            self._write(appended)
        except IntegrityError:
            known = {event.number: event for event in self.events(events[0].run)}
            missing = [event for event in events if event.number not in known]
            if any(event.number in known and not _is_same(known[event.number], event) for event in events):
                raise JournalError(
                    f"another console wrote to run {events[0].run} meanwhile",
                    where=self.place,
                    remedy="Look at it with `ppsconsole runs show`; this console does nothing more in it",
                ) from None
            if missing:
                self.append(*missing)

    def adopt(self, run: str, plan: Plan, events: Sequence[RunEvent], holder: str) -> None:
        """Make the journal's record of `run` what `events` say, which were read back from a host of the cluster.

        What is recorded here and differs goes: another console went on with the run, and what it did is what happened.

        Raises:
            JournalError: It could not be made durable.
        """
        from sqlalchemy import delete

        from ppsconsole.engine.journal_schema import events_table

        self.start(run, plan, events[0].at if events else plan.made_at, holder)
        known = self.events(run)
        same = 0
        while same < min(len(known), len(events)) and _is_same(known[same], events[same]):
            same += 1
        if same < len(known):
            number = known[same].number
            statement = delete(events_table).where(events_table.c.run == run, events_table.c.number >= number)
            self._write(lambda connection: connection.execute(statement))
        if same < len(events):
            self.append(*events[same:])

    # --- reading ----------------------------------------------------------------------------------------------

    def events(self, run: str) -> tuple[RunEvent, ...]:
        """Return all events of `run` in their order.

        Raises:
            JournalError: The journal cannot be read.
        """
        from sqlalchemy import select

        from ppsconsole.engine.journal_schema import events_table

        statement = select(events_table).where(events_table.c.run == run).order_by(events_table.c.number)
        rows = self._read(lambda connection: connection.execute(statement).mappings().all())
        return tuple(RunEvent.from_json({**row, "data": json.loads(row["data"])}) for row in rows)

    def runs(self, cluster: str | None = None, limit: int = 200) -> tuple[RunRecord, ...]:
        """Return the runs of `cluster`, or of all, the latest first; at most `limit`.

        Raises:
            JournalError: The journal cannot be read.
        """
        from sqlalchemy import select

        from ppsconsole.engine.journal_schema import runs_table

        statement = select(runs_table).order_by(runs_table.c.started_at.desc(), runs_table.c.id).limit(limit)
        if cluster is not None:
            statement = statement.where(runs_table.c.cluster == cluster)
        return tuple(self._record(row) for row in self._read(lambda connection: connection.execute(statement).mappings().all()))

    def run(self, run: str) -> RunRecord:
        """Return the run with exactly this id.

        Raises:
            UsageError: There is none.
            JournalError: The journal cannot be read.
        """
        found = [record for record in self._alike(run) if record.id == run]
        if not found:
            raise UsageError(f"no run {run!r} in the journal", where=self.place, remedy="See `ppsconsole runs list`")
        return found[0]

    def find(self, prefix: str) -> RunRecord:
        """Return the one run whose id begins with `prefix`.

        Raises:
            UsageError: There is none, or more than one.
            JournalError: The journal cannot be read.
        """
        found = self._alike(prefix)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"no run begins with {prefix!r}", where=self.place, remedy="See `ppsconsole runs list`")
        named = ", ".join(record.id for record in found[:5])
        raise UsageError(f"{prefix!r} stands for {len(found)} runs: {named}", where=self.place, remedy="Type more of it")

    def _alike(self, prefix: str) -> list[RunRecord]:
        from sqlalchemy import select

        from ppsconsole.engine.journal_schema import runs_table

        if not prefix:
            return []
        statement = select(runs_table).where(runs_table.c.id.startswith(prefix, autoescape=True)).order_by(runs_table.c.id)
        return [self._record(row) for row in self._read(lambda connection: connection.execute(statement).mappings().all())]

    def _record(self, row: Any) -> RunRecord:
        try:
            plan = Plan.from_json(json.loads(row["plan"]))
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(
                f"the plan of run {row['id']} cannot be read: {plain(str(error))}",
                where=self.place,
                remedy="The copy beside the lease on the cluster's hosts can be used instead: `ppsconsole runs list`",
            ) from error
        verdict = RunVerdict(row["verdict"]) if row["verdict"] else None
        return RunRecord(
            row["id"], row["cluster"], row["runbook"], plan, row["started_at"], row["finished_at"], verdict, row["holder"]
        )

    # --- transactions -----------------------------------------------------------------------------------------

    def _read(self, work: "Callable[[Connection], _T]") -> _T:
        return self._within(work, False)

    def _write(self, work: "Callable[[Connection], _T]") -> _T:
        return self._within(work, True)

    def _within(self, work: "Callable[[Connection], _T]", is_writing: bool) -> _T:
        """Do `work` in a transaction; freed space and a new connection are each worth another try."""
        from sqlalchemy.exc import DBAPIError, IntegrityError

        from ppsconsole.engine import journal_engine

        has_reconnected = False
        with self._lock:
            if self._is_closed:
                raise JournalError("the journal was closed", where=self.place)
            while True:
                try:
                    with self._engine.begin() as connection:
                        return work(connection)
                except IntegrityError:
                    raise
                except DBAPIError as error:
                    if is_writing and journal_engine.is_full(error) and self._reserve is not None and self._reserve.release():
                        continue
                    if error.connection_invalidated and not has_reconnected:
                        has_reconnected = True
                        continue
                    raise journal_engine.translated(error, self.place, is_opening=not self._is_open) from error


def _change_of(event: RunEvent) -> dict[str, Any]:
    if event.kind == "run-finished":
        return {"verdict": event.data["verdict"], "finished_at": event.at}
    if event.kind in ("resumed", "taken-over") and "holder" in event.data:
        return {"holder": plain(str(event.data["holder"]), 200)}
    return {}


def _as_text(data: Any) -> str:
    return json.dumps(data, default=str, separators=(",", ":"), sort_keys=True)


def _is_same(one: RunEvent, other: RunEvent) -> bool:
    return _as_text(one.as_json()) == _as_text(other.as_json())
