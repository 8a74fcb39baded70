"""How the journal's database is opened, and what its errors mean. Imports SQLAlchemy."""

import shlex
import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from ppsconsole.errors import JournalError
from ppsconsole.masking import plain

_POSTGRES_PORT = 5432


def of_file(path: Path, busy_timeout_s: float) -> Engine:
    """Return an engine on the SQLite file at `path`: write-ahead, every commit on the disk before it returns."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout_s, "check_same_thread": False},
        poolclass=StaticPool,  # one connection: the journal lets one thread in at a time
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # else the driver begins transactions when it likes, and DDL outside of them
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def of_url(url: str) -> Engine:
    """Return an engine for a shared journal.

    Raises:
        JournalError: It is no URL of a database that can be reached with what is installed.
    """
    try:
        parsed = _with_driver(make_url(url))
        if parsed.get_backend_name() == "sqlite":
            raise JournalError("a SQLite journal is not given by URL", remedy="Set XDG_STATE_HOME to where it should lie")
        engine = create_engine(parsed, pool_pre_ping=True, pool_size=1, max_overflow=0, connect_args=_arguments(parsed))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise JournalError(
            f"the journal's URL cannot be used: {plain(str(error))}", remedy="postgresql://HOST/DATABASE"
        ) from error
    return engine


def address_of(engine: Engine) -> tuple[str, int]:
    """Return host and port of a shared journal; the empty host is this machine's socket."""
    return engine.url.host or "", engine.url.port or _POSTGRES_PORT


def place_of(engine: Engine) -> str:
    """Return the engine's URL without its password."""
    return engine.url.render_as_string(hide_password=True)


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgresql", "postgres") else url


def _arguments(url: URL) -> dict[str, object]:
    if url.get_backend_name() != "postgresql":
        return {}
    # synchronous_commit: a server that answers before its disk has it would break the journal's promise.
    options = "-c synchronous_commit=on -c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000"
    return {"connect_timeout": 5, "application_name": "ppsconsole journal", "options": options}


def refuse_damaged(connection: Connection, where: str) -> None:
    """Have SQLite look its file over.

    Raises:
        JournalError: It is damaged.
    """
    if connection.dialect.name != "sqlite":
        return
    found = connection.exec_driver_sql("PRAGMA quick_check(3)").scalars().all()
    if found != ["ok"]:
        raise _damaged(plain("; ".join(map(str, found)), 200), where)


def is_full(error: DBAPIError) -> bool:
    """Return whether a write failed for want of space."""
    return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def translated(error: DBAPIError, where: str, *, is_opening: bool = False) -> JournalError:
    """Return what `error` means for an operator; before the journal is open no run of this console needs it yet."""
    said = plain(str(error.orig), 200)
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(said, where)
    if code == sqlite3.SQLITE_FULL and is_opening:
        remedy = f"Make room there: df -h {shlex.quote(where.rpartition('/')[0])}"
        return JournalError("the disk is full, and the journal cannot be opened", where=where, remedy=remedy)
    if code == sqlite3.SQLITE_FULL:
        return JournalError("the disk is full, and so is what was put by", where=where, remedy="Make room, then resume the run")
    if code == sqlite3.SQLITE_BUSY:
        return JournalError("another program keeps the journal locked", where=where, remedy="See who has it open: fuser -v FILE")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        # A file system that becomes read-only under an open file, one that is gone, a quota: SQLite says of them what follows.
        remedy = f"See what befell the disk (dmesg | tail; findmnt -T {shlex.quote(where)}), make it writable, resume the run"
        return JournalError(f"the journal's disk takes nothing any more: {said}", where=where, remedy=remedy)
    return JournalError(f"the journal does not work: {said}", where=where)


def _damaged(said: str, where: str) -> JournalError:
    return JournalError(
        f"the journal is damaged: {said}",
        where=where,
        remedy="Move the file and those beside it aside; open runs can be fetched from the cluster's hosts (`runs resume`)",
    )
