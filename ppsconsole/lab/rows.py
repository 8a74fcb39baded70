"""A database that is large enough to see progress: many entries, as valid as those that users make."""

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
from cryptography.fernet import Fernet

from ppsconsole.errors import LabError
from ppsconsole.lab.layout import DATABASE, LabHost
from ppsconsole.lab.postgres import KEEPER_ROLE

_FOLDERS = 100
_AT_A_TIME = 100_000
_PASSWORDS = 500
"""So many encrypted passwords are shared by all entries: to encrypt a million takes half a minute."""

_MAKE_FOLDERS = """
INSERT INTO folders (parent_id, name)
SELECT root.id, 'Bulk ' || to_char(g, 'FM000')
FROM (SELECT id FROM folders WHERE parent_id IS NULL) AS root, generate_series(1, %s) AS g
RETURNING id
"""
_MAKE_ENTRIES = """
INSERT INTO credentials (folder_id, name, username, url, notes, password_encrypted, user_fields, created, modified)
SELECT (%(folders)s::uuid[])[1 + g %% cardinality(%(folders)s::uuid[])], 'entry ' || g, 'user' || g %% 5000,
       'https://host' || g %% 20000 || '.example.org/', repeat('note ', g %% 12),
       (%(passwords)s::text[])[1 + g %% cardinality(%(passwords)s::text[])], jsonb_build_object('number', g),
       now() - g * interval '1 second', now() - g * interval '1 second'
FROM generate_series(%(first)s::int, %(last)s::int) AS g
"""
_BEHIND = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn IS NULL OR replay_lsn < %s::pg_lsn"
_CATCH_UP_S = 600.0

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


async def make_rows(host: LabHost, password: str, count: int, progress: Callable[[str], None]) -> None:
    """Put `count` entries into the database of the stand-ins on `host`, and wait until its standbys have them.

    Args:
        host: The primary's.
        password: Of the lab's keeper.
        count: How many entries.
        progress: Told how far it is.

    Raises:
        LabError: The stand-ins have not made their tables, or a standby does not catch up.
    """
    async with await psycopg.AsyncConnection.connect(
        host=host.address,
        port=host.ports["db"],
        user=KEEPER_ROLE,
        password=password,
        dbname=DATABASE,
        application_name="ppsconsole-lab",
        sslmode="disable",
        autocommit=True,
    ) as connection:
        await _make(connection, count, lambda words: progress(f"{host.name}: {words}"))
        await _replayed(connection)


async def _make(connection: Connection, count: int, progress: Callable[[str], None]) -> None:
    cursor = await connection.execute("SELECT value FROM application_keys WHERE purpose = 'entries'")
    row = await cursor.fetchone()
    if row is None:
        raise LabError("the stand-ins have no keys yet", where="lab")
    key = Fernet(str(row[0]).encode())
    passwords = [key.encrypt(uuid.uuid4().hex[:16].encode()).decode() for _ in range(min(_PASSWORDS, count))]
    cursor = await connection.execute(_MAKE_FOLDERS, (_FOLDERS,))
    folders = [each[0] for each in await cursor.fetchall()]
    # Each entry is in one of these folders: to have that checked a million times takes as long as all the rest.
    await connection.execute("SET session_replication_role = replica")
    for first in range(1, count + 1, _AT_A_TIME):
        last = min(count, first + _AT_A_TIME - 1)
        await connection.execute(_MAKE_ENTRIES, {"folders": folders, "passwords": passwords, "first": first, "last": last})
        progress(f"{last} of {count} entries")
    await connection.execute("ANALYZE")


async def _replayed(connection: Connection) -> None:
    cursor = await connection.execute("SELECT pg_current_wal_lsn()::text")
    end = await cursor.fetchone()
    limit = time.monotonic() + _CATCH_UP_S
    while True:
        cursor = await connection.execute(_BEHIND, end)
        if await cursor.fetchone() == (0,):
            return
        if time.monotonic() > limit:
            raise LabError(f"a standby has not replayed the entries within {_CATCH_UP_S:.0f}s", where="lab")
        await asyncio.sleep(0.1)
