"""The journal's tables, their version, and how an older journal becomes a newer one. Imports SQLAlchemy."""

from collections.abc import Callable

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, Text, insert, inspect, select, update

from ppsconsole.errors import JournalError

VERSION = 1
"""What this program writes and reads."""

metadata = MetaData()

version_table = Table("ppsconsole_journal", metadata, Column("version", Integer, nullable=False))

runs_table = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("cluster", String(200), nullable=False, index=True),
    Column("runbook", String(80), nullable=False),
    Column("plan", Text, nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("finished_at", Float(53)),
    Column("verdict", String(40)),
    Column("holder", String(200), nullable=False),
)

events_table = Table(
    "events",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float(53), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("step", String(120), nullable=False),
    Column("words", Text, nullable=False),
    Column("data", Text, nullable=False),
)


def _create(connection: Connection) -> None:
    metadata.create_all(connection)
    connection.execute(insert(version_table).values(version=0))


_MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_create,)
"""The n-th one leads from version n to n + 1; none of them is ever changed after a release."""


def migrate(connection: Connection, where: str) -> None:
    """Bring the journal behind `connection` to `VERSION`, in the caller's transaction.

    Raises:
        JournalError: A newer program wrote it.
    """
    found = 0
    if inspect(connection).has_table(version_table.name):
        found = connection.execute(select(version_table.c.version)).scalar_one_or_none() or 0
    if found > VERSION:
        raise JournalError(
            f"the journal is of version {found}, this program knows versions up to {VERSION}",
            where=where,
            remedy="Use the newer program that wrote it; nothing was changed",
        )
    for step in _MIGRATIONS[found:]:
        step(connection)
    if found < VERSION:
        connection.execute(update(version_table).values(version=VERSION))
